// A benchmark run against a real engine, as a client saw it: what people can record with the tools that they have.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace switchyard {

struct BenchRequest {
  double sent_s = 0;  // since the first one
  std::int64_t prompt_tokens = 0;
  std::int64_t output_tokens = 0;
  double ttft_s = 0;
  double e2e_s = 0;
  std::vector<double> token_times_s;  // since the first request was sent; empty if the tool does not record them
};

struct BenchRun {
  std::string format;                  // of the tool, for reports
  std::vector<BenchRequest> requests;  // by time of sending
  std::int64_t num_failed = 0;         // left out
  std::int64_t num_grouped = 0;        // whose tokens came several at once, so that times of single ones are not known

  bool has_token_times() const;
};

// Reads what one of these tools wrote, told by its content:
//   vllm bench serve --save-result --save-detailed  JSON with input_lens, output_lens, ttfts, itls, start_times
//   sglang bench_serving --output-details           a JSON line with the same, without start_times: refused
//   guidellm                                        JSON with benchmarks[].requests.successful[]
//   aiperf                                          JSON lines with metadata and metrics of a request each; times of
//   tokens
//                                                   if there is inter_chunk_latency
//   inference-perf                                  JSON list of requests with info.output_token_times
//   anything else                                   CSV: sent_s,num_prefill_tokens,num_decode_tokens,ttft_s,e2e_s, and
//                                                   optionally itls_s, blank-separated
// Throws InputError.
BenchRun read_bench_run(const std::filesystem::path& file);

// Whether the content is one of these.
bool is_bench_run(const std::filesystem::path& file);

}  // namespace switchyard
