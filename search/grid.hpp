// What a study tunes on: the same settings on one scenario or several, with one ledger each.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "search/ledger.hpp"

namespace switchyard {

// One replay of a setting: a scenario, by its place in the grid, and a seed of it.
struct Cell {
  std::size_t place = 0;
  std::uint64_t seed = 0;
};

class Grid {
 public:
  // The ledgers outlive the grid, have the same trials, and share evaluator and store.
  explicit Grid(Ledger& ledger) : Grid(std::vector<Ledger*>{&ledger}) {}
  explicit Grid(std::vector<Ledger*> ledgers) : ledgers_(std::move(ledgers)), all_(ledgers_) {}

  // These places of the grid alone; trials stay numbered alike in all of it.
  Grid part(const std::vector<std::size_t>& places) const;

  std::size_t num_places() const { return ledgers_.size(); }
  const Ledger& ledger(std::size_t place) const { return *ledgers_[place]; }
  const std::vector<Ledger*>& ledgers() const { return ledgers_; }

  // The number of the trial of this policy, the same in all ledgers, those of the whole that this is a part of
  // included.
  std::size_t trial(const PolicySpec& policy);
  std::size_t num_trials() const { return ledgers_[0]->num_trials(); }
  const PolicySpec& policy(std::size_t trial) const { return ledgers_[0]->policy(trial); }

  // All seeds of a use, scenario by scenario.
  std::vector<Cell> training_cells() const;
  std::vector<Cell> validation_cells() const;

  void expect(std::size_t done, std::size_t total) { ledgers_[0]->expect(done, total); }
  void run(const std::vector<std::pair<std::size_t, Cell>>& requests);  // trials and cells
  void run(const std::vector<std::size_t>& trials, const std::vector<Cell>& cells);

  bool knows(std::size_t trial, const Cell& cell) const { return ledgers_[cell.place]->knows(trial, cell.seed); }
  const ReplayResult& result(std::size_t trial, const Cell& cell) const {
    return ledgers_[cell.place]->result(trial, cell.seed);
  }
  std::string failure(std::size_t trial, const std::vector<Cell>& cells) const;  // the first, or ""
  std::vector<Summary> summaries(std::size_t trial, const std::vector<Cell>& cells) const;

 private:
  std::vector<Ledger*> ledgers_;
  std::vector<Ledger*> all_;  // of the whole
};

// Those of each place, in their order: [place].
std::vector<std::vector<Cell>> by_place(const std::vector<Cell>& cells, std::size_t num_places);

}  // namespace switchyard
