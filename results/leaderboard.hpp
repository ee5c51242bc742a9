// The leaderboard: one table, four ways to show it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/metrics/summary.hpp"
#include "results/table.hpp"

namespace switchyard {

struct Spread {  // a figure with its 95% interval
  double value = 0;
  double low = 0;
  double high = 0;
};

struct LeaderboardRow {
  std::string policy;         // canonical spec
  bool is_default = false;    // the policy's default setting
  std::string failure;        // why it failed; then no figure holds
  Spread training_e2e;        // mean end-to-end time, s, over training seeds
  Spread held_out_e2e;        // the same over held-out seeds: what ranks
  Spread change_against_lor;  // relative, on held-out seeds, paired
  Spread change_against_llq;
  int not_distinguishable_from = 0;  // the best rank whose difference the paired interval does not show; 0: none
  std::vector<double> held_out;      // mean end-to-end time by held-out seed, s
  Summary metrics;                   // means over held-out seeds
};

struct Leaderboard {
  std::string scenario;
  std::string workload;  // source: trace file or embedded model
  std::string cost;      // source of batch times
  std::string train_seeds;
  std::string held_out_seeds;
  std::string intervals;             // how they are made
  std::vector<LeaderboardRow> rows;  // by rank
};

enum class TableFormat { table, markdown, csv, json };

std::vector<std::string> table_format_names();

// Throws InputError for an unknown name.
TableFormat parse_table_format(const std::string& name);

// `style` is that of the terminal table.
std::string render(const Leaderboard& leaderboard, TableFormat format, const TableStyle& style = {});

// Reads DIR/leaderboard.json. Throws InputError.
Leaderboard load_leaderboard(const std::filesystem::path& folder);

// One leaderboard of several, ranked anew by the held-out mean. Throws InputError if they are not about the same
// scenario, data and seeds.
Leaderboard merge(const std::vector<Leaderboard>& leaderboards);

// Failed rows last, others by held-out mean, then by spec.
void sort_rows(Leaderboard& leaderboard);

}  // namespace switchyard
