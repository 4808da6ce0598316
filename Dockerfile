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
