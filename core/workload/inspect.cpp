#include "core/workload/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/input/json_text.hpp"

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
  figures.histogram.resize(std::bit_width(static_cast<std::uint64_t>(lengths.back())));
  for (const double length : lengths) {
    const auto tokens = static_cast<std::uint64_t>(length);
    figures.total += static_cast<std::int64_t>(tokens);
    if (tokens > 0) ++figures.histogram[std::bit_width(tokens) - 1U];
  }
  for (std::size_t i = 0; i < kInspectedLevels.size(); ++i) {
    const double at = kInspectedLevels[i] * static_cast<double>(lengths.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, lengths.size() - 1);
    figures.quantiles[i] = lengths[below] + (at - static_cast<double>(below)) * (lengths[above] - lengths[below]);
  }
  return figures;
}

// Arrivals in each of the whole windows of a length that fit into the duration.
std::optional<double> dispersion(const std::vector<RawRequest>& rows, double duration_s, double window_s) {
  constexpr double kFewest = 10, kMost = 1e7;
  const double windows = std::floor(duration_s / window_s);
  if (windows < kFewest || windows > kMost) return std::nullopt;
  std::vector<double> counts(static_cast<std::size_t>(windows));
  for (const RawRequest& row : rows) {
    const double window = std::floor((row.arrived_at_s - rows.front().arrived_at_s) / window_s);
    if (window < windows) ++counts[static_cast<std::size_t>(window)];
  }
  return covariance(counts, counts) / mean_of(counts);  // the first window holds the first arrival: the mean is above 0
}

std::string level_name(double level) {
  return level == 0 ? "min" : level == 1 ? "max" : fmt::format("p{:.0f}", level * 100);
}

std::string or_dash(const std::optional<double>& value, int digits = 3) {
  return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

nlohmann::ordered_json or_null(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

// Nothing if all requests arrive at once.
std::optional<double> per_second(std::int64_t amount, double duration_s) {
  if (duration_s <= 0) return std::nullopt;
  return static_cast<double>(amount) / duration_s;
}

std::string histogram_text(std::string_view title, const LengthFigures& lengths, PlotStyle style) {
  constexpr std::size_t kWidth = 50;
  const std::size_t most = *std::max_element(lengths.histogram.begin(), lengths.histogram.end());
  std::size_t all = 0;
  for (const std::size_t count : lengths.histogram) all += count;
  std::string text = fmt::format("\n{}\n", title);
  bool begun = false;
  for (std::size_t i = 0; i < lengths.histogram.size(); ++i) {
    const std::size_t count = lengths.histogram[i];
    begun = begun || count > 0;
    if (!begun) continue;
    const std::uint64_t low = std::uint64_t{1} << i;
    const std::string drawn = bar(static_cast<double>(count) / static_cast<double>(most), kWidth, style);
    text += fmt::format("{:>22} {:>6.2f}%{}{}\n", low == 1 ? "1" : fmt::format("{}-{}", low, 2 * low - 1),
                        100.0 * static_cast<double>(count) / static_cast<double>(all), drawn.empty() ? "" : " ", drawn);
  }
  return text;
}

nlohmann::ordered_json lengths_json(const LengthFigures& lengths, double duration_s) {
  nlohmann::ordered_json json = {
      {"total", lengths.total}, {"per_second", or_null(per_second(lengths.total, duration_s))}, {"mean", lengths.mean}};
  for (std::size_t i = 0; i < kInspectedLevels.size(); ++i)
    json[level_name(kInspectedLevels[i])] = lengths.quantiles[i];
  json["histogram"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < lengths.histogram.size(); ++i) {
    json["histogram"].push_back(
        {{"from", std::uint64_t{1} << i}, {"below", std::uint64_t{2} << i}, {"count", lengths.histogram[i]}});
  }
  return json;
}

std::string reuse_text(const ReuseFigures& reuse, std::size_t num_requests, PlotStyle style) {
  constexpr std::size_t kWidth = 50;
  std::string text = fmt::format(
      "\nreuse of prompts, as if all went to one prefix cache (whole blocks of {} tokens)\n"
      "  known content          {:.2f}% of prompt tokens\n"
      "  hit rate, no eviction  {:.2f}% of prompt tokens; the cache grows to {} tokens\n"
      "  first blocks           {} different ones in {} requests; {:.2f}% share theirs, {:.2f}% the most frequent "
      "one\n",
      reuse.block_tokens, 100 * reuse.named_share(), 100 * reuse.hit_rate, reuse.num_blocks * reuse.block_tokens,
      reuse.num_prefixes, num_requests, 100 * reuse.shared_first_share, 100 * reuse.largest_prefix_share);
  if (reuse.by_cache_size.empty()) return text;
  text += "  time since last use   ";
  for (std::size_t i = 0; i < kReuseLevels.size(); ++i) {
    text += fmt::format(" {} {:.2f} s", level_name(kReuseLevels[i]), reuse.reuse_time_s[i]);
  }
  text += "\n\nhit rate by tokens in the cache\n";
  for (const CachedShare& size : reuse.by_cache_size) {
    const std::string drawn = bar(size.hit_rate / reuse.hit_rate, kWidth, style);
    text +=
        fmt::format("{:>22} {:>6.2f}%{}{}\n", size.cache_tokens, 100 * size.hit_rate, drawn.empty() ? "" : " ", drawn);
  }
  return text;
}

nlohmann::ordered_json reuse_json(const ReuseFigures& reuse) {
  nlohmann::ordered_json json = {{"block_tokens", reuse.block_tokens},
                                 {"prompt_tokens", reuse.prompt_tokens},
                                 {"named_tokens", reuse.named_tokens},
                                 {"hit_tokens", reuse.hit_tokens},
                                 {"hit_rate", reuse.hit_rate},
                                 {"num_blocks", reuse.num_blocks},
                                 {"num_prefixes", reuse.num_prefixes},
                                 {"shared_first_share", reuse.shared_first_share},
                                 {"largest_prefix_share", reuse.largest_prefix_share},
                                 {"by_cache_size", nlohmann::ordered_json::array()},
                                 {"reuse_time_s", nlohmann::ordered_json::object()}};
  for (const CachedShare& size : reuse.by_cache_size) {
    json["by_cache_size"].push_back({{"cache_tokens", size.cache_tokens}, {"hit_rate", size.hit_rate}});
  }
  if (reuse.by_cache_size.empty()) return json;
  for (std::size_t i = 0; i < kReuseLevels.size(); ++i) {
    json["reuse_time_s"][level_name(kReuseLevels[i])] = reuse.reuse_time_s[i];
  }
  return json;
}

}  // namespace

WorkloadFigures inspect_workload(const std::vector<RawRequest>& rows, const Content& content) {
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
    figures.peak_to_mean =
        figures.peak_minute_qps * std::max(figures.duration_s, kMinute) / static_cast<double>(rows.size());
    const double bin_s = figures.duration_s / kRateBins;
    for (const RawRequest& row : rows) {
      const auto bin = static_cast<std::size_t>((row.arrived_at_s - first) / bin_s);
      figures.rates_qps[std::min(bin, kRateBins - 1)] += 1 / bin_s;
    }
  }
  figures.dispersion_1s = dispersion(rows, figures.duration_s, 1);
  figures.dispersion_60s = dispersion(rows, figures.duration_s, kMinute);
  const double spread = std::sqrt(covariance(prompts, prompts) * covariance(outputs, outputs));
  if (spread > 0) figures.length_correlation = covariance(prompts, outputs) / spread;
  figures.prompts = figures_of(std::move(prompts));
  figures.outputs = figures_of(std::move(outputs));
  if (!content.empty()) figures.reuse = inspect_reuse(rows, content);
  return figures;
}

