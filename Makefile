# The front door: `make` lists what there is. Everything works from a clean clone on Debian 12; what is missing is installed first.
# JOBS: how many things at the same time.  ARGS: options for the program, as in make demo ARGS="--seconds 20".
SHELL := /bin/bash
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)
ARGS ?=
LINT_SINCE ?=
SECONDS := 180
SECONDS_EACH ?= 10
MINUTES ?= 30
DAYS ?= 400
ROWS ?= 1020000
BUILD ?= prebuilt
PREFIX ?= /usr/local
services := tests/support/services/services.sh
export JOBS

# Elsewhere than on Debian the set-up only prints what is needed and how to do without (exit 2), and CMake says what is missing of it.
setup_build = .ci/setup --build || [ $$? = 2 ]
setup_full = .ci/setup || [ $$? = 2 ]
# configure,PRESET,FOLDER: ninja repeats it by itself when a CMake file or the set of sources changes.
configure = test -f $(2)/build.ninja || cmake --preset $(1)

.PHONY: help setup build all demo package wheel install packages arm64 test test-unit asan tsan simulate year mutations fuzz faults soak mirror sources spark pythons compose prove lint format services services-stop services-status bench clean

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5); next } \
	  /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

##@ Use it
build: ## build the program: build/hirestream
	@$(setup_build)
	@$(call configure,release,build)
	@cmake --build build -j $(JOBS) --target hirestream

demo: build ## build, then run the demo (ARGS="--seconds 20" …)
	build/hirestream demo $(ARGS)

package: build ## the Debian package, into build/: hirestream_VERSION-1_ARCHITECTURE.deb
	@cmake --build build -j $(JOBS) --target hirestream_package_files
	@cd build && cpack && ls -l *.deb

wheel: ## the Python package, for Arrow tables and Apache Spark, into build/: hirestream-VERSION-py3-none-linux_ARCHITECTURE.whl
	@$(setup_build)
	@$(call configure,release,build)
	@cmake --build build -j $(JOBS) --target hirestream_kernel_abi
	@integrations/spark/build_wheel build

install: build ## program, manual page, completions and service below PREFIX (/usr/local; DESTDIR as usual)
	@cmake --build build -j $(JOBS) --target hirestream_package_files
	@cmake --install build --prefix $(PREFIX) --strip

##@ Test it
test: ## all tests; starts Cassandra, MySQL and MariaDB, stops those it started
	@$(setup_full)
	@$(MAKE) --no-print-directory all
	@$(services) run -- .ci/test build

test-unit: ## the tests that need no server (unit, simulation, contract, behavior)
	@$(setup_build)
	@$(MAKE) --no-print-directory all
	@.ci/test build unit simulation contract behavior

asan: ## the tests that need no server with the address and undefined behaviour sanitizers (LABELS=behavior: those of the whole program, 3 minutes more)
	@$(setup_full)
	@$(call configure,asan,build-asan)
	@cmake --build build-asan -j $(JOBS)
	@CTEST_ARGS="-E ^(dashboard_check|oracle|structure)" .ci/test build-asan $(or $(LABELS),unit simulation contract)

# Its shadow memory does not fit every random address space (vm.mmap_rnd_bits above 28).
tsan: ## the tests of what has threads, and the demo, with the thread sanitizer
	@$(setup_full)
	@$(call configure,tsan,build-tsan)
	@cmake --build build-tsan -j $(JOBS) --target threads
	@fixed=; if setarch -R true 2>/dev/null; then fixed='setarch -R'; fi; \
	  TSAN_OPTIONS=ignore_noninstrumented_modules=1:second_deadlock_stack=1:halt_on_error=1:exitcode=66 \
	  $$fixed build-tsan/hirestream demo --seconds 10 && \
	  CTEST_ARGS="-E local_hours|bench|fuzz" $$fixed .ci/test build-tsan unit

##@ Prove it
simulate: ## the real engine in a simulated world, seed after seed, fresh ones each time (SECONDS=180 or SEEDS=N, SEED=N)
	@$(setup_build)
	@$(call configure,release,build)
	@cmake --build build -j $(JOBS) --target hirestream_simulator
	@seed=$${SEED:-$$(( ($$(date +%s) * 1000 + RANDOM) % 1000000000 ))}; \
	  echo "first seed $$seed"; HIRESTREAM_COMMIT=$$(git describe --always --dirty --abbrev=10 2>/dev/null) build/hirestream_simulator --seed $$seed $(if $(SEEDS),--seeds $(SEEDS),--budget $(SECONDS)) --strategy all --jobs $(JOBS) $(ARGS)

