// Ranks settings on held-out seeds.
#pragma once

#include <cstdint>
#include <vector>

#include "results/leaderboard.hpp"
#include "search/ledger.hpp"
#include "search/objective.hpp"

namespace switchyard {

// The settings of these trials, and every registered clairvoyant policy as a reference, on the scenario's held-out
// seeds; the ledger runs what it does not know. lor and llq need not be among them. Training seeds are run and told of
// only where settings were tuned by them.
enum class Tuned : std::uint8_t { yes, no };
Leaderboard judge(Ledger& ledger, const Goal& goal, const std::vector<std::size_t>& trials, Tuned tuned = Tuned::yes);

// Sorts rows (failed ones last, before them those that break a constraint, others by the held-out objective, then by
// spec), numbers them and derives every figure that rests on comparisons.
void rank_rows(Leaderboard& leaderboard);

// One leaderboard of several, ranked anew. Throws InputError if they are not about the same objective, scenario, data
// and seeds, which names the folders that they are from, and what differs.
Leaderboard merge(const std::vector<Leaderboard>& leaderboards, const std::vector<std::string>& folders);

}  // namespace switchyard
