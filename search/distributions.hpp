// How request times are distributed under the policies of a leaderboard, for reports.
#pragma once

#include <string>

#include "core/scenario/experiment.hpp"
#include "results/leaderboard.hpp"

namespace switchyard {

// distributions.json: for each policy that did not fail, sketches (see results/quantile_sketch.hpp) of end-to-end time,
// time to first token and time per output token over the requests of all held-out seeds. Replays them once more, which
// takes little beside a search and needs nothing to be kept during it. Does not depend on `threads`.
std::string distributions_json(const Experiment& experiment, const Leaderboard& leaderboard, int threads);
std::string distributions_schema();

}  // namespace switchyard
