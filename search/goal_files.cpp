#include "search/goal_files.hpp"

#include "results/schema_parts.hpp"

namespace switchyard {

std::string figure_text(const Objective& objective) {
  return objective.is_mean_e2e() ? "mean end-to-end time" : objective.text();
}

nlohmann::ordered_json goal_json(const Goal& goal) {
  return {{"objective", goal.objective.text()},
          {"higher_is_better", goal.objective.higher_is_better()},
          {"constraints", format_constraints(goal.constraints)}};
}

nlohmann::ordered_json goal_properties() {
  return {{"objective", schema::text("what is looked at: a figure of core/metrics/README.md, or goodput with limits")},
          {"higher_is_better", schema::flag("direction of the objective")},
          {"constraints", schema::text("limits on means over seeds, comma between, or empty")}};
}

}  // namespace switchyard
