// What a study leaves in its folder beside study.db.
#pragma once

#include <filesystem>
#include <string>

#include "core/input/json_file.hpp"
#include "search/study.hpp"

namespace switchyard {

// The options that study_config wrote. Throws InputError.
StudyOptions read_study_config(const JsonFile& config);

struct StudyTimings {
  int threads = 1;
  double seconds = 0;
};

// study.json: what the study was started with, and for each policy its trials, parameters named. Version 1;
// study_schema() describes it. Good at any time, also of a study that is not finished.
std::string study_json(const Ledger& ledger, const StudyOptions& options);
std::string study_schema();
std::string study_config_schema();  // of config.json

// trials.csv: one line a trial.
std::string trials_csv(const Ledger& ledger, const StudyOptions& options);

// leaderboard.{json,csv,md}, study.json, trials.csv, config.json; and timings.json, which alone holds times, threads
// and paths.
void write_study(const std::filesystem::path& folder, const Ledger& ledger, const StudyOptions& options,
                 const StudyResult& result, const StudyTimings& timings);

}  // namespace switchyard
