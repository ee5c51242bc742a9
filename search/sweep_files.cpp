#include "search/sweep_files.hpp"

#include <fmt/format.h>

#include <cmath>

#include "core/input/write_file.hpp"
#include "results/schema_parts.hpp"
#include "results/text_table.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 1;

const char* interval_methods() {
  return "95%: means by Student's t over seeds; changes and bends by paired percentile bootstrap over seeds, 2000 "
         "resamples";
}

std::string bend_text(const Interval& bend) {
  if (!std::isfinite(bend.low)) return "not reached";
  const auto load = [](double value) { return std::isfinite(value) ? fmt::format("{:.2f}", value) : "not reached"; };
  return fmt::format("{} [{}, {}]", load(bend.value), load(bend.low), load(bend.high));
}

std::vector<TableColumn> columns_of(const Sweep& sweep) {
  std::vector<TableColumn> columns = {{.title = "policy", .right = false, .wraps = true, .importance = kEssential}};
  for (std::size_t i = 0; i < sweep.loads.size(); ++i) {
    columns.push_back(
        {.title = fmt::format("{} {}", sweep.axis, sweep.loads[i]), .importance = static_cast<int>(i % kEssential)});
  }
  columns.push_back({.title = "bends at " + sweep.axis, .importance = kEssential});
  return columns;
}

std::vector<std::vector<TableCell>> cells_of(const Sweep& sweep) {
  std::vector<std::vector<TableCell>> cells;
  for (const SweepRow& row : sweep.rows) {
    std::vector<TableCell>& line = cells.emplace_back();
    line.push_back({row.clairvoyant ? row.policy + " (clairvoyant)" : row.policy});
    if (!row.failure.empty()) {
      line[0].tone = Tone::bad;
      line.resize(sweep.loads.size() + 1);
      line.push_back({"failed", Tone::bad});
      continue;
    }
    for (std::size_t i = 0; i < row.e2e.size(); ++i) {
      const Interval& change = row.change[i];
      const Tone tone = change.high < 0 ? Tone::good : change.low > 0 ? Tone::bad : Tone::plain;
      line.push_back({interval_text(row.e2e[i]), tone});
    }
    line.push_back({bend_text(row.bend)});
  }
  return cells;
}

std::string caption(const Sweep& sweep) {
  std::string text = fmt::format(
      "{}: mean end-to-end time, s, over held-out seeds {}. Workload: {}. Batch times: {}.\n"
      "Intervals {}.\nA curve bends at the load where it reaches {} times its value at {} {}, linear between swept "
      "loads.\n",
      sweep.scenario, sweep.seeds, sweep.workload, sweep.cost, interval_methods(), kBendFactor, sweep.axis,
      sweep.loads.front());
  for (const SweepRow& row : sweep.rows) {
    if (!row.failure.empty()) text += fmt::format("Failed: {}: {}\n", row.policy, row.failure);
  }
  return text;
}

std::string csv_number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : ""; }

// One line a policy and load.
std::string render_csv(const Sweep& sweep) {
  std::vector<std::vector<std::string>> lines;
  for (const SweepRow& row : sweep.rows) {
    for (std::size_t i = 0; i < sweep.loads.size(); ++i) {
      std::vector<std::string>& line = lines.emplace_back();
      line = {row.policy, row.clairvoyant ? "true" : "false", row.failure, fmt::format("{}", sweep.loads[i])};
      if (row.failure.empty()) {
        for (const Interval& interval : {row.e2e[i], row.change[i], row.bend}) {
          for (const double value : {interval.value, interval.low, interval.high}) line.push_back(csv_number(value));
        }
      }
      line.resize(13);
    }
  }
  return csv_table({"policy", "clairvoyant", "failure", sweep.axis, "mean_e2e_s", "low", "high", "change_against_first",
                    "change_low", "change_high", "bend", "bend_low", "bend_high"},
                   lines);
}

Json to_json(const Interval& interval) {
  const auto figure = [](double value) -> Json { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  return {{"value", figure(interval.value)}, {"low", figure(interval.low)}, {"high", figure(interval.high)}};
}

std::string render_json(const Sweep& sweep) {
  Json json = {{"version", kVersion},        {"scenario", sweep.scenario}, {"workload", sweep.workload},
               {"cost", sweep.cost},         {"seeds", sweep.seeds},       {"intervals", interval_methods()},
               {"bend_factor", kBendFactor}, {"axis", sweep.axis},         {"loads", sweep.loads},
               {"rows", Json::array()}};
  for (const SweepRow& row : sweep.rows) {
    Json entry = {{"policy", row.policy}, {"clairvoyant", row.clairvoyant}, {"failure", row.failure}};
    if (row.failure.empty()) {
      entry["bend"] = to_json(row.bend);
      entry["points"] = Json::array();
      for (std::size_t i = 0; i < sweep.loads.size(); ++i) {
        entry["points"].push_back({{"load", sweep.loads[i]},
                                   {"mean_e2e_s", to_json(row.e2e[i])},
                                   {"change_against_first", to_json(row.change[i])},
                                   {"e2e_by_seed", row.e2e_by_seed[i]}});
      }
    }
    json["rows"].push_back(std::move(entry));
  }
  return json.dump(2) + "\n";
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
  Json bend = spread("load at which the mean reaches bend_factor times that at the lowest load; null: not reached");
  for (const char* key : {"value", "low", "high"}) bend["properties"][key]["type"] = {"number", "null"};
  const Json point =
      closed_object({{"load", number("on the axis")},
                     {"mean_e2e_s", spread("mean end-to-end time over seeds, s")},
                     {"change_against_first", spread("relative, to the first policy that did not fail, paired")},
                     {"e2e_by_seed", list_of("mean end-to-end time by seed, s", numbers)}});
  Json row = closed_object({{"policy", text("canonical spec")},
                            {"clairvoyant", flag("knows output lengths: never deployable")},
                            {"failure", text("why it failed, or empty; then no figure is there")},
                            {"bend", bend},
                            {"points", list_of("by load", point)}});
  row["required"] = {"policy", "clairvoyant", "failure"};
  return published("switchyard sweep: sweep.json", "Policies over a range of loads.",
                   closed_object({{"version", version(kVersion)},
                                  {"scenario", text("name of the scenario")},
                                  {"workload", text("where the workload comes from")},
                                  {"cost", text("where batch times come from")},
                                  {"seeds", text("held-out seeds that all policies ran on")},
                                  {"intervals", text("how they are made")},
                                  {"bend_factor", number("see bend")},
                                  {"axis", {{"description", "what the loads are"}, {"enum", {"qps", "time_scale"}}}},
                                  {"loads", list_of("rising", numbers)},
                                  {"rows", list_of("in the order of the policies", row)}}));
}

void write_sweep(const std::filesystem::path& folder, const Sweep& sweep) {
  write_file(folder / "sweep.json", render(sweep, TableFormat::json));
  write_file(folder / "sweep.csv", render(sweep, TableFormat::csv));
  write_file(folder / "sweep.md", render(sweep, TableFormat::markdown));
}

}  // namespace switchyard