std::string describe_workload(const std::string& source, const WorkloadFigures& figures, PlotStyle style) {
  std::string text = fmt::format(
      "source                   {}\n"
      "requests                 {}\n"
      "arrivals                 over {:.3f} s from {:.3f} s on\n"
      "rate                     {} per second ({:.3f} in the busiest minute, {} times the mean)\n"
      "burstiness               {} (CV of the gaps between arrivals; Poisson: 1)\n"
      "index of dispersion      {} in windows of 1 s, {} of 60 s (variance by mean of arrivals; Poisson: 1)\n"
      "correlation              {} (prompt and output length)\n"
      "tokens per second        {} prompt, {} output\n"
      "tokens                 mean",
      source, figures.num_requests, figures.duration_s, figures.first_arrival_s, or_dash(figures.rate_qps),
      figures.peak_minute_qps, or_dash(figures.peak_to_mean, 2), or_dash(figures.gap_cv),
      or_dash(figures.dispersion_1s), or_dash(figures.dispersion_60s), or_dash(figures.length_correlation),
      or_dash(per_second(figures.prompts.total, figures.duration_s), 1),
      or_dash(per_second(figures.outputs.total, figures.duration_s), 1));
  for (const double level : kInspectedLevels) text += fmt::format("{:>9}", level_name(level));
  const auto add = [&text](std::string_view name, const LengthFigures& lengths) {
    text += fmt::format("\n{:<18}{:9.1f}", name, lengths.mean);
    for (const double quantile : lengths.quantiles) text += fmt::format("{:9.0f}", quantile);
  };
  add("  prompt", figures.prompts);
  add("  output", figures.outputs);
  const std::vector<double> rates(figures.rates_qps.begin(), figures.rates_qps.end());
  text += "\n";
  if (figures.rate_qps) {
    text += fmt::format("\nrate over time, {:.4g} s a column, 0 to {:.3f} per second\n  |{}|\n",
                        figures.duration_s / kRateBins, *std::max_element(rates.begin(), rates.end()),
                        sparkline(rates, style));
  }
  text += histogram_text("prompt tokens", figures.prompts, style);
  text += histogram_text("output tokens", figures.outputs, style);
  return figures.reuse ? text + reuse_text(*figures.reuse, figures.num_requests, style) : text;
}

std::string workload_json(const std::string& source, const WorkloadFigures& figures) {
  nlohmann::ordered_json json = {{"source", source},
                                 {"num_requests", figures.num_requests},
                                 {"first_arrival_s", figures.first_arrival_s},
                                 {"duration_s", figures.duration_s},
                                 {"rate_qps", or_null(figures.rate_qps)},
                                 {"peak_minute_qps", figures.peak_minute_qps},
                                 {"peak_to_mean", or_null(figures.peak_to_mean)},
                                 {"gap_cv", or_null(figures.gap_cv)},
                                 {"dispersion_1s", or_null(figures.dispersion_1s)},
                                 {"dispersion_60s", or_null(figures.dispersion_60s)},
                                 {"length_correlation", or_null(figures.length_correlation)},
                                 {"rates_over_time", nullptr},
                                 {"prompt_tokens", lengths_json(figures.prompts, figures.duration_s)},
                                 {"output_tokens", lengths_json(figures.outputs, figures.duration_s)}};
  if (figures.rate_qps) {
    json["rates_over_time"] = {{"bin_s", figures.duration_s / kRateBins}, {"qps", figures.rates_qps}};
  }
  if (figures.reuse) json["reuse"] = reuse_json(*figures.reuse);
  return json_text(json, 2) + "\n";
}

}  // namespace switchyard
