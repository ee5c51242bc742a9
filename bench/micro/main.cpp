// Microbenchmarks. Each checks its result against a known answer before it is timed.
#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
