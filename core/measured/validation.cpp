#include "core/measured/validation.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace switchyard {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Tokens after the first that came in no time came with it, as far as the client could see: that is no time per token.
bool has_tpot(const MeasuredRequest& request) {
  constexpr double kNoTime = 1e-6;  // s; more than what rounding of a clock's times leaves
  return request.output_tokens > 1 && request.e2e_s - request.ttft_s > kNoTime;
}

// Linear between order statistics.
double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return kNone;
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

struct Statistics {
  double mean = kNone, p50 = kNone, p90 = kNone, p99 = kNone;

  explicit Statistics(std::vector<double> values) {
    if (values.empty()) return;
    mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    std::sort(values.begin(), values.end());
    p50 = quantile(values, 0.5);
    p90 = quantile(values, 0.9);
    p99 = quantile(values, 0.99);
  }
};

std::vector<MetricErrors> errors_of(const MeasuredRun& run, const ReplayedRun& replayed,
                                    const std::vector<std::size_t>& which) {
  struct Metric {
    const char* name;
    std::function<double(const MeasuredRequest&)> get;
  };
  const std::vector<Metric> metrics = {{"e2e_s", [](const MeasuredRequest& r) { return r.e2e_s; }},
                                       {"ttft_s", [](const MeasuredRequest& r) { return r.ttft_s; }},
                                       {"tpot_s", [](const MeasuredRequest& r) { return r.tpot_s(); }}};
  std::vector<MetricErrors> all;
  for (const Metric& metric : metrics) {
    std::vector<double> real, simulated;
    for (const std::size_t i : which) {
      if (metric.name == std::string("tpot_s") && !has_tpot(run.requests[i])) continue;
      real.push_back(metric.get(run.requests[i]));
      simulated.push_back(metric.get(replayed.requests[i]));
    }
    const Statistics a(std::move(real)), b(std::move(simulated));
    all.push_back({metric.name, {a.mean, b.mean}, {a.p50, b.p50}, {a.p90, b.p90}, {a.p99, b.p99}});
  }
  return all;
}

}  // namespace

Validation validate_run(const MeasuredRun& run, const ReplayedRun& replayed, int num_windows) {
  Validation validation;
  std::vector<std::size_t> all(run.requests.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  validation.metrics = errors_of(run, replayed, all);

  const double last = run.rows.back().arrived_at_s;
  for (int w = 0; w < num_windows; ++w) {
    WindowErrors window;
    window.from_s = last * w / num_windows;
    window.to_s = last * (w + 1) / num_windows;
    std::vector<std::size_t> within;
    for (const std::size_t i : all) {
      const double at = run.rows[i].arrived_at_s;
      if (at >= window.from_s && (at < window.to_s || w + 1 == num_windows)) within.push_back(i);
    }
    window.num_requests = static_cast<std::int64_t>(within.size());
    if (!within.empty()) window.metrics = errors_of(run, replayed, within);
    validation.windows.push_back(std::move(window));
  }

  std::vector<double> errors;
  double tokens = 0, real_end = 0, simulated_end = 0;
  for (const std::size_t i : all) {
    const ErrorPair e2e{run.requests[i].e2e_s, replayed.requests[i].e2e_s};
    if (e2e.real != 0) errors.push_back(std::abs(e2e.error()));
    tokens += static_cast<double>(run.requests[i].output_tokens);
    real_end = std::max(real_end, run.rows[i].arrived_at_s + run.requests[i].e2e_s);
    simulated_end = std::max(simulated_end, run.rows[i].arrived_at_s + replayed.requests[i].e2e_s);
  }
  std::sort(errors.begin(), errors.end());
  validation.request_error_p50 = quantile(errors, 0.5);
  validation.request_error_p95 = quantile(errors, 0.95);
  validation.tokens_per_s = {real_end > 0 ? tokens / real_end : kNone, tokens / simulated_end};

  if (!run.log.empty()) {
    const auto difference = [&](double LoggedState::*field) {
      double sum = 0;
      for (std::size_t i = 0; i < run.log.size(); ++i) sum += std::abs(run.log[i].*field - replayed.log[i].*field);
      return sum / static_cast<double>(run.log.size());
    };
    validation.running_difference = difference(&LoggedState::running);
    validation.waiting_difference = difference(&LoggedState::waiting);
    if (run.kv_logged) validation.kv_points_difference = difference(&LoggedState::kv_percent);
  }
  return validation;
}

}  // namespace switchyard
