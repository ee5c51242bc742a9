// What a study over several scenarios leaves in its folder beside study.db.
#pragma once

#include <filesystem>
#include <string>

#include "search/study_files.hpp"
#include "search/suite_study.hpp"

namespace switchyard {

// What study_config is of one scenario. `resolved` in it has the scenarios themselves, each with its digest and
// sources; "suite" names the file beside it that `search --config` reads them from.
std::string suite_study_config(const SuiteSubjects& subjects, const SuiteStudyOptions& options,
                               const std::filesystem::path& folder = ".");

// Whether a configuration is that of a study over several scenarios, and its scenarios. Throws InputError.
bool is_suite_study(const JsonFile& config);
SuiteSubjects read_suite_subjects(const JsonFile& config);
SuiteStudyOptions read_suite_options(const JsonFile& config);

// What the scenarios that were left out say, as text and as CSV.
std::string left_out_text(const std::vector<LeftOut>& rows, LeaveOut how);
std::string left_out_csv(const std::vector<LeftOut>& rows);

// suite.{json,csv,md}, left_out.csv, study.json, trials.csv, config.json, scenarios.json and timings.json, into the
// folder's staging.
void write_suite_study(const ResultFolder& folder, const SuiteStudy& study, const SuiteStudyOptions& options,
                       const SuiteStudy::Result& result, const StudyTimings& timings);

}  // namespace switchyard
