#include "search/suite_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "core/input/error.hpp"
#include "core/input/json_file.hpp"
#include "core/input/json_text.hpp"
#include "core/input/write_file.hpp"
#include "core/scenario/digest.hpp"
#include "results/schema_parts.hpp"
#include "results/text_table.hpp"
#include "results/versions.hpp"
#include "search/differences.hpp"
#include "search/goal_files.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<std::string> names_of(const Suite& suite, const std::vector<std::size_t>& scenarios) {
  std::vector<std::string> names;
  for (const std::size_t s : scenarios) names.push_back(suite.scenarios[s].name);
  return names;
}

Tone tone_of(NeverWorse verdict) {
  return verdict == NeverWorse::yes ? Tone::good : verdict == NeverWorse::no ? Tone::bad : Tone::faint;
}

std::vector<TableColumn> columns_of(const Suite& suite) {
  std::vector<TableColumn> columns = {
      {.title = "rank", .right = false, .importance = kEssential},
      {.title = "policy", .right = false, .wraps = true, .importance = kEssential},
      {.title = "geometric mean", .importance = kEssential},
      {.title = "worst", .importance = 3},
      {.title = "worst on", .right = false, .importance = 2},
      {.title = "never worse", .right = false, .importance = 4},
  };
  for (const SuiteScenario& scenario : suite.scenarios) columns.push_back({.title = scenario.name, .importance = 1});
  return columns;
}

std::vector<std::vector<TableCell>> cells_of(const Suite& suite) {
  const auto ratio_cell = [&](const Interval& ratio) {
    return TableCell{interval_text(ratio), tone_of(ratio, 1, suite.goal.objective.higher_is_better())};
  };
  std::vector<std::vector<TableCell>> cells;
  for (const SuiteRow& row : suite.rows) {
    std::vector<TableCell>& line = cells.emplace_back();
    const bool failed = !row.failure.empty();
    const Tone plain = failed ? Tone::bad : row.clairvoyant ? Tone::faint : Tone::plain;
    line.push_back({rank_text_with_tie(row), plain});
    line.push_back({row.policy, plain});
    if (failed) {
      line.resize(6 + suite.scenarios.size());
      continue;
    }
    line.push_back(ratio_cell(row.geometric_mean));
    line.push_back(ratio_cell(row.worst));
    line.push_back({suite.scenarios[row.worst_scenario].name, plain});
    line.push_back({never_worse_text(row.never_worse), tone_of(row.never_worse)});
    for (const Interval& ratio : row.ratios) line.push_back(ratio_cell(ratio));
  }
  return cells;
}

std::string interval_methods(const Suite& suite) {
  std::size_t fewest = suite.scenarios[0].llq_by_seed.size();
  for (const SuiteScenario& scenario : suite.scenarios) fewest = std::min(fewest, scenario.llq_by_seed.size());
  const std::string warning = few_seeds_warning(fewest);
  return "95%: ratios by the paired t test over seeds (Fieller), those of a row all together (Bonferroni); geometric "
         "means by the jackknife over seeds with Student's t" +
         (warning.empty() ? "" : ". " + warning);
}

std::string caption(const Suite& suite) {
  const Objective& objective = suite.goal.objective;
  const bool e2e = objective.is_mean_e2e();
  const char* better = objective.higher_is_better() ? "above" : "below";
  const char* worse = objective.higher_is_better() ? "below" : "above";
  std::string text = fmt::format(
      "{} relative to LLQ's on the same held-out seeds, by scenario; ranked by the geometric mean over {} scenario{}: "
      "{} 1 is better.\nIntervals {}. (~k) not distinguishable from rank k.\n"
      "Never worse, than LLQ on any scenario: yes if no interval reaches {} 1, no if a whole one is there, else within "
      "error.\n",
      e2e ? "Mean end-to-end time" : objective.text(), suite.scenarios.size(), suite.scenarios.size() == 1 ? "" : "s",
      better, interval_methods(suite), worse);
  if (!suite.goal.constraints.empty()) {
    text += fmt::format("Constraints on held-out means: {}; what breaks them on any scenario comes last.\n",
                        format_constraints(suite.goal.constraints));
  }
  for (const SuiteScenario& scenario : suite.scenarios) {
    text += fmt::format("{}: seeds {}, {}; {}; ", scenario.name, scenario.seeds, scenario.workload, scenario.cost);
    text += e2e ? fmt::format("LLQ {:.3f} s, interference-free (out of reach) {:.3f} s\n",
                              mean_of(scenario.llq_by_seed), mean_of(scenario.interference_free_by_seed))
                : fmt::format("LLQ {:.4g}\n", mean_of(scenario.llq_by_seed));
  }
  for (const SuiteRow& row : suite.rows) text += exclusion_text(row);
  return text;
}

