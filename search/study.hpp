// A study: tune policies on training seeds, judge the leaders on seeds that the tuning never saw.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "results/leaderboard.hpp"
#include "search/evaluator.hpp"
#include "search/sampler.hpp"

namespace switchyard {

struct StudyOptions {
  std::vector<const PolicyInfo*> policies;
  std::string method = "random";
  SamplerOptions sampler;
  std::size_t leaders = 1;  // per policy, besides its default setting
  int threads = 1;
};

struct Trial {
  PolicySpec policy;
  Outcome training;
};

struct StudyResult {
  std::vector<Trial> trials;  // in order: defaults (lor, llq, then each policy's), then each policy's samples
  Leaderboard leaderboard;
  std::size_t replays = 0;
  double seconds = 0;  // wall time; no result depends on it
};

// The default setting of every policy, and of lor and llq for reference, is always a trial and always judged.
StudyResult run_study(const Experiment& experiment, const StudyOptions& options, const Progress& progress = {});

// Ranks policies on held-out seeds without tuning; `training` gives the training figures.
Leaderboard judge(const Experiment& experiment, const std::vector<Trial>& trials, int threads,
                  const Progress& progress = {});

// leaderboard.{json,csv,md}, trials.csv, config.json; and timings.json, which alone holds times, threads and paths.
void write_study(const std::filesystem::path& folder, const Experiment& experiment, const StudyOptions& options,
                 const StudyResult& result);

}  // namespace switchyard
