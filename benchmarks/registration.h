// What all benchmarks are registered with.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdlib>

namespace hirestream {

// As many iterations as HIRESTREAM_BENCHMARK_ITERATIONS says, if it is set: a fixed amount of work.
inline void set_iterations(benchmark::internal::Benchmark* benchmark) {
  if (const char* iterations = std::getenv("HIRESTREAM_BENCHMARK_ITERATIONS")) {
    benchmark->Iterations(std::strtoll(iterations, nullptr, 10));
  }
}

}  // namespace hirestream

#define HIRESTREAM_BENCHMARK(function) \
  BENCHMARK(function)->Unit(benchmark::kMillisecond)->Apply(set_iterations)
