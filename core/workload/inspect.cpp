#include "core/workload/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace switchyard {

namespace {

constexpr double kMinute = 60.0;

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// Mean product of deviations from the means.
double covariance(const std::vector<double>& a, const std::vector<double>& b) {
  const double mean_a = mean_of(a), mean_b = mean_of(b);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return a.empty() ? 0 : sum / static_cast<double>(a.size());
}

LengthFigures figures_of(std::vector<double> lengths) {
  LengthFigures figures{.mean = mean_of(lengths)};
  std::sort(lengths.begin(), lengths.end());
  for (std::size_t i = 0; i < kInspectedLevels.size(); ++i) {
    const double at = kInspectedLevels[i] * static_cast<double>(lengths.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, lengths.size() - 1);
    figures.quantiles[i] = lengths[below] + (at - static_cast<double>(below)) * (lengths[above] - lengths[below]);
  }
  return figures;
}

}  // namespace

WorkloadFigures inspect_workload(const std::vector<RawRequest>& rows) {
  if (rows.empty()) throw std::invalid_argument("a workload without requests has no figures");
  std::vector<double> gaps, prompts, outputs;
  const double first = rows.front().arrived_at_s;
  WorkloadFigures figures{.num_requests = rows.size(), .first_arrival_s = first};
  std::size_t in_minute = 0;
  double minute = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) gaps.push_back(rows[i].arrived_at_s - rows[i - 1].arrived_at_s);
    prompts.push_back(rows[i].num_prefill_tokens);
    outputs.push_back(rows[i].num_decode_tokens);
    const double now = std::floor((rows[i].arrived_at_s - first) / kMinute);
    in_minute = now == minute ? in_minute + 1 : 1;
    minute = now;
    figures.peak_minute_qps = std::max(figures.peak_minute_qps, static_cast<double>(in_minute) / kMinute);
  }
  figures.duration_s = rows.back().arrived_at_s - first;
  if (figures.duration_s > 0) {
    figures.rate_qps = static_cast<double>(gaps.size()) / figures.duration_s;
    figures.gap_cv = std::sqrt(covariance(gaps, gaps)) / mean_of(gaps);
  }
  const double spread = std::sqrt(covariance(prompts, prompts) * covariance(outputs, outputs));
  if (spread > 0) figures.length_correlation = covariance(prompts, outputs) / spread;
  figures.prompts = figures_of(std::move(prompts));
  figures.outputs = figures_of(std::move(outputs));
  return figures;
}

std::string describe_workload(const std::string& source, const WorkloadFigures& figures) {
  std::string text = fmt::format(
      "source                   {}\n"
      "requests                 {}\n"
      "arrivals                 over {:.3f} s from {:.3f} s on\n"
      "rate                     {:.3f} per second ({:.3f} in the busiest minute)\n"
      "burstiness               {:.3f} (CV of the gaps between arrivals; Poisson: 1)\n"
      "correlation              {:.3f} (prompt and output length)\n"
      "tokens                 mean",
      source, figures.num_requests, figures.duration_s, figures.first_arrival_s, figures.rate_qps,
      figures.peak_minute_qps, figures.gap_cv, figures.length_correlation);
  for (const double level : kInspectedLevels) {
    text += fmt::format("{:>9}", level == 0 ? "min" : level == 1 ? "max" : fmt::format("p{:.0f}", level * 100));
  }
  const auto add = [&text](std::string_view name, const LengthFigures& lengths) {
    text += fmt::format("\n{:<18}{:9.1f}", name, lengths.mean);
    for (const double quantile : lengths.quantiles) text += fmt::format("{:9.0f}", quantile);
  };
  add("  prompt", figures.prompts);
  add("  output", figures.outputs);
  return text + "\n";
}

}  // namespace switchyard
