#include "core/measured/bench_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/input/csv.hpp"
#include "core/input/error.hpp"
#include "core/input/json_file.hpp"
#include "core/input/line_reader.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

constexpr double kLongestSeconds = 1e7;

// A value of a record, with what to say if it is not there or no number in range. `at` is its JSON pointer.
class Record {
 public:
  Record(const JsonFile& file, std::string at) : file_(&file), at_(std::move(at)) {}

  const Json* find(const std::string& pointer) const {
    const Json::json_pointer path(at_ + pointer);
    return file_->root().contains(path) && !file_->root().at(path).is_null() ? &file_->root().at(path) : nullptr;
  }
  double number(const std::string& pointer, double low, double high) const {
    const Json* value = find(pointer);
    if (!value) throw InputError(fmt::format("{}: '{}' is missing", file_->where(at_), pointer.substr(1)));
    if (!value->is_number() || !(value->get<double>() >= low && value->get<double>() <= high)) {
      throw file_->fail(at_ + pointer,
                        fmt::format("'{}' must be a number from {} to {}", pointer.substr(1), low, high));
    }
    return value->get<double>();
  }
  std::int64_t tokens(const std::string& pointer) const { return static_cast<std::int64_t>(number(pointer, 1, 1e8)); }
  // The first of several names that is there.
  std::string either(const std::string& a, const std::string& b) const { return find(a) ? a : b; }

 private:
  const JsonFile* file_;
  std::string at_;
};

const Json& list_of(const JsonFile& file, const std::string& pointer, std::size_t size) {
  const Json::json_pointer path(pointer);
  if (!file.root().contains(path)) {
    throw InputError(fmt::format("{}: '{}' is missing: run the benchmark with --save-detailed{}", file.where(""),
                                 pointer.substr(1),
                                 pointer == "/start_times" ? ", of a version of vLLM that records it" : ""));
  }
  const Json& list = file.root().at(path);
  if (!list.is_array() || (size > 0 && list.size() != size)) {
    throw file.fail(pointer, size > 0 ? fmt::format("must be a list of {} values, one a request", size)
                                      : std::string("must be a list"));
  }
  return list;
}

constexpr double kMostMerged = 0.05;  // of a request's tokens

// A client may see several tokens at once (--stream-interval, speculation): then the times of its chunks are no times
// of tokens. A few of them merge now and then on a busy server; one more or less is an empty last one.
void keep_single_tokens(BenchRequest& request, BenchRun& run) {
  const auto chunks = static_cast<std::int64_t>(request.token_times_s.size()), tokens = request.output_tokens;
  const auto merged = static_cast<std::int64_t>(kMostMerged * static_cast<double>(tokens)) + 1;
  if (chunks + merged < tokens || chunks > tokens + 1) {
    request.token_times_s.clear();
    ++run.num_grouped;
  } else if (chunks > tokens) {
    request.token_times_s.pop_back();
  }
}

// vLLM's benchmark: parallel lists; a failed request has no output, or an error.
BenchRun read_vllm(const JsonFile& file) {
  BenchRun run{.format = "vllm bench serve"};
  const std::size_t size = list_of(file, "/input_lens", 0).size();
  for (const char* list : {"/output_lens", "/ttfts", "/itls", "/start_times"}) list_of(file, list, size);
  const Record record(file, "");
  for (std::size_t i = 0; i < size; ++i) {
    const auto at = [i](const char* list) { return fmt::format("/{}/{}", list, i); };
    const Json* error = record.find(at("errors"));
    const bool failed = error && error->is_string() && !error->get<std::string>().empty();
    if (failed || record.number(at("output_lens"), 0, 1e8) < 1) {
      ++run.num_failed;
      continue;
    }
    BenchRequest request;
    request.sent_s = record.number(at("start_times"), -1e12, 1e12);
    request.prompt_tokens = record.tokens(at("input_lens"));
    request.ttft_s = record.number(at("ttfts"), 0, kLongestSeconds);
    request.token_times_s.push_back(request.sent_s + request.ttft_s);
    const std::size_t gaps = list_of(file, at("itls"), 0).size();
    for (std::size_t j = 0; j < gaps; ++j) {
      const double gap = record.number(fmt::format("{}/{}", at("itls"), j), 0, kLongestSeconds);
      request.token_times_s.push_back(request.token_times_s.back() + gap);
    }
    request.output_tokens = record.tokens(at("output_lens"));
    request.e2e_s = gaps == 0 ? request.ttft_s : request.token_times_s.back() - request.sent_s;
    keep_single_tokens(request, run);
    run.requests.push_back(std::move(request));
  }
  return run;
}