year: ## the real engine through 400 simulated days: nothing may grow with the days that have passed (DAYS=400, SEEDS=2, SEED=N)
	@$(setup_build)
	@$(call configure,release,build)
	@cmake --build build -j $(JOBS) --target hirestream_simulator
	@seed=$${SEED:-$$(( ($$(date +%s) * 1000 + RANDOM) % 1000000000 ))}; \
	  echo "first seed $$seed"; HIRESTREAM_COMMIT=$$(git describe --always --dirty --abbrev=10 2>/dev/null) build/hirestream_simulator --year --days $(DAYS) --seed $$seed --seeds $(or $(SEEDS),2) --jobs $(JOBS) $(ARGS)

mutations: ## deliberate defects, each of which the simulator or the contract suite must catch; writes docs/proof/mutations.md
	@$(setup_full)
	@tests/support/services/services.sh run -- tests/mutation/run --summary docs/proof/mutations.md $(ARGS)

fuzz: ## libFuzzer on every parser of outside bytes (SECONDS_EACH=10 or RUNS=N, SEED=N)
	@$(setup_full)
	@tests/fuzz/run $(if $(RUNS),--runs $(RUNS),--seconds $(SECONDS_EACH)) $(ARGS)

faults: ## kill -9, cut connections, stop and restart servers, for real; writes docs/proof/faults.md
	@$(setup_full)
	@$(MAKE) --no-print-directory all
	@tests/integration/faults/prove --summary docs/proof/faults.md $(ARGS)

soak: ## a long run with faults under load (MINUTES=30); writes docs/proof/soak.md
	@$(setup_full)
	@$(MAKE) --no-print-directory all
	@tests/integration/faults/soak --minutes $(MINUTES) --summary docs/proof/soak.md $(ARGS)

mirror: ## mirrors under faults, on one node and on three; writes docs/proof/mirror.md and docs/proof/mirror_nodes.md
	@$(setup_full)
	@$(MAKE) --no-print-directory all
	@printf '# The mirror under faults\n\nWritten by `make mirror`. Faults one after the other by chance; after each the mirror was the plain table, value by value, and `events` of an engine\nthat counts the mirror was what its rows give, cell by cell.\n' >docs/proof/mirror.md
	@tests/support/python/run tests/integration/mirror/prove.py --faults 60 --summary docs/proof/mirror.md
	@tests/support/python/run tests/integration/mirror/prove.py --faults 24 --compression LZ4Compressor --summary docs/proof/mirror.md
	@tests/support/python/run tests/integration/mirror/prove.py --faults 24 --visibility tail --summary docs/proof/mirror.md
	@tests/support/python/run tests/integration/mirror/prove.py --faults 24 --cdc --summary docs/proof/mirror.md
	@tests/support/python/run tests/integration/mirror/prove.py --faults 24 --cdc --visibility synced --summary docs/proof/mirror.md
	@tests/support/python/run tests/integration/mirror/prove.py --faults 24 --version 5.0.9 --summary docs/proof/mirror.md
	@tests/support/python/run tests/integration/mirror/prove_nodes.py --summary docs/proof/mirror_nodes.md

sources: ## the same rows through every source into every warehouse, a million of them (ROWS=1020000: one in a hundred is sent twice); writes docs/proof/sources.md
	@$(setup_full)
	@$(MAKE) --no-print-directory all
	@HIRESTREAM_E2E_ROWS=$(ROWS) HIRESTREAM_BINARY=$(CURDIR)/build/hirestream tests/support/services/services.sh run -- \
	  tests/support/python/run -m pytest -q -p no:cacheprovider tests/e2e/test_sources.py --proof docs/proof/sources.md $(ARGS)

