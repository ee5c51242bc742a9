#include "search/pairwise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/input/json_text.hpp"
#include "results/schema_parts.hpp"
#include "results/text_table.hpp"
#include "search/statistics.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kPairsVersion = 2;

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
    const bool real = pair.real.value_or(false);
    const char* verdict = !pair.real ? "-" : real ? "a real difference" : "not distinguishable";
    rows.push_back({{pair.policy},
                    {pair.other},
                    {interval_text(pair.difference, 4)},
                    {change_text(pair.relative_change, 2)},
                    {pair.p_value ? fmt::format("{:.2g}", *pair.p_value) : "-"},
                    {verdict, real ? Tone::good : Tone::faint}});
  }
  return rows;
}

std::string caption(const std::vector<PairedDifference>& pairs) {
  std::string text = fmt::format(
      "Every pair: {}.\nDifference and change: intervals of 95% by the same test, widened as its p-value was adjusted, "
      "so "
      "that they leave out 0 where the difference is real; (~k) above is by these verdicts, too.\n",
      test_text(pairs.size()));
  if (const std::string warning = few_seeds_warning(pairs[0].num_seeds); !warning.empty()) text += warning + ".\n";
  return text;
}

template <class Value>
Json json_of(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string comparison_json(const Leaderboard& leaderboard, const std::vector<PairedDifference>& pairs) {
  Json json = {{"version", kPairsVersion}, {"test", test_text(pairs.size())}, {"pairs", Json::array()}};
  for (const PairedDifference& pair : pairs) {
    json["pairs"].push_back({{"policy", pair.policy},
                             {"against", pair.other},
                             {"difference", schema::spread_json(pair.difference)},
                             {"relative_change", schema::spread_json(pair.relative_change)},
                             {"adjusted_p_value", json_of(pair.p_value)},
                             {"real", json_of(pair.real)}});
  }
  json["leaderboard"] = Json::parse(leaderboard_json(leaderboard));
  return json_text(json, 2) + "\n";
}

}  // namespace

std::vector<PairedDifference> paired_differences(const Leaderboard& leaderboard,
                                                 const std::vector<std::string>& policies) {
  std::vector<const LeaderboardRow*> rows;
  for (const LeaderboardRow& row : leaderboard.rows) {
    const bool asked = std::find(policies.begin(), policies.end(), row.policy) != policies.end();
    if (asked && row.failure.empty()) rows.push_back(&row);
  }
  std::vector<PairedDifference> pairs;
  std::vector<std::pair<const LeaderboardRow*, const LeaderboardRow*>> members;
  std::vector<double> p_values;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = i + 1; k < rows.size(); ++k) {
      PairedDifference& pair = pairs.emplace_back();
      pair.policy = rows[i]->policy;
      pair.other = rows[k]->policy;
      members.emplace_back(rows[i], rows[k]);
      p_values.push_back(paired_p_value(rows[i]->held_out_by_seed, rows[k]->held_out_by_seed));
    }
  }
  const std::vector<double> adjusted = holm_adjusted(p_values);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::vector<double>&a = members[i].first->held_out_by_seed, &b = members[i].second->held_out_by_seed;
    const double alpha = kSignificance * (adjusted[i] > 0 ? p_values[i] / adjusted[i] : 1);
    pairs[i].num_seeds = a.size();
    pairs[i].difference = mean_difference(a, b, alpha);
    pairs[i].relative_change = relative_change(a, b, alpha);
    if (a.size() < 2) continue;
    pairs[i].p_value = adjusted[i];
    pairs[i].real = adjusted[i] <= kSignificance;
  }
  return pairs;
}

void mark_ties(Leaderboard& leaderboard, const std::vector<PairedDifference>& pairs) {
  const auto row_of = [&](const std::string& policy) -> LeaderboardRow& {
    return *std::find_if(leaderboard.rows.begin(), leaderboard.rows.end(),
                         [&](const LeaderboardRow& row) { return row.policy == policy; });
  };
  std::map<std::string, int> ties;
  for (const PairedDifference& pair : pairs) {
    LeaderboardRow &better = row_of(pair.policy), &row = row_of(pair.other);
    if (better.rank == 0 || row.rank == 0 || !row.infeasible.empty() || !pair.real) continue;
    int& tie = ties.emplace(row.policy, 0).first->second;
    if (!*pair.real && (tie == 0 || better.rank < tie)) tie = better.rank;
  }
  for (const auto& [policy, tie] : ties) row_of(policy).not_distinguishable_from = tie;
}

std::string render(const Leaderboard& leaderboard, const std::vector<PairedDifference>& pairs, TableFormat format,
                   const TableStyle& style, const MoreColumns& more) {
  if (format == TableFormat::json) return comparison_json(leaderboard, pairs);
  std::string text = render(leaderboard, format, style, more);
  if (format == TableFormat::csv || pairs.empty()) return text;
  text += "\n";
  text += format == TableFormat::table ? render_table(columns(), cells(pairs), style)
                                       : markdown_table(columns(), cells(pairs));
  return text + "\n" + caption(pairs);
}

std::string comparison_schema() {
  using namespace schema;
  Json leaderboard = Json::parse(leaderboard_schema());
  leaderboard.erase("$schema");
  Json p_value = number("of the paired t-test, by Holm's method; null: one seed shows nothing");
  Json real = flag("the adjusted p-value is at most 0.05; null: one seed shows nothing");
  p_value["type"] = {"number", "null"};
  real["type"] = {"boolean", "null"};
  const Json pair =
      closed_object({{"policy", text("canonical spec, the better ranked")},
                     {"against", text("canonical spec")},
                     {"difference", spread("of the means of the objective, paired by seed; the interval leaves "
                                           "out 0 where the difference is real")},
                     {"relative_change", spread("the same, relative")},
                     {"adjusted_p_value", p_value},
                     {"real", real}});
  return published("switchyard compare: what --json prints", "Policies on the same held-out seeds, pair by pair.",
                   closed_object({{"version", version(kPairsVersion)},
                                  {"test", text("how differences are judged")},
                                  {"pairs", list_of("every pair of the policies given that did not fail", pair)},
                                  {"leaderboard", leaderboard}}));
}

}  // namespace switchyard
