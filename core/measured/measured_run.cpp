#include "core/measured/measured_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/input/csv.hpp"
#include "core/input/error.hpp"
#include "core/input/json_file.hpp"
#include "core/input/line_reader.hpp"
#include "core/measured/bench_run.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

constexpr std::int32_t kHashTokens = 16;

std::int32_t tokens(const CsvReader& csv, std::size_t column) {
  const std::int64_t value = csv.integer(column);
  if (value < 1 || value > 100'000'000) throw csv.fail(column, "must be from 1 to 1e8");
  return static_cast<std::int32_t>(value);
}

void read_requests(const std::filesystem::path& file, MeasuredRun& run) {
  CsvReader csv(file);
  const auto arrived = csv.column("arrived_at"), prompt = csv.column("num_prefill_tokens");
  const auto output = csv.column("num_decode_tokens"), first = csv.column("first_token_at");
  const auto last = csv.column("last_token_at");
  while (csv.next()) {
    const double at = csv.number(arrived);
    if (!(at >= 0 && at < 1e6)) throw csv.fail(arrived, "must be from 0 to 1e6");
    if (!run.rows.empty() && at < run.rows.back().arrived_at_s) {
      throw csv.fail(arrived, "must not be before the arrival in the row above");
    }
    RawRequest row;
    row.arrived_at_s = at;
    row.num_prefill_tokens = tokens(csv, prompt);
    row.num_decode_tokens = tokens(csv, output);
    MeasuredRequest request{csv.number(first) - at, csv.number(last) - at, row.num_decode_tokens};
    if (!(request.ttft_s > 0)) throw csv.fail(first, "must be after arrived_at");
    if (!(request.e2e_s >= request.ttft_s)) throw csv.fail(last, "must not be before first_token_at");
    run.rows.push_back(row);
    run.requests.push_back(request);
  }
  if (run.rows.empty()) throw InputError(fmt::format("{}: has a header but no rows", file.string()));
}

// Names of the blocks that prompts consist of: a line for each row of requests.csv.
void read_blocks(const std::filesystem::path& file, MeasuredRun& run) {
  LineReader lines(file);
  std::size_t row = 0;
  while (lines.next()) {
    if (lines.line().empty()) continue;
    const JsonFile line(fmt::format("{}:{}", lines.file(), lines.number()), std::string(lines.line()));
    if (row == run.rows.size()) throw InputError(fmt::format("{}: more lines than requests.csv has rows", line.name()));
    RawRequest& request = run.rows[row++];
    const auto found = line.root().find("hash_ids");
    if (found == line.root().end()) continue;
    if (!found->is_array()) throw line.fail("/hash_ids", "'hash_ids' must be a list of whole numbers");
    std::vector<std::int64_t> ids;
    for (const Json& id : *found) {
      if (!id.is_number_integer() || id.get<std::int64_t>() < 0) {
        throw line.fail("/hash_ids", "'hash_ids' must be a list of whole numbers from 0 up");
      }
      ids.push_back(id.get<std::int64_t>());
    }
    const auto named = static_cast<std::int32_t>(ids.size()) * kHashTokens;
    if (named > request.num_prefill_tokens) {
      throw line.fail("/hash_ids",
                      fmt::format("'hash_ids' must name at most the prompt, {} tokens", request.num_prefill_tokens));
    }
    request.content = run.content.ids.add(ids);
    request.num_hashed_tokens = named;
  }
  run.content.hash_id_tokens = kHashTokens;
  if (row != run.rows.size()) {
    throw InputError(fmt::format("{}: {} lines, requests.csv has {} rows", file.string(), row, run.rows.size()));
  }
}

void read_log(const std::filesystem::path& file, MeasuredRun& run) {
  CsvReader csv(file);
  const auto t = csv.column("t"), running = csv.column("running"), waiting = csv.column("waiting");
  const bool has_kv = csv.has_column("kv_cache_pct");
  const auto kv = has_kv ? csv.column("kv_cache_pct") : t;
  while (csv.next()) {
    run.log.push_back({csv.number(t), csv.number(running), csv.number(waiting), has_kv ? csv.number(kv) : 0.0});
    run.kv_logged |= run.log.back().kv_percent > 0;
  }
}

// The flags that matter, the resolved ones before those that were given.
void read_engine(const JsonFile& file, VllmV1Options& engine) {
  const auto find = [&](const char* key) -> const Json* {
    for (const char* section : {"/cache_config/", "/scheduler_config/", "/kv_cache/", "/engine_kwargs/"}) {
      const Json::json_pointer at(std::string(section) + key);
      if (file.root().contains(at) && !file.root().at(at).is_null()) return &file.root().at(at);
    }
    return nullptr;
  };
  const auto whole = [&](const char* key, std::int32_t& value) {
    const Json* found = find(key);
    if (!found) return;
    if (!found->is_number_integer() || found->get<std::int64_t>() < 0 || found->get<std::int64_t>() > INT32_MAX) {
      throw InputError(fmt::format("{}: '{}' must be a whole number from 0 to {}", file.where(""), key, INT32_MAX));
    }
    value = found->get<std::int32_t>();
  };
  const auto flag = [&](const char* key, bool& value) {
    const Json* found = find(key);
    if (!found) return;
    if (!found->is_boolean()) throw InputError(fmt::format("{}: '{}' must be true or false", file.where(""), key));
    value = found->get<bool>();
  };
  whole("num_gpu_blocks", engine.num_gpu_blocks);
  whole("block_size", engine.block_size);
  whole("max_num_batched_tokens", engine.max_num_batched_tokens);
  whole("max_num_seqs", engine.max_num_seqs);
  whole("max_model_len", engine.max_model_len);
  whole("long_prefill_token_threshold", engine.long_prefill_token_threshold);
  flag("enable_prefix_caching", engine.enable_prefix_caching);
  flag("async_scheduling", engine.async_scheduling);
  flag("scheduler_reserve_full_isl", engine.reserve_full_prompt);
}

void read_bench(const std::filesystem::path& file, MeasuredRun& run) {
  const BenchRun bench = read_bench_run(file);
  run.format = bench.format;
  for (const BenchRequest& request : bench.requests) {
    RawRequest row;
    row.arrived_at_s = request.sent_s;
    row.num_prefill_tokens = static_cast<std::int32_t>(request.prompt_tokens);
    row.num_decode_tokens = static_cast<std::int32_t>(request.output_tokens);
    run.rows.push_back(row);
    run.requests.push_back({request.ttft_s, request.e2e_s, request.output_tokens});
  }
}

}  // namespace

MeasuredRun read_measured_run(const std::filesystem::path& path) {
  MeasuredRun run;
  run.engine.max_num_batched_tokens = 8192;
  run.engine.max_model_len = 0;
  if (std::filesystem::is_directory(path)) {
    run.format = "engine log";
    run.client_clock = false;
    read_requests(path / "requests.csv", run);
    if (std::filesystem::exists(path / "workload.jsonl")) read_blocks(path / "workload.jsonl", run);
    if (std::filesystem::exists(path / "engine.json")) read_engine(JsonFile(path / "engine.json"), run.engine);
    if (std::filesystem::exists(path / "timeseries.csv")) read_log(path / "timeseries.csv", run);
  } else {
    read_bench(path, run);
  }
  std::int32_t longest = 0;
  for (const RawRequest& row : run.rows) longest = std::max(longest, row.num_prefill_tokens + row.num_decode_tokens);
  if (run.engine.max_model_len == 0) run.engine.max_model_len = longest + 1;
  return run;
}

}  // namespace switchyard