BenchRun read_guidellm(const JsonFile& file) {
  BenchRun run{.format = "guidellm"};
  const std::size_t benchmarks = list_of(file, "/benchmarks", 0).size();
  for (std::size_t b = 0; b < benchmarks; ++b) {
    const std::string at = fmt::format("/benchmarks/{}/requests", b);
    for (const char* failed : {"/errored", "/incomplete"}) {
      if (file.root().contains(Json::json_pointer(at + failed))) {
        run.num_failed += static_cast<std::int64_t>(list_of(file, at + failed, 0).size());
      }
    }
    const std::size_t size = list_of(file, at + "/successful", 0).size();
    for (std::size_t i = 0; i < size; ++i) {
      const Record record(file, fmt::format("{}/successful/{}", at, i));
      BenchRequest request;
      request.sent_s = record.number(record.either("/request_start_time", "/info/timings/request_start"), 0, 1e12);
      const double end = record.number(record.either("/request_end_time", "/info/timings/request_end"), 0, 1e12);
      request.prompt_tokens = record.tokens(record.either("/prompt_tokens", "/input_metrics/text_tokens"));
      request.output_tokens = record.tokens(record.either("/output_tokens", "/output_metrics/text_tokens"));
      request.ttft_s = 1e-3 * record.number("/time_to_first_token_ms", 0, 1e3 * kLongestSeconds);
      request.e2e_s = end - request.sent_s;
      run.requests.push_back(std::move(request));
    }
  }
  return run;
}

BenchRun read_inference_perf(const JsonFile& file) {
  BenchRun run{.format = "inference-perf"};
  for (std::size_t i = 0; i < file.root().size(); ++i) {
    const Record record(file, fmt::format("/{}", i));
    if (record.find("/error")) {
      ++run.num_failed;
      continue;
    }
    const std::string times = record.either("/info/output_token_times", "/info/response_metrics/output_token_times");
    BenchRequest request;
    request.sent_s = record.number("/start_time", 0, 1e12);
    request.prompt_tokens =
        record.tokens(record.either("/info/input_tokens", "/info/request_metrics/text/input_tokens"));
    const std::size_t count = list_of(file, fmt::format("/{}{}", i, times), 0).size();
    for (std::size_t j = 0; j < count; ++j) {
      request.token_times_s.push_back(record.number(fmt::format("{}/{}", times, j), request.sent_s, 1e12));
    }
    if (count == 0) {
      ++run.num_failed;
      continue;
    }
    std::sort(request.token_times_s.begin(), request.token_times_s.end());
    request.output_tokens = static_cast<std::int64_t>(count);
    request.ttft_s = request.token_times_s.front() - request.sent_s;
    request.e2e_s = request.token_times_s.back() - request.sent_s;
    run.requests.push_back(std::move(request));
  }
  return run;
}

