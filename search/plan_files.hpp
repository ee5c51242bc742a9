// A plan as people and programs read it.
#pragma once

#include <filesystem>
#include <string>

#include "results/leaderboard.hpp"
#include "search/plan.hpp"

namespace switchyard {

std::string render(const Plan& plan, TableFormat format, const TableStyle& style = {});

std::string plan_schema();  // of the JSON

// plan.{json,csv,md}: their bytes depend on nothing but the scenario, the limits and the policies.
void write_plan(const std::filesystem::path& folder, const Plan& plan);

}  // namespace switchyard
