// The report page: one HTML file about runs and searches that needs nothing else to be looked at.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/api/policy.hpp"

namespace switchyard {

struct ReportOptions {
  std::vector<std::filesystem::path> folders;
  std::string program;  // name and version, as the page's foot shows it
  // Whose parameters' ranges and scales are known; of others they are read from the trials.
  std::vector<PolicyInfo> policies;
  // Importance of parameters from specs and values of a policy's trials (see search/importance.hpp); none: not shown.
  std::function<std::vector<std::pair<std::string, double>>(const std::vector<std::string>& specs,
                                                            const std::vector<double>& values)>
      importance;
};

// What the page shows, as JSON. A folder is a run's (it holds summary.json), a search's (leaderboard.json), a suite's
// (suite.json), a validation's (validation.json), or one whose folders are such, to any depth. Throws InputError if a
// folder is none of these, or a file of it cannot be read.
std::string report_data(const ReportOptions& options);

// The page around this data. Nothing in the data can end its element or run as a script.
std::string report_page(const std::string& data);

}  // namespace switchyard
