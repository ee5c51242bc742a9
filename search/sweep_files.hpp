// A sweep over load as people and programs read it.
#pragma once

#include <filesystem>
#include <string>

#include "results/leaderboard.hpp"
#include "search/sweep.hpp"

namespace switchyard {

std::string render(const Sweep& sweep, TableFormat format, const TableStyle& style = {});

std::string sweep_schema();  // of the JSON

// sweep.{json,csv,md}: their bytes depend on nothing but the scenario, the loads and the policies.
void write_sweep(const std::filesystem::path& folder, const Sweep& sweep);

}  // namespace switchyard
