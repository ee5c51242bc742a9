#include "search/sweep_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/input/json_text.hpp"
#include "core/input/write_file.hpp"
#include "results/schema_parts.hpp"
#include "results/text_table.hpp"
#include "search/goal_files.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kSweepVersion = 4;

std::string interval_methods(const Sweep& sweep) {
  for (const SweepRow& row : sweep.rows) {
    if (row.failure.empty()) return interval_method(row.by_seed[0].size(), ", bends by paired t tests along the curve");
  }
  return "none: all failed";
}

std::string bend_text(const Interval& bend) {
  if (!std::isfinite(bend.value) && !bend.has_interval()) return "not reached";
  const auto load = [](double value) { return std::isfinite(value) ? fmt::format("{:.2f}", value) : "not reached"; };
  if (!bend.has_interval()) return load(bend.value) + " [-]";
  return fmt::format("{} [{}, {}]", load(bend.value), load(bend.low), load(bend.high));
}

// "all" and "none" of the swept loads, or the last one.
std::string kept_text(const Sweep& sweep, const SweepRow& row) {
  if (!row.kept_to) return "none";
  return *row.kept_to == sweep.loads.back() ? "all" : fmt::format("{}", *row.kept_to);
}

// Digits that show three figures of the smallest mean, three at least.
int digits_of(const Sweep& sweep) {
  double smallest = 1;
  for (const SweepRow& row : sweep.rows) {
    for (const Interval& value : row.value) {
      if (value.value > 0) smallest = std::min(smallest, value.value);
    }
  }
  return std::clamp(2 - static_cast<int>(std::floor(std::log10(smallest))), 3, 6);
}

std::vector<TableColumn> columns_of(const Sweep& sweep) {
  std::vector<TableColumn> columns = {{.title = "policy", .right = false, .wraps = true, .importance = kEssential}};
  for (std::size_t i = 0; i < sweep.loads.size(); ++i) {
    columns.push_back(
        {.title = fmt::format("{} {}", sweep.axis, sweep.loads[i]), .importance = static_cast<int>(i % kEssential)});
  }
  columns.push_back({.title = "bends at " + sweep.axis, .importance = kEssential});
  if (!sweep.goal.constraints.empty()) {
    columns.push_back({.title = "within limits to " + sweep.axis, .importance = kEssential});
  }
  return columns;
}

std::vector<std::vector<TableCell>> cells_of(const Sweep& sweep) {
  const bool constrained = !sweep.goal.constraints.empty();
  const int digits = digits_of(sweep);
  std::vector<std::vector<TableCell>> cells;
  for (const SweepRow& row : sweep.rows) {
    std::vector<TableCell>& line = cells.emplace_back();
    line.push_back({row.clairvoyant ? row.policy + " (clairvoyant)" : row.policy});
    if (!row.failure.empty()) {
      line[0].tone = Tone::bad;
      line.resize(sweep.loads.size() + 1);
      line.push_back({"failed", Tone::bad});
      if (constrained) line.emplace_back();
      continue;
    }
    for (std::size_t i = 0; i < row.value.size(); ++i) {
      const bool broken = !row.infeasible[i].empty();
      Tone tone = row.change[i] ? tone_of(*row.change[i], 0, sweep.goal.objective.higher_is_better()) : Tone::plain;
      if (tone == Tone::faint) tone = Tone::plain;  // it is a figure, not a difference
      line.push_back({(broken ? "! " : "") + interval_text(row.value[i], digits), broken ? Tone::bad : tone});
    }
    line.push_back({bend_text(row.bend)});
    if (constrained) line.push_back({kept_text(sweep, row)});
  }
  return cells;
}

std::string caption(const Sweep& sweep) {
  const Objective& objective = sweep.goal.objective;
  const bool higher = objective.higher_is_better();
  std::string text = fmt::format(
      "{}: {}{}, over held-out seeds {}. Workload: {}. Batch times: {}.\n"
      "Intervals {}.\nA curve bends at the load where {} {} {}, linear between swept loads.\n",
      sweep.scenario, figure_text(objective),
      objective.is_mean_e2e() ? ", s"
      : higher                ? ", more is better"
                              : "",
      sweep.seeds, sweep.workload, sweep.cost, interval_methods(sweep),
      higher ? fmt::format("its value per unit of load falls to 1/{} of that at", kBendFactor)
             : fmt::format("it reaches {} times its value at", kBendFactor),
      sweep.axis, sweep.loads.front());
  if (!sweep.goal.constraints.empty()) {
    text += fmt::format(
        "Constraints on held-out means: {}; ! marks where one is broken. Within limits to: the last swept load before "
        "the first such.\n",
        format_constraints(sweep.goal.constraints));
  }
  for (const SweepRow& row : sweep.rows) {
    if (!row.failure.empty()) text += fmt::format("Failed: {}: {}\n", row.policy, row.failure);
    for (std::size_t i = 0; i < row.infeasible.size(); ++i) {
      if (row.infeasible[i].empty()) continue;
      text += fmt::format("Infeasible: {} at {} {}: {}\n", row.policy, sweep.axis, sweep.loads[i], row.infeasible[i]);
    }
  }
  return text;
}

