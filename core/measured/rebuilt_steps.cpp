#include "core/measured/rebuilt_steps.hpp"

#include <algorithm>

namespace switchyard {

namespace {

constexpr double kBurstGap = 1.5e-3;

struct Token {
  double time;
  std::size_t request;
  std::int64_t number;
};

}  // namespace

double milliseconds_of(const RebuiltStep& step, const StepTimes& times) {
  BatchShape shape = step.shape;
  bool outside = false;
  shape.prefill_attention_ms = 0;
  for (const std::int64_t prompt : step.prompts)
    shape.prefill_attention_ms += times.prefill_attention(0, prompt, outside);
  return times.milliseconds(shape, outside);
}

RebuiltSteps rebuild_steps(const BenchRun& run, std::int64_t budget) {
  std::vector<Token> tokens;
  for (std::size_t r = 0; r < run.requests.size(); ++r) {
    const auto& times = run.requests[r].token_times_s;
    for (std::size_t j = 0; j < times.size(); ++j) tokens.push_back({times[j], r, static_cast<std::int64_t>(j)});
  }
  std::stable_sort(tokens.begin(), tokens.end(), [](const Token& a, const Token& b) { return a.time < b.time; });

  RebuiltSteps rebuilt;
  std::vector<double> latencies, spreads;
  // Until when the requests sent before each had tokens.
  std::vector<double> busy_until(run.requests.size(), -1);
  for (std::size_t r = 1; r < run.requests.size(); ++r) {
    const auto& times = run.requests[r - 1].token_times_s;
    busy_until[r] = std::max(busy_until[r - 1], times.empty() ? 0 : times.back());
  }
  std::vector<std::int64_t> last_burst(run.requests.size(), -2);  // in which a request had a token
  double end = 0, end_before = 0;                                 // of the last two bursts: their first token
  std::int64_t burst = 0;
  bool chained = false;  // the last burst shared a request with the one before
  // Whether some prompt above the budget was being computed between two instants.
  const auto chunked = [&](double from, double to) {
    return std::any_of(run.requests.begin(), run.requests.end(), [&](const BenchRequest& request) {
      return request.prompt_tokens > budget && request.sent_s < to &&
             request.sent_s + request.ttft_s > from + kBurstGap;
    });
  };
  for (std::size_t begin = 0; begin < tokens.size();) {
    std::size_t last = begin + 1;
    while (last < tokens.size() && tokens[last].time - tokens[last - 1].time < kBurstGap) ++last;
    RebuiltStep step;
    bool shared = false, twice = false;
    double first_sent = -1;
    for (std::size_t i = begin; i < last; ++i) {
      const BenchRequest& request = run.requests[tokens[i].request];
      std::int64_t& seen = last_burst[tokens[i].request];
      twice |= seen == burst;
      shared |= seen == burst - 1;
      seen = burst;
      if (tokens[i].number == 0) {
        ++step.shape.num_prefills;
        step.shape.prefill_tokens += request.prompt_tokens;
        step.shape.prefill_chunk_squares += request.prompt_tokens * request.prompt_tokens;
        step.prompts.push_back(request.prompt_tokens);
        first_sent = std::max(first_sent, request.sent_s);
      } else {
        ++step.shape.num_decodes;
        step.shape.decode_kv_tokens += request.prompt_tokens + tokens[i].number;
      }
    }
    const double now = tokens[begin].time;
    const double tokens_in_burst = static_cast<double>(last - begin);
    if (tokens_in_burst >= 4) spreads.push_back(1e6 * (tokens[last - 1].time - now) / (tokens_in_burst - 1));
    const std::size_t first = tokens[begin].request;
    if (step.shape.num_prefills == 1 && step.shape.num_decodes == 0 && busy_until[first] < run.requests[first].sent_s &&
        run.requests[first].prompt_tokens <= budget) {
      step.ms = 1e3 * (now - run.requests[first].sent_s);
      rebuilt.idle_starts.push_back(step);
    }
    step.ms = 1e3 * (now - end);
    if (burst > 0 && shared && !twice && !chunked(end, now)) rebuilt.steps.push_back(step);
    if (first_sent >= 0 && chained && shared) {
      const double waited = end_before - first_sent;
      if (waited > 0) latencies.push_back(1e3 * waited);
    }
    chained = shared;
    end_before = end;
    end = now;
    ++burst;
    begin = last;
  }
  rebuilt.num_bursts = burst;
  if (!spreads.empty()) {
    std::sort(spreads.begin(), spreads.end());
    rebuilt.token_us = spreads[spreads.size() / 2];
  }
  rebuilt.num_latencies = static_cast<std::int64_t>(latencies.size());
  if (!latencies.empty()) {
    std::sort(latencies.begin(), latencies.end());
    rebuilt.client_latency_ms = latencies[latencies.size() / 50];
  }
  return rebuilt;
}

}  // namespace switchyard
