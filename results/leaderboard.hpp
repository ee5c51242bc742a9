// The leaderboard: one table, four ways to show it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/metrics/summary.hpp"
#include "results/ranked_row.hpp"
#include "results/spread.hpp"
#include "results/table.hpp"

namespace switchyard {

// The objective is the figure that ranks; its unit and direction are the leaderboard's. Changes are relative (0.1: 10%
// more), paired by seed.
struct LeaderboardRow : RankedRow {
  bool is_default = false;               // the policy's default setting
  std::vector<double> training_by_seed;  // objective by training seed
  std::vector<double> held_out_by_seed;  // objective by held-out seed
  Summary metrics;                       // means over held-out seeds

  // What rank_rows derives, besides the ranks.
  Spread training;
  Spread held_out;  // what ranks
  Spread change_against_lor;
  Spread change_against_llq;
  Spread simultaneous_against_llq;  // the same change, with an interval that holds for all rows together
  Spread optimism;                  // change against LLQ on held-out seeds, less that on training seeds
  Spread gap_closed;                // share of the gap from LLQ to the interference-free bound (objective mean_e2e_s)
};

struct Leaderboard {
  std::string scenario;
  std::string workload;  // source: trace file or embedded model
  std::string cost;      // source of batch times
  std::string digest;    // of the experiment; "": unknown, as in old files
  std::string objective = "mean_e2e_s";
  bool higher_is_better = false;
  std::string constraints;  // "" or "p99_e2e_s<=20,..."
  std::string train_seeds;  // "": nothing was tuned
  std::string held_out_seeds;
  bool reproducible = true;  // false: the search's budget was wall time
  std::string intervals;     // how they are made
  // Mean end-to-end time by held-out seed, s, were every request alone on an idle replica: no policy can reach it.
  std::vector<double> interference_free_by_seed;
  Spread interference_free;
  // Objective of the two reference policies, by seed.
  std::vector<double> lor_by_seed, llq_by_seed, llq_training_by_seed;
  std::vector<LeaderboardRow> rows;  // by rank

  bool tuned() const { return !train_seeds.empty(); }
  bool ranks_mean_e2e() const { return objective == "mean_e2e_s"; }
};

enum class TableFormat { table, markdown, csv, json };

std::vector<std::string> table_format_names();

// Throws InputError for an unknown name.
TableFormat parse_table_format(const std::string& name);

// Columns besides the usual ones.
struct MoreColumns {
  bool wide = false;                         // those of a wider table and Markdown; files hold them in any case
  std::vector<const SummaryField*> figures;  // at the end, means over held-out seeds
};

// "p50_ttft_s,p95_tpot_s": figures by name. Throws InputError that starts with `where`.
std::vector<const SummaryField*> parse_figures(std::string_view text, std::string_view where);

// `style` is that of the terminal table. JSON holds all figures.
std::string render(const Leaderboard& leaderboard, TableFormat format, const TableStyle& style = {},
                   const MoreColumns& more = {});

// JSON of version 3; leaderboard_schema() describes it.
std::string leaderboard_json(const Leaderboard& leaderboard);
std::string leaderboard_schema();

// Reads DIR/leaderboard.json. Throws InputError.
Leaderboard load_leaderboard(const std::filesystem::path& folder);

}  // namespace switchyard