std::string render_csv(const Suite& suite) {
  std::vector<std::string> header = {"rank",        "policy",      "clairvoyant",
                                     "failure",     "infeasible",  "geometric_mean",
                                     "low",         "high",        "worst",
                                     "worst_low",   "worst_high",  "worst_scenario",
                                     "never_worse", "real_losses", "not_distinguishable_from_rank"};
  for (const SuiteScenario& scenario : suite.scenarios) {
    for (const std::string& figure :
         {std::string("ratio"), std::string("low"), std::string("high"), suite.goal.objective.text()}) {
      header.push_back(scenario.name + " " + figure);
    }
  }
  const auto add = [](std::vector<std::string>& line, const Interval& interval) {
    for (const double value : {interval.value, interval.low, interval.high}) line.push_back(number_or_nothing(value));
  };
  std::vector<std::vector<std::string>> lines;
  for (const SuiteRow& row : suite.rows) {
    std::vector<std::string>& line = lines.emplace_back();
    line = {fmt::format("{}", row.rank), row.policy, row.clairvoyant ? "true" : "false", row.failure, row.infeasible};
    if (!row.failure.empty()) {
      line.resize(header.size());
      continue;
    }
    add(line, row.geometric_mean);
    add(line, row.worst);
    line.push_back(suite.scenarios[row.worst_scenario].name);
    line.push_back(row.never_worse == NeverWorse::unknown ? "" : never_worse_text(row.never_worse));
    std::string losses;
    for (const std::string& name : names_of(suite, row.real_losses)) losses += (losses.empty() ? "" : " ") + name;
    line.push_back(losses);
    line.push_back(row.not_distinguishable_from ? fmt::format("{}", *row.not_distinguishable_from) : "");
    for (std::size_t s = 0; s < row.ratios.size(); ++s) {
      add(line, row.ratios[s]);
      line.push_back(fmt::format("{}", mean_of(row.by_seed[s])));
    }
  }
  return csv_table(header, lines);
}

Json verdict_json(NeverWorse verdict) {
  return verdict == NeverWorse::unknown ? Json(nullptr) : Json(never_worse_text(verdict));
}

std::string render_json(const Suite& suite) {
  Json json = {{"version", kSuiteVersion}};
  json.update(goal_json(suite.goal));
  json.update({{"intervals", interval_methods(suite)}, {"scenarios", Json::array()}, {"rows", Json::array()}});
  for (const SuiteScenario& scenario : suite.scenarios) {
    Json& entry = json["scenarios"].emplace_back(Json{{"name", scenario.name},
                                                      {"workload", scenario.workload},
                                                      {"cost", scenario.cost},
                                                      {"seeds", scenario.seeds},
                                                      {"llq_by_seed", scenario.llq_by_seed}});
    if (!scenario.digest.empty()) entry["digest"] = scenario.digest;
    if (suite.goal.objective.is_mean_e2e()) entry["interference_free_by_seed"] = scenario.interference_free_by_seed;
  }
  for (const SuiteRow& row : suite.rows) {
    Json entry = {{"rank", row.rank},
                  {"policy", row.policy},
                  {"clairvoyant", row.clairvoyant},
                  {"failure", row.failure},
                  {"infeasible", row.infeasible}};
    if (row.failure.empty()) {
      entry["geometric_mean"] = schema::spread_json(row.geometric_mean);
      entry["worst"] = schema::spread_json(row.worst);
      entry["worst_scenario"] = suite.scenarios[row.worst_scenario].name;
      entry["never_worse"] = verdict_json(row.never_worse);
      entry["real_losses"] = names_of(suite, row.real_losses);
      entry["not_distinguishable_from_rank"] =
          row.not_distinguishable_from ? Json(*row.not_distinguishable_from) : Json(nullptr);
      entry["scenarios"] = Json::array();
      for (std::size_t s = 0; s < row.ratios.size(); ++s) {
        entry["scenarios"].push_back({{"name", suite.scenarios[s].name},
                                      {"ratio", schema::spread_json(row.ratios[s])},
                                      {"value", mean_of(row.by_seed[s])},
                                      {"by_seed", row.by_seed[s]}});
      }
    }
    json["rows"].push_back(std::move(entry));
  }
  return json_text(json, 2) + "\n";
}

}  // namespace

