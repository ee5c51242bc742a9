// The robust ranking as people and programs read it.
#pragma once

#include <filesystem>
#include <string>

#include "results/leaderboard.hpp"
#include "search/suite.hpp"

namespace switchyard {

std::string render(const Suite& suite, TableFormat format, const TableStyle& style = {});

std::string suite_schema();  // of the JSON

// suite.{json,csv,md}: their bytes depend on nothing but the scenarios and the policies.
void write_suite(const std::filesystem::path& folder, const Suite& suite);

// Reads DIR/suite.json. Throws InputError.
Suite load_suite(const std::filesystem::path& folder);

// One ranking of several. Throws InputError if they are not about the same goal, scenarios and seeds, which names
// the folders that they are from, and what differs.
Suite merge(const std::vector<Suite>& suites, const std::vector<std::string>& folders);

}  // namespace switchyard