spark: ## on Apache Spark, the same rows in every way (2 million), faults on a cluster, and YARN; writes docs/proof/spark.md; then make pythons
	@$(setup_full)
	@$(MAKE) --no-print-directory all
	@HIRESTREAM_BINARY=$(CURDIR)/build/hirestream HIRESTREAM_KERNEL=$(CURDIR)/build/libhirestream_kernel.so tests/support/services/services.sh run cassandra mysql -- \
	  tests/support/spark/run tests/integration/spark/prove.py --summary docs/proof/spark.md $(ARGS)
	@$(if $(ARGS),,$(MAKE) --no-print-directory pythons)

pythons: ## the wheel in Python 3.8 to 3.13, each with the packages that pip finds for it; writes docs/proof/pythons.md
	@$(setup_full)
	@$(MAKE) --no-print-directory all
	@HIRESTREAM_BINARY=$(CURDIR)/build/hirestream HIRESTREAM_KERNEL=$(CURDIR)/build/libhirestream_kernel.so \
	  tests/support/python/run tests/integration/spark/prove_pythons.py --summary docs/proof/pythons.md $(ARGS)

compose: build wheel ## the stack of docker-compose.yml with the real Docker Engine: from nothing, restarts, kills, down and up (BUILD=compiled: the image compiles); writes docs/proof/compose.md
	@tests/compose/run --build $(BUILD) $(ARGS) --proof docs/proof/compose.md

arm64: ## the C++ cross-compiled for arm64, its unit tests and the simulator run by QEMU; writes docs/proof/arm64.md
	@.ci/setup --arm64 || [ $$? = 2 ]
	@tests/arm64/prove.py --summary docs/proof/arm64.md $(ARGS)

packages: ## the Debian package installed, run as a service, upgraded and removed in a clean system, and the build on Debian 13, for real (root); writes docs/proof/packages.md
	@$(setup_full)
	@$(MAKE) --no-print-directory package
	@python3 tests/packages/prove.py --summary docs/proof/packages.md $(ARGS)

prove: ## everything that takes longer than the tests: asan of the whole program, mutations, simulate, year, sources, spark, packages, fuzz, compose, faults, soak, mirror, arm64
	@$(MAKE) --no-print-directory asan LABELS=behavior
	@$(MAKE) --no-print-directory mutations
	@$(MAKE) --no-print-directory simulate SECONDS=600 ARGS='--summary docs/proof/simulation.md'
	@$(MAKE) --no-print-directory year ARGS='--summary docs/proof/year.md'
	@$(MAKE) --no-print-directory sources
	@$(MAKE) --no-print-directory spark
	@$(MAKE) --no-print-directory packages
	@$(MAKE) --no-print-directory fuzz SECONDS_EACH=60 ARGS='--summary docs/proof/fuzzing.md'
	@$(MAKE) --no-print-directory compose BUILD=compiled
	@$(MAKE) --no-print-directory faults
	@$(MAKE) --no-print-directory soak
	@$(MAKE) --no-print-directory mirror
	@$(MAKE) --no-print-directory arm64

##@ Work on it
bench: ## run the benchmarks
	@$(setup_build)
	@$(MAKE) --no-print-directory all
	@ran=0; for program in build/*_benchmark; do [ -x "$$program" ] || continue; ran=1; echo "$$program"; "$$program" $(ARGS) || exit 1; done; \
	  [ $$ran = 1 ] || { echo "there are no benchmarks yet"; exit 1; }

services: ## start Cassandra, MySQL and MariaDB on the loopback address
	@$(setup_full)
	@$(services) start
	@$(services) env

services-stop: ## stop those that make services started (data is kept)
	@$(services) stop

services-status: ## which of them serve
	@$(services) status

setup: ## install everything needed (Debian 12)
	@.ci/setup

all: ## build everything, tests and benchmarks too
	@$(call configure,release,build)
	@cmake --build build -j $(JOBS)

# In build-debug, where each file is compiled alone: clang-tidy looks at files, and what they include is known there.
lint: ## clang-format and clang-tidy, warnings are errors (LINT_SINCE=REV: only what changed since)
	@$(setup_full)
	@$(call configure,debug,build-debug)
	@cmake --build build-debug -j $(JOBS)
	@.ci/lint --build build-debug --jobs $(JOBS) $(if $(LINT_SINCE),--since $(LINT_SINCE))

format: ## format the C++ sources
	@.ci/lint --fix-format

clean: ## delete the build folders
	rm -rf build build-*
