// Readers of files: a CSV trace, prediction tables, profiles. The files are written by the benchmark itself; what is
// read must be what was written.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/cost/source.hpp"
#include "core/workload/reuse.hpp"
#include "core/workload/trace_file.hpp"

namespace switchyard {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / fmt::format("switchyard-bench-{}", getpid())) {
    fs::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path write(const char* name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void load_trace(benchmark::State& state) {
  const Folder folder;
  const auto rows = static_cast<std::size_t>(state.range(0));
  std::string text = "arrived_at,num_prefill_tokens,num_decode_tokens\n";
  for (std::size_t i = 0; i < rows; ++i) text += fmt::format("{}.25,{},{}\n", i, 1 + i % 3000, 1 + i % 700);
  const fs::path file = folder.write("trace.csv", text);
  const TraceFile trace = read_trace(file);
  const RawRequest last{static_cast<double>(rows - 1) + 0.25, static_cast<std::int32_t>(1 + (rows - 1) % 3000),
                        static_cast<std::int32_t>(1 + (rows - 1) % 700)};
  if (trace.rows.size() != rows || trace.rows.back() != last) {
    state.SkipWithError("read something else than was written");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(read_trace(file).rows.size());
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(load_trace)->Name("BM_LoadTrace")->ArgName("rows")->Arg(20'000)->Unit(benchmark::kMillisecond);

// A trace of the size of Mooncake's conversation trace: 12,000 rows, 24 ids each, half of them of a prompt that another
// row begins with.
std::string text_with_ids(std::size_t rows) {
  std::string text;
  std::size_t next = 0;
  std::vector<std::size_t> first_of_row;
  for (std::size_t i = 0; i < rows; ++i) {
    text += fmt::format("{{\"timestamp\": {}, \"input_length\": {}, \"output_length\": 200, \"hash_ids\": [", i * 300,
                        24 * 512);
    const std::size_t shared = i % 2 == 1 ? 24 : 0;  // odd rows begin as the row before them, and are own from there on
    for (std::size_t j = 0; j < 24; ++j) {
      const std::size_t id = j < shared / 2 ? first_of_row[i - 1] + j : next++;
      if (j == 0) first_of_row.push_back(id);
      text += fmt::format("{}{}", j == 0 ? "" : ", ", id);
    }
    text += "]}\n";
  }
  return text;
}

void load_trace_with_ids(benchmark::State& state) {
  const Folder folder;
  const auto rows = static_cast<std::size_t>(state.range(0));
  const std::string text = text_with_ids(rows);
  const fs::path file = folder.write("trace.jsonl", text);
  if (read_trace(file).content.ids.num_names() != rows * 18) {
    state.SkipWithError("read something else than was written");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(read_trace(file).content.ids.num_names());
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(load_trace_with_ids)
    ->Name("BM_LoadTraceWithIds")
    ->ArgName("rows")
    ->Arg(12'000)
    ->Unit(benchmark::kMillisecond);

void reuse_of_trace(benchmark::State& state) {
  const Folder folder;
  const auto rows = static_cast<std::size_t>(state.range(0));
  const TraceFile trace = read_trace(folder.write("trace.jsonl", text_with_ids(rows)));
  const Content content = make_workload("made", trace.rows, trace.content).content;
  if (inspect_reuse(trace.rows, content).hit_rate != 0.25) {
    state.SkipWithError("a quarter of all blocks is found again");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(inspect_reuse(trace.rows, content).hit_rate);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(reuse_of_trace)->Name("BM_InspectReuse")->ArgName("rows")->Arg(12'000)->Unit(benchmark::kMillisecond);

// Tables of the size of Vidur's for a 4096-token context, in which every time is 0.25 ms a layer.
void load_tables(benchmark::State& state) {
  constexpr int kTokens = 4096, kBatch = 128, kGrain = 64;
  const Folder folder;
  folder.write("model.json", R"({"num_layers": 32, "num_q_heads": 32, "num_kv_heads": 32})");
  std::string text =
      "num_tokens,attn_pre_proj,attn_post_proj,mlp_up_proj,mlp_down_proj,mlp_act,attn_rope,input_layernorm,"
      "post_attention_layernorm,add,attn_kv_cache_save\n";
  for (int t = 1; t <= kTokens; ++t) text += fmt::format("{},.25,.25,.25,.25,.25,.25,.25,.25,.25,.25\n", t);
  folder.write("token_ops.csv", text);
  auto matrix = [](const char* key, int rows, int first_row, int row_step, int columns, int first, int step) {
    std::string table = key;
    for (int c = 0; c < columns; ++c) table += fmt::format(",{}", first + c * step);
    for (int r = 0; r < rows; ++r) {
      table += fmt::format("\n{}", first_row + r * row_step);
      for (int c = 0; c < columns; ++c) table += ",.25";
    }
    return table + "\n";
  };
  constexpr int kSteps = kTokens / kGrain + 1;
  folder.write("attn_decode.csv", matrix("batch_size", kBatch, 1, 1, kSteps, 0, kGrain));
  folder.write("attn_prefill.csv", matrix("kv_cache_size", kSteps, 0, kGrain, kTokens, 1, 1));

  // 11 parts of 0.25 ms in each of 32 layers.
  const Time expected = Time{11} * 32 * (kTicksPerSecond / 4000);
  const auto source = load_cost_tables(folder.path());
  const Time found = source.model->batch_time({.num_decodes = 7, .decode_kv_tokens = 700}).time;
  if (found != expected) {
    state.SkipWithError("a batch takes another time than was written");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(load_cost_tables(folder.path()).model.get());
}
BENCHMARK(load_tables)->Name("BM_LoadCostTables")->Unit(benchmark::kMillisecond);

void load_one_profile(benchmark::State& state, const std::string& name) {
  const auto source = load_profile(name);
  const auto time = [&](std::int32_t decodes, std::int64_t kv) {
    return source.model->batch_time({.num_decodes = decodes, .decode_kv_tokens = kv}).time;
  };
  if (!source.shape_complete || time(1, 100) <= 0 || time(64, 64 * 2000) <= time(1, 2000)) {
    state.SkipWithError("64 decodes do not take longer than one");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(load_profile(name).model.get());
}

const bool registered = [] {
  for (const std::string& name : embedded_profile_names()) {
    benchmark::RegisterBenchmark(("BM_LoadProfile/" + name).c_str(), load_one_profile, name)
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace switchyard
