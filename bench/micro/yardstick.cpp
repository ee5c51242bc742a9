// What makes figures comparable between machines: a chain of as many dependent additions as the seed benchmark under
// LLQ has batches.
#include <benchmark/benchmark.h>

namespace {

void BM_Yardstick(benchmark::State& state) {
  for (auto _ : state) {
    double sum = 0.0;
    double step = 1.0;
    asm volatile("" : "+x"(step));  // not known at compile time
    for (int i = 0; i < 317714; ++i) {
      sum += step;
      asm volatile("" : "+x"(sum));  // each addition waits for the one before
    }
    if (sum != 317714.0) state.SkipWithError("wrong sum");
  }
}
BENCHMARK(BM_Yardstick)->Unit(benchmark::kMillisecond);

}  // namespace
