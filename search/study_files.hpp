// What a study leaves in its folder beside study.db.
#pragma once

#include <filesystem>
#include <string>

#include "core/input/json_file.hpp"
#include "results/result_folder.hpp"
#include "search/study.hpp"

namespace switchyard {

// What study_config wrote. Throw InputError.
StudyOptions read_study_config(const JsonFile& config);
Subject read_study_subject(const JsonFile& config);

// Throws InputError, by name, if a study that was started with `stored` cannot be continued with `asked`, both as
// study_config writes them. Only a budget may grow: what a search does with the larger one is what it would have done
// with it from the start. `budget` is the flag that says it.
void check_same_study(const std::string& stored, const std::string& asked, const std::string& budget = "replays");

// The best setting of each policy of a study, as its leaderboard ranks them; of one that is not finished, by what it
// has run so far (see ranked_trials), its default setting if none is better.
std::vector<std::string> study_leaders(const std::vector<const RankedRow*>& rows, const StudyOptions& options);
std::vector<std::string> leaders_so_far(const Grid& grid, const StudyOptions& options);

template <class Row>
std::vector<const RankedRow*> ranked_rows(const std::vector<Row>& rows) {
  std::vector<const RankedRow*> all;
  for (const Row& row : rows) all.push_back(&row);
  return all;
}

struct StudyTimings {
  int threads = 1;
  double seconds = 0;
};

// study.json: what the study was started with, and for each policy its trials, parameters named. Version 1;
// study_schema() describes it. Good at any time, also of a study that is not finished. `config`: what it was started
// with.
std::string study_json(const Grid& grid, const StudyOptions& options, const std::string& config);
std::string study_schema();
std::string study_config_schema();  // of config.json

// trials.csv: one line a trial; and that of a study without any.
std::string trials_csv(const Grid& grid, const StudyOptions& options);
std::string no_trials_csv();

// leaderboard.{json,csv,md}, study.json, trials.csv, config.json; and timings.json, which alone holds times, threads
// and paths. Into the folder's staging.
void write_study(const ResultFolder& folder, Ledger& ledger, const StudyOptions& options, const StudyResult& result,
                 const StudyTimings& timings);
std::string timings_json(const ResultFolder& folder, const StudyTimings& timings, std::size_t num_replays);

}  // namespace switchyard