// One line a policy and load.
std::string render_csv(const Sweep& sweep) {
  std::vector<std::vector<std::string>> lines;
  for (const SweepRow& row : sweep.rows) {
    for (std::size_t i = 0; i < sweep.loads.size(); ++i) {
      std::vector<std::string>& line = lines.emplace_back();
      line = {row.policy, row.clairvoyant ? "true" : "false", row.failure, fmt::format("{}", sweep.loads[i])};
      if (row.failure.empty()) {
        for (const std::optional<Interval>& interval :
             {std::optional(row.value[i]), row.change[i], std::optional(row.bend)}) {
          for (double Interval::*const part : {&Interval::value, &Interval::low, &Interval::high}) {
            line.push_back(interval ? number_or_nothing(*interval.*part) : "");
          }
        }
        line.push_back(row.infeasible[i]);
        line.push_back(row.kept_to ? number_or_nothing(*row.kept_to) : "");
      }
      line.resize(15);
    }
  }
  return csv_table(
      {"policy", "clairvoyant", "failure", sweep.axis, sweep.goal.objective.text(), "low", "high",
       "change_against_first", "change_low", "change_high", "bend", "bend_low", "bend_high", "infeasible", "kept_to"},
      lines);
}

std::string render_json(const Sweep& sweep) {
  Json json = {
      {"version", kSweepVersion}, {"scenario", sweep.scenario}, {"workload", sweep.workload}, {"cost", sweep.cost}};
  json.update(goal_json(sweep.goal));
  json.update({{"seeds", sweep.seeds},
               {"intervals", interval_methods(sweep)},
               {"bend_factor", kBendFactor},
               {"axis", sweep.axis},
               {"loads", sweep.loads},
               {"digests", sweep.digests},
               {"rows", Json::array()}});
  for (const SweepRow& row : sweep.rows) {
    Json entry = {{"policy", row.policy}, {"clairvoyant", row.clairvoyant}, {"failure", row.failure}};
    if (row.failure.empty()) {
      entry["bend"] = schema::spread_json(row.bend);
      entry["kept_to"] = row.kept_to ? Json(*row.kept_to) : Json(nullptr);
      entry["points"] = Json::array();
      for (std::size_t i = 0; i < sweep.loads.size(); ++i) {
        entry["points"].push_back(
            {{"load", sweep.loads[i]},
             {"infeasible", row.infeasible[i]},
             {"value", schema::spread_json(row.value[i])},
             {"change_against_first", row.change[i] ? schema::spread_json(*row.change[i]) : Json(nullptr)},
             {"by_seed", row.by_seed[i]}});
      }
    }
    json["rows"].push_back(std::move(entry));
  }
  return json_text(json, 2) + "\n";
}

}  // namespace

std::string render(const Sweep& sweep, TableFormat format, const TableStyle& style) {
  return render_as(
      format, style, columns_of(sweep), cells_of(sweep), caption(sweep), [&] { return render_csv(sweep); },
      [&] { return render_json(sweep); });
}

std::string sweep_schema() {
  using namespace schema;
  const Json numbers = {{"type", "number"}};
  Json bend = spread(
      "load at which the mean reaches bend_factor times that at the lowest load, or, where higher is better, at which "
      "the mean per unit of load falls to 1 / bend_factor of that; null: not reached");
  Json kept_to = number("the last load before the first at which a constraint is broken; null: broken at the lowest");
  kept_to["type"] = {"number", "null"};
  Json change =
      spread("relative, to the first policy that did not fail, paired; null: its objective is 0 at this load");
  change["type"] = {"object", "null"};
  const Json point =
      closed_object({{"load", number("on the axis")},
                     {"infeasible", text("the constraints that it breaks, with what was found, or empty")},
                     {"value", spread("objective, mean over seeds")},
                     {"change_against_first", change},
                     {"by_seed", list_of("objective by seed", numbers)}});
  Json row = closed_object({{"policy", text("canonical spec")},
                            {"clairvoyant", flag("knows output lengths: never deployable")},
                            {"failure", text("why it failed, or empty; then no figure is there")},
                            {"bend", bend},
                            {"kept_to", kept_to},
                            {"points", list_of("by load", point)}});
  row["required"] = {"policy", "clairvoyant", "failure"};
  Json properties = {{"version", version(kSweepVersion)},
                     {"scenario", text("name of the scenario")},
                     {"workload", text("where the workload comes from")},
                     {"cost", text("where batch times come from")}};
  properties.update(goal_properties());
  properties.update({{"seeds", text("held-out seeds that all policies ran on")},
                     {"intervals", text("how they are made")},
                     {"bend_factor", number("see bend")},
                     {"axis", {{"description", "what the loads are"}, {"enum", {"qps", "time_scale"}}}},
                     {"loads", list_of("rising", numbers)},
                     {"digests", list_of("of what decides the results, by load", digest())},
                     {"rows", list_of("in the order of the policies", row)}});
  return published("switchyard sweep: sweep.json", "Policies over a range of loads.", closed_object(properties));
}

void write_sweep(const std::filesystem::path& folder, const Sweep& sweep) {
  write_file(folder / "sweep.json", render(sweep, TableFormat::json));
  write_file(folder / "sweep.csv", render(sweep, TableFormat::csv));
  write_file(folder / "sweep.md", render(sweep, TableFormat::markdown));
}

}  // namespace switchyard
