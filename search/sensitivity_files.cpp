#include "search/sensitivity_files.hpp"

#include <fmt/format.h>

#include "core/input/json_text.hpp"
#include "results/schema_parts.hpp"
#include "results/text_table.hpp"
#include "search/goal_files.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kSensitivityVersion = 2;

std::string steps_text() {
  return fmt::format(
      "numbers by {:g} of their range (of its logarithm on a logarithmic scale), whole numbers by 1 at "
      "least, choices to each other one",
      kStepShare);
}

std::vector<TableColumn> columns_of(const Sensitivity& sensitivity) {
  return {{.title = "parameter", .right = false, .importance = kEssential},
          {.title = "from", .importance = 2},
          {.title = "to", .importance = kEssential},
          {.title = sensitivity.goal.objective.text(), .importance = 1},
          {.title = "change", .importance = kEssential}};
}

std::vector<std::vector<TableCell>> cells_of(const Sensitivity& sensitivity) {
  std::vector<std::vector<TableCell>> rows;
  for (const SensitivityStep& step : sensitivity.steps) {
    std::vector<TableCell>& row = rows.emplace_back();
    row = {{step.parameter}, {step.from}, {step.to}};
    if (!step.failure.empty()) {
      row.insert(row.end(), {{""}, {"failed", Tone::bad}});
      continue;
    }
    const Interval& change = step.change;
    const std::string broken = step.infeasible.empty() ? "" : ", infeasible";
    row.push_back({fmt::format("{:.4f}", step.value)});
    row.push_back({change_text(change, 2) + broken,
                   broken.empty() ? tone_of(change, 0, sensitivity.goal.objective.higher_is_better()) : Tone::bad});
  }
  return rows;
}

std::string caption(const Sensitivity& sensitivity) {
  std::string text = fmt::format(
      "{}: {} of {} is {} over held-out seeds {}. Workload: {}. Batch times: {}.\n"
      "Steps from it, one parameter at a time: {}. Changes are of the mean, paired by seed.\n"
      "Intervals {}. Each stands alone: of {} steps, some seem to matter by luck.\n",
      sensitivity.scenario, sensitivity.goal.objective.text(), sensitivity.policy, interval_text(sensitivity.value, 4),
      sensitivity.seeds, sensitivity.workload, sensitivity.cost, steps_text(),
      interval_method(sensitivity.by_seed.size()), sensitivity.steps.size());
  if (!sensitivity.infeasible.empty()) text += fmt::format("It is infeasible: {}\n", sensitivity.infeasible);
  for (const SensitivityStep& step : sensitivity.steps) {
    if (!step.failure.empty()) text += fmt::format("Failed: {}: {}\n", step.policy, step.failure);
    if (!step.infeasible.empty()) text += fmt::format("Infeasible: {}: {}\n", step.policy, step.infeasible);
  }
  return text;
}

std::string render_csv(const Sensitivity& sensitivity) {
  std::vector<std::vector<std::string>> lines;
  for (const SensitivityStep& step : sensitivity.steps) {
    std::vector<std::string>& line = lines.emplace_back();
    line = {step.parameter, step.from, step.to};
    for (const double value : {step.change.value, step.change.low, step.change.high}) {
      line.push_back(step.failure.empty() ? number_or_nothing(value) : "");
    }
    line.insert(line.end(), {step.policy, step.infeasible, step.failure});
  }
  return csv_table({"parameter", "from", "to", "change", "low", "high", "policy", "infeasible", "failure"}, lines);
}

std::string render_json(const Sensitivity& sensitivity) {
  Json json = {{"version", kSensitivityVersion},
               {"scenario", sensitivity.scenario},
               {"workload", sensitivity.workload},
               {"cost", sensitivity.cost}};
  json.update(goal_json(sensitivity.goal));
  json.update({{"seeds", sensitivity.seeds},
               {"intervals", interval_method(sensitivity.by_seed.size())},
               {"step_share", kStepShare},
               {"policy", sensitivity.policy},
               {"infeasible", sensitivity.infeasible},
               {"value", schema::spread_json(sensitivity.value)},
               {"by_seed", sensitivity.by_seed},
               {"steps", Json::array()}});
  for (const SensitivityStep& step : sensitivity.steps) {
    Json entry = {{"parameter", step.parameter},
                  {"from", step.from},
                  {"to", step.to},
                  {"policy", step.policy},
                  {"failure", step.failure}};
    if (step.failure.empty()) {
      entry["infeasible"] = step.infeasible;
      entry["change"] = schema::spread_json(step.change);
      entry["by_seed"] = step.by_seed;
    }
    json["steps"].push_back(std::move(entry));
  }
  return json_text(json, 2) + "\n";
}

}  // namespace

std::string render(const Sensitivity& sensitivity, TableFormat format, const TableStyle& style) {
  return render_as(
      format, style, columns_of(sensitivity), cells_of(sensitivity), caption(sensitivity),
      [&] { return render_csv(sensitivity); }, [&] { return render_json(sensitivity); });
}

std::string sensitivity_schema() {
  using namespace schema;
  const Json by_seed = list_of("objective by held-out seed", {{"type", "number"}});
  Json step = closed_object({{"parameter", text("the one that is changed")},
                             {"from", text("its value in the setting, as specs write it")},
                             {"to", text("its value after the step")},
                             {"policy", text("canonical spec with the step taken")},
                             {"failure", text("why it failed, or empty; then no figure is there")},
                             {"infeasible", text("the constraints that it breaks, with what was found, or empty")},
                             {"change", spread("of the objective's mean, relative to the setting's, paired by seed")},
                             {"by_seed", by_seed}});
  step["required"] = {"parameter", "from", "to", "policy", "failure"};
  Json properties = {{"version", version(kSensitivityVersion)},
                     {"scenario", text("name of the scenario")},
                     {"workload", text("where the workload comes from")},
                     {"cost", text("where batch times come from")}};
  properties.update(goal_properties());
  properties.update({{"seeds", text("held-out seeds that all ran on")},
                     {"intervals", text("how they are made")},
                     {"step_share", number("of a number's range that a step is")},
                     {"policy", text("canonical spec of the setting")},
                     {"infeasible", text("the constraints that it breaks, with what was found, or empty")},
                     {"value", spread("objective of the setting, mean over seeds")},
                     {"by_seed", by_seed},
                     {"steps", list_of("the parameter whose steps change most first", step)}});
  return published("switchyard sensitivity: what --json prints",
                   "A setting, and what a step of each parameter away from it changes.", closed_object(properties));
}

}  // namespace switchyard