std::string render(const Suite& suite, TableFormat format, const TableStyle& style) {
  return render_as(
      format, style, columns_of(suite), cells_of(suite), caption(suite), [&] { return render_csv(suite); },
      [&] { return render_json(suite); });
}

std::string suite_schema() {
  using namespace schema;
  const Json numbers = {{"type", "number"}};
  const Json scenario = closed_object(
      {{"name", text("of the scenario")},
       {"workload", text("where the workload comes from")},
       {"cost", text("where batch times come from")},
       {"digest", digest()},
       {"seeds", text("held-out seeds that all policies ran on")},
       {"llq_by_seed", list_of("objective of llq by seed, above 0", numbers)},
       {"interference_free_by_seed",
        list_of("only if mean_e2e_s ranks: the same were each request alone, s: no policy can reach it", numbers)}},
      {"digest", "interference_free_by_seed"});
  const Json part =
      closed_object({{"name", text("of the scenario")},
                     {"ratio", spread("of the mean over seeds to llq's, with an interval that holds for all "
                                      "scenarios together; below 1 is better, above 1 where "
                                      "higher is better")},
                     {"value", number("objective, mean over seeds")},
                     {"by_seed", list_of("the same by seed", numbers)}});
  Json tie = count("best rank whose difference is not shown; 0: none; null: too few seeds for a verdict");
  tie["type"] = {"integer", "null"};
  Json row = closed_object(
      {{"rank", count("from 1, by the geometric mean; 0: clairvoyant or failed")},
       {"policy", text("canonical spec")},
       {"clairvoyant", flag("knows output lengths: a reference, not ranked, never deployable")},
       {"failure", text("why it failed, or empty; then no other figure is there")},
       {"infeasible", text("the constraints that it breaks, by scenario and with what was found, or empty")},
       {"geometric_mean", spread("of the ratios over scenarios")},
       {"worst", spread("of the ratios: the largest, or the smallest where higher is better")},
       {"worst_scenario", text("where it is")},
       {"never_worse",
        {{"description",
          "than llq on any scenario: yes if no ratio's interval reaches the worse side of 1, no if a whole one is "
          "there; "
          "null: too few seeds for a verdict"},
         {"enum", {"yes", "within error", "no", nullptr}}}},
       {"real_losses",
        list_of("scenarios whose ratio's whole interval is on the worse side of 1", {{"type", "string"}})},
       {"not_distinguishable_from_rank", tie},
       {"scenarios", list_of("in the order of the suite", part)}});
  row["required"] = {"rank", "policy", "clairvoyant", "failure", "infeasible"};
  Json properties = {{"version", version(kSuiteVersion)}};
  properties.update(goal_properties());
  properties.update(
      {{"intervals", text("how they are made")},
       {"scenarios", list_of("the suite", scenario)},
       {"rows",
        list_of("by rank; after those that keep to the constraints those that do not, failed ones last", row)}});
  return published("switchyard suite: suite.json", "A robust ranking over scenarios, by ratios to llq.",
                   closed_object(properties));
}

void write_suite(const std::filesystem::path& folder, const Suite& suite) {
  write_file(folder / "suite.json", render(suite, TableFormat::json));
  write_file(folder / "suite.csv", render(suite, TableFormat::csv));
  write_file(folder / "suite.md", render(suite, TableFormat::markdown));
}

