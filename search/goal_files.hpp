// A goal as people and programs read it beside the figures that it ranks.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "search/objective.hpp"

namespace switchyard {

// "mean end-to-end time", or the objective as flags have it.
std::string figure_text(const Objective& objective);

// Keys of a file: objective, higher_is_better and constraints; and the properties of its schema.
nlohmann::ordered_json goal_json(const Goal& goal);
nlohmann::ordered_json goal_properties();

}  // namespace switchyard
