// Sensitivity around a setting as people and programs read it.
#pragma once

#include <string>

#include "results/leaderboard.hpp"
#include "search/sensitivity.hpp"

namespace switchyard {

std::string render(const Sensitivity& sensitivity, TableFormat format, const TableStyle& style = {});

std::string sensitivity_schema();  // of the JSON

}  // namespace switchyard
