#include "search/pairwise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

#include "core/input/json_text.hpp"
#include "results/schema_parts.hpp"
#include "results/text_table.hpp"
#include "search/statistics.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 1;

std::vector<double> differences(std::span<const double> a, std::span<const double> b) {
  std::vector<double> values;
  for (std::size_t i = 0; i < a.size(); ++i) values.push_back(a[i] - b[i]);
  return values;
}

std::string test_text(std::size_t num_pairs) {
  return fmt::format("paired t-test over seeds, p-values adjusted for {} pair{} by Holm's method; real: at most {}",
                     num_pairs, num_pairs == 1 ? "" : "s", kSignificance);
}

std::vector<TableColumn> columns() {
  return {{.title = "policy", .right = false, .wraps = true, .importance = kEssential},
          {.title = "against", .right = false, .wraps = true, .importance = kEssential},
          {.title = "difference", .importance = 1},
          {.title = "change", .importance = 3},
          {.title = "adjusted p", .importance = 2},
          {.title = "verdict", .right = false, .importance = kEssential}};
}

std::vector<std::vector<TableCell>> cells(const std::vector<PairedDifference>& pairs) {
  std::vector<std::vector<TableCell>> rows;
  for (const PairedDifference& pair : pairs) {
    const Spread& change = pair.relative_change;
    rows.push_back(
        {{pair.policy},
         {pair.other},
         {interval_text(pair.difference, 4)},
         {fmt::format("{:+.2f}% [{:+.2f}, {:+.2f}]", 100 * change.value, 100 * change.low, 100 * change.high)},
         {fmt::format("{:.2g}", pair.p_value)},
         {pair.real ? "a real difference" : "not distinguishable", pair.real ? Tone::good : Tone::faint}});
  }
  return rows;
}

std::string caption(std::size_t num_pairs) {
  return fmt::format("Every pair: {}.\nDifference: 95% by Student's t over seeds, paired.\n", test_text(num_pairs));
}

Json to_json(const Spread& spread) { return {{"value", spread.value}, {"low", spread.low}, {"high", spread.high}}; }

std::string comparison_json(const Leaderboard& leaderboard, const std::vector<PairedDifference>& pairs) {
  Json json = {{"version", kVersion}, {"test", test_text(pairs.size())}, {"pairs", Json::array()}};
  for (const PairedDifference& pair : pairs) {
    json["pairs"].push_back({{"policy", pair.policy},
                             {"against", pair.other},
                             {"difference", to_json(pair.difference)},
                             {"relative_change", to_json(pair.relative_change)},
                             {"adjusted_p_value", pair.p_value},
                             {"real", pair.real}});
  }
  json["leaderboard"] = Json::parse(leaderboard_json(leaderboard));
  return json_text(json, 2) + "\n";
}

}  // namespace

double paired_p_value(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 2) return 1;
  const std::vector<double> values = differences(a, b);
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  if (squares == 0) return mean == 0 ? 1 : 0;
  const double t = std::abs(mean) / std::sqrt(squares / (n - 1) / n);
  return 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(n - 1), t));
}

std::vector<double> holm_adjusted(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double largest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(order.size() - i) * p_values[order[i]]));
    adjusted[order[i]] = largest;
  }
  return adjusted;
}

std::vector<PairedDifference> paired_differences(const Leaderboard& leaderboard,
                                                 const std::vector<std::string>& policies) {
  std::vector<const LeaderboardRow*> rows;
  for (const LeaderboardRow& row : leaderboard.rows) {
    const bool asked = std::find(policies.begin(), policies.end(), row.policy) != policies.end();
    if (asked && row.failure.empty()) rows.push_back(&row);
  }
  std::vector<PairedDifference> pairs;
  std::vector<double> p_values;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = i + 1; k < rows.size(); ++k) {
      const std::vector<double>&a = rows[i]->held_out_by_seed, &b = rows[k]->held_out_by_seed;
      PairedDifference& pair = pairs.emplace_back();
      pair.policy = rows[i]->policy;
      pair.other = rows[k]->policy;
      pair.difference = mean_interval(differences(a, b));
      pair.relative_change = relative_change(a, b);
      p_values.push_back(paired_p_value(a, b));
    }
  }
  const std::vector<double> adjusted = holm_adjusted(p_values);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    pairs[i].p_value = adjusted[i];
    pairs[i].real = adjusted[i] <= kSignificance;
  }
  return pairs;
}

std::string render(const Leaderboard& leaderboard, const std::vector<PairedDifference>& pairs, TableFormat format,
                   const TableStyle& style, bool wide) {
  if (format == TableFormat::json) return comparison_json(leaderboard, pairs);
  std::string text = render(leaderboard, format, style, wide);
  if (format == TableFormat::csv || pairs.empty()) return text;
  text += "\n";
  text += format == TableFormat::table ? render_table(columns(), cells(pairs), style)
                                       : markdown_table(columns(), cells(pairs));
  return text + "\n" + caption(pairs.size());
}

std::string comparison_schema() {
  using namespace schema;
  Json leaderboard = Json::parse(leaderboard_schema());
  leaderboard.erase("$schema");
  const Json pair = closed_object({{"policy", text("canonical spec, the better ranked")},
                                   {"against", text("canonical spec")},
                                   {"difference", spread("of the means of the objective, paired by seed")},
                                   {"relative_change", spread("the same, relative")},
                                   {"adjusted_p_value", number("of the paired t-test, by Holm's method")},
                                   {"real", flag("the adjusted p-value is at most 0.05")}});
  return published("switchyard compare: what --json prints", "Policies on the same held-out seeds, pair by pair.",
                   closed_object({{"version", version(kVersion)},
                                  {"test", text("how differences are judged")},
                                  {"pairs", list_of("every pair of the policies given that did not fail", pair)},
                                  {"leaderboard", leaderboard}}));
}

}  // namespace switchyard