BenchRun read_aiperf(const std::filesystem::path& path) {
  BenchRun run{.format = "aiperf"};
  LineReader lines(path);
  while (lines.next()) {
    if (lines.line().find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const JsonFile file(fmt::format("{}:{}", lines.file(), lines.number()), std::string(lines.line()));
    const Record record(file, "");
    const Json* phase = record.find("/metadata/benchmark_phase");
    if (phase && phase->is_string() && phase->get<std::string>() != "profiling") continue;
    const Json* cancelled = record.find("/metadata/was_cancelled");
    if (record.find("/error") || (cancelled && cancelled->is_boolean() && cancelled->get<bool>())) {
      ++run.num_failed;
      continue;
    }
    BenchRequest request;
    request.sent_s = 1e-9 * record.number("/metadata/request_start_ns", 0, 1e19);
    request.prompt_tokens = record.tokens("/metrics/input_sequence_length/value");
    request.output_tokens = record.tokens("/metrics/output_sequence_length/value");
    request.ttft_s = 1e-3 * record.number("/metrics/time_to_first_token/value", 0, 1e3 * kLongestSeconds);
    request.e2e_s = 1e-3 * record.number("/metrics/request_latency/value", 0, 1e3 * kLongestSeconds);
    const std::string gaps = "/metrics/inter_chunk_latency/value";
    if (record.find(gaps)) {
      request.token_times_s.push_back(request.sent_s + request.ttft_s);
      const std::size_t count = list_of(file, gaps, 0).size();
      for (std::size_t j = 0; j < count; ++j) {
        const double gap = 1e-3 * record.number(fmt::format("{}/{}", gaps, j), 0, 1e3 * kLongestSeconds);
        request.token_times_s.push_back(request.token_times_s.back() + gap);
      }
      keep_single_tokens(request, run);
    }
    run.requests.push_back(std::move(request));
  }
  return run;
}

BenchRun read_csv(const std::filesystem::path& path) {
  BenchRun run{.format = "CSV"};
  CsvReader csv(path);
  const auto sent = csv.column("sent_s"), prompt = csv.column("num_prefill_tokens");
  const auto output = csv.column("num_decode_tokens"), ttft = csv.column("ttft_s"), e2e = csv.column("e2e_s");
  const bool with_gaps = csv.has_column("itls_s");
  const std::size_t gaps = with_gaps ? csv.column("itls_s") : 0;
  const auto tokens = [&csv](std::size_t column) {
    const std::int64_t value = csv.integer(column);
    if (value < 1 || value > 100'000'000) throw csv.fail(column, "must be from 1 to 1e8");
    return value;
  };
  const auto seconds = [&csv](std::size_t column) {
    const double value = csv.number(column);
    if (!(value >= 0 && value <= kLongestSeconds)) throw csv.fail(column, "must be from 0 to 1e7");
    return value;
  };
  while (csv.next()) {
    BenchRequest request{.sent_s = seconds(sent),
                         .prompt_tokens = tokens(prompt),
                         .output_tokens = tokens(output),
                         .ttft_s = seconds(ttft),
                         .e2e_s = seconds(e2e),
                         .token_times_s = {}};
    if (with_gaps) {
      request.token_times_s.push_back(request.sent_s + request.ttft_s);
      std::istringstream text{std::string(csv.text(gaps))};
      for (double gap = 0; text >> gap;) {
        if (!(gap >= 0 && gap <= kLongestSeconds)) throw csv.fail(gaps, "must be numbers from 0 to 1e7");
        request.token_times_s.push_back(request.token_times_s.back() + gap);
      }
      if (!text.eof()) throw csv.fail(gaps, "must be numbers, blank-separated");
      if (static_cast<std::int64_t>(request.token_times_s.size()) != request.output_tokens) {
        throw csv.fail(gaps,
                       fmt::format("must be num_decode_tokens - 1 numbers, which is {}", request.output_tokens - 1));
      }
    }
    run.requests.push_back(std::move(request));
  }
  return run;
}

enum class BenchFile { json, json_lines, csv, other };

BenchFile content_of(const std::filesystem::path& path) {
  const LineReader lines(path);
  const std::string_view start = lines.beginning();
  const auto first = start.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return BenchFile::other;
  if (start[first] == '[') return BenchFile::json;
  if (start[first] == '{') {
    // aiperf's lines each begin with their metadata.
    return start.substr(first, start.find('\n', first) - first).find("\"metadata\"") != std::string_view::npos
               ? BenchFile::json_lines
               : BenchFile::json;
  }
  const std::string_view header = start.substr(first, start.find('\n', first) - first);
  return header.find("sent_s") != std::string_view::npos ? BenchFile::csv : BenchFile::other;
}

BenchRun read_json(const JsonFile& file) {
  if (file.root().is_array()) return read_inference_perf(file);
  if (file.root().contains("benchmarks")) return read_guidellm(file);
  if (file.root().contains("input_lens") || file.root().contains("request_throughput")) return read_vllm(file);
  throw InputError(fmt::format(
      "{}: not the result of a benchmark that is known: vllm bench serve --save-result --save-detailed (input_lens), "
      "guidellm (benchmarks), inference-perf (a list) or aiperf (profile_export.jsonl)",
      file.where("")));
}

}  // namespace

bool BenchRun::has_token_times() const {
  return std::all_of(requests.begin(), requests.end(), [](const BenchRequest& r) { return !r.token_times_s.empty(); });
}

BenchRun read_bench_run(const std::filesystem::path& path) {
  BenchRun run;
  switch (content_of(path)) {
    case BenchFile::json:
      run = read_json(JsonFile(path));
      break;
    case BenchFile::json_lines:
      run = read_aiperf(path);
      break;
    case BenchFile::csv:
    case BenchFile::other:
      run = read_csv(path);
      break;
  }
  if (run.requests.empty()) throw InputError(fmt::format("{}: holds no request that succeeded", path.string()));
  std::stable_sort(run.requests.begin(), run.requests.end(),
                   [](const BenchRequest& a, const BenchRequest& b) { return a.sent_s < b.sent_s; });
  const double first = run.requests.front().sent_s;
  for (BenchRequest& request : run.requests) {
    request.sent_s -= first;
    for (double& time : request.token_times_s) time -= first;
  }
  return run;
}

bool is_bench_run(const std::filesystem::path& file) { return content_of(file) != BenchFile::other; }

}  // namespace switchyard
