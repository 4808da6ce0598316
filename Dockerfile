# The program alone: docker build -t hirestream .
# Compiling takes minutes. Where build/hirestream was made on a Debian 12 already, --build-arg BINARY=prebuilt takes that. Needs BuildKit.
ARG BINARY=compiled

FROM docker.io/library/debian:bookworm-slim AS compiled
WORKDIR /src
COPY .ci/setup .ci/setup
RUN .ci/setup --build && rm -rf /var/lib/apt/lists/*
COPY . .
ENV CARGO_HOME=/cargo
ARG REVISION=unknown
RUN --mount=type=cache,target=/cargo/registry \
    rm -rf build && cmake --preset release -D HIRESTREAM_COMMIT="${REVISION}" && cmake --build build --target hirestream && install -D build/hirestream /out/hirestream

FROM docker.io/library/debian:bookworm-slim AS prebuilt
COPY build/hirestream /out/hirestream

FROM ${BINARY} AS binary

FROM compiled AS compiled-wheel
RUN --mount=type=cache,target=/cargo/registry \
    cmake --build build --target hirestream_kernel_abi \
 && apt-get update && apt-get install -y --no-install-recommends python3-venv && integrations/spark/build_wheel build && mv build/*.whl /out/

FROM docker.io/library/debian:bookworm-slim AS prebuilt-wheel
COPY build/hirestream-*.whl /out/

FROM ${BINARY}-wheel AS wheel

# For docker compose --profile spark: Spark 3.4 with the wheel of integrations/spark; docker build --target spark makes it.
FROM docker.io/library/debian:bookworm-slim AS spark
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tzdata openjdk-17-jre-headless procps python3 python3-venv libdate-tz3 libfmt9 liblz4-1 \
      libmariadb3 libprometheus-cpp-core1.0 libsimdjson14 libsnappy1v5 libspdlog1.10 libsqlite3-0 libssl3 libxxhash0 libzstd1 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin hirestream
COPY tests/support/spark/requirements.txt /tmp/versions.txt
RUN --mount=type=bind,from=wheel,source=/out,target=/wheel --mount=type=cache,target=/cache/pip \
    export PIP_CACHE_DIR=/cache/pip && python3 -m venv /opt/spark && /opt/spark/bin/pip install wheel setuptools \
 && grep -E '^(pyspark|pyarrow|pandas)==' /tmp/versions.txt >/tmp/wanted.txt && /opt/spark/bin/pip install -r /tmp/wanted.txt /wheel/hirestream-*.whl \
 && rm /tmp/versions.txt /tmp/wanted.txt && find / -xdev -name __pycache__ -path '*/site-packages/*' -prune -exec rm -rf {} +
ENV PATH=/opt/spark/bin:/usr/local/bin:/usr/bin:/bin PYSPARK_PYTHON=/opt/spark/bin/python SPARK_HOME=/opt/spark/lib/python3.11/site-packages/pyspark \
    SPARK_LOCAL_DIRS=/tmp HOME=/tmp PYTHONDONTWRITEBYTECODE=1
# A library that the list above has forgotten.
RUN ! ldd "$(python -c 'import hirestream, pathlib; print(pathlib.Path(hirestream.__file__).with_name("libhirestream_kernel.so"))')" | grep 'not found'
USER 10001:10001

FROM docker.io/library/debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tzdata libdate-tz3 libfmt9 liblz4-1 libmariadb3 \
      libprometheus-cpp-core1.0 libsimdjson14 libsnappy1v5 libspdlog1.10 libsqlite3-0 libssl3 libxxhash0 libzstd1 zlib1g \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin hirestream
COPY --from=binary /out/hirestream /usr/local/bin/hirestream
# A library that the list above has forgotten.
RUN ! ldd /usr/local/bin/hirestream | grep 'not found'
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hirestream" \
      org.opencontainers.image.description="Keeps an hourly table of recruitment events in MySQL equal to a recount of the raw log in Cassandra" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
USER 10001:10001
# Inside the container only, so that no token is needed; 0.0.0.0:8080 and a token open it.
ENV HIRESTREAM_HTTP_ADDRESS=127.0.0.1:8080
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["hirestream", "--quiet", "healthcheck"]
ENTRYPOINT ["hirestream"]
CMD ["run"]