Suite load_suite(const std::filesystem::path& folder) {
  const JsonFile file(folder / "suite.json");
  try {
    const nlohmann::json& json = file.root();
    if (json.at("version") != kSuiteVersion) {
      throw InputError(fmt::format("{}: version {} of the suite; this program reads version {}", file.name(),
                                   json_text(json.at("version")), kSuiteVersion));
    }
    Suite suite;
    suite.goal.objective = parse_objective(json.at("objective").get<std::string>(), file.name());
    const std::string constraints = json.at("constraints");
    if (!constraints.empty()) suite.goal.constraints = parse_constraints(constraints, file.name());
    for (const auto& entry : json.at("scenarios")) {
      suite.scenarios.push_back(
          {.name = entry.at("name"),
           .workload = entry.at("workload"),
           .cost = entry.at("cost"),
           .digest = entry.value("digest", ""),
           .seeds = entry.at("seeds"),
           .llq_by_seed = entry.at("llq_by_seed"),
           .interference_free_by_seed = entry.value("interference_free_by_seed", std::vector<double>{})});
    }
    for (const auto& entry : json.at("rows")) {
      SuiteRow& row = suite.rows.emplace_back();
      row.policy = entry.at("policy");
      row.clairvoyant = entry.at("clairvoyant");
      row.failure = entry.at("failure");
      row.infeasible = entry.at("infeasible");
      if (!row.failure.empty()) continue;
      for (const auto& part : entry.at("scenarios")) row.by_seed.push_back(part.at("by_seed"));
    }
    rank_suite(suite);
    return suite;
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: not a file of this tool: {}", file.name(), error.what()));
  }
}

namespace {

// What two suites differ in; "" if they are about the same. Where both digests are known, it does not matter what the
// data are called.
std::string difference_of(const Suite& a, const Suite& b) {
  Differences found;
  found.add("the objective", a.goal.objective.text(), b.goal.objective.text());
  found.add("the constraints", format_constraints(a.goal.constraints), format_constraints(b.goal.constraints));
  const auto names = [](const Suite& suite) {
    std::vector<std::string> all;
    for (const SuiteScenario& scenario : suite.scenarios) all.push_back(scenario.name);
    return fmt::format("{}", fmt::join(all, ", "));
  };
  found.add("the scenarios", names(a), names(b));
  for (std::size_t s = 0; found.text().empty() && s < a.scenarios.size(); ++s) {
    const SuiteScenario &one = a.scenarios[s], &other = b.scenarios[s];
    const std::string in = fmt::format("in {} they differ in ", in_quotes(one.name));
    if (const std::string digests = digest_difference(one.digest, other.digest); !digests.empty()) return in + digests;
    Differences within;
    if (one.digest.empty() || other.digest.empty()) {
      within.add("the workload", one.workload, other.workload);
      within.add("the batch times", one.cost, other.cost);
    }
    within.add("the seeds", one.seeds, other.seeds);
    if (!within.text().empty()) return in + within.text();
    if (one.llq_by_seed != other.llq_by_seed) return in + "llq's figures on the same seeds";
  }
  return found.text().empty() ? "" : "they differ in " + found.text();
}

}  // namespace

Suite merge(const std::vector<Suite>& suites, const std::vector<std::string>& folders) {
  Suite merged = suites.at(0);
  for (std::size_t i = 1; i < suites.size(); ++i) {
    const Suite& other = suites[i];
    if (const std::string difference = difference_of(merged, other); !difference.empty()) {
      throw InputError(fmt::format("leaderboard: {} and {} cannot be ranked together: {}", in_quotes(folders.at(0)),
                                   in_quotes(folders.at(i)), difference));
    }
    for (const SuiteRow& row : other.rows) {
      const bool known = std::any_of(merged.rows.begin(), merged.rows.end(),
                                     [&](const SuiteRow& mine) { return mine.policy == row.policy; });
      if (!known) merged.rows.push_back(row);
    }
  }
  rank_suite(merged);
  return merged;
}

}  // namespace switchyard
