#include "search/grid.hpp"

#include <stdexcept>

namespace switchyard {

namespace {

std::vector<Cell> cells_of(const std::vector<Ledger*>& ledgers, SeedRange Scenario::*range) {
  std::vector<Cell> cells;
  for (std::size_t place = 0; place < ledgers.size(); ++place) {
    for (const std::uint64_t seed : (ledgers[place]->scenario().*range).seeds()) cells.push_back({place, seed});
  }
  return cells;
}

}  // namespace

Grid Grid::part(const std::vector<std::size_t>& places) const {
  Grid part = *this;
  part.ledgers_.clear();
  for (const std::size_t place : places) part.ledgers_.push_back(ledgers_[place]);
  return part;
}

std::size_t Grid::trial(const PolicySpec& policy) {
  const std::size_t number = ledgers_[0]->trial(policy);
  for (Ledger* ledger : all_) {
    if (ledger->trial(policy) != number) throw std::logic_error("ledgers of one study number its trials differently");
  }
  return number;
}

std::vector<Cell> Grid::training_cells() const { return cells_of(ledgers_, &Scenario::train_seeds); }
std::vector<Cell> Grid::validation_cells() const { return cells_of(ledgers_, &Scenario::validation_seeds); }

void Grid::run(const std::vector<std::pair<std::size_t, Cell>>& requests) {
  std::vector<Ledger::Wanted> wanted;
  for (const auto& [trial, cell] : requests) wanted.push_back({ledgers_[cell.place], {trial, cell.seed}});
  Ledger::run_all(wanted);
  expect(0, 0);
}

void Grid::run(const std::vector<std::size_t>& trials, const std::vector<Cell>& cells) {
  std::vector<std::pair<std::size_t, Cell>> requests;
  for (const std::size_t trial : trials) {
    for (const Cell& cell : cells) requests.emplace_back(trial, cell);
  }
  run(requests);
}

std::string Grid::failure(std::size_t trial, const std::vector<Cell>& cells) const {
  for (const Cell& cell : cells) {
    const std::string& failure = result(trial, cell).failure;
    if (failure.empty()) continue;
    return num_places() == 1 ? failure : ledger(cell.place).scenario().name + ": " + failure;
  }
  return "";
}

std::vector<Summary> Grid::summaries(std::size_t trial, const std::vector<Cell>& cells) const {
  std::vector<Summary> all;
  for (const Cell& cell : cells) all.push_back(result(trial, cell).summary);
  return all;
}

std::vector<std::vector<Cell>> by_place(const std::vector<Cell>& cells, std::size_t num_places) {
  std::vector<std::vector<Cell>> places(num_places);
  for (const Cell& cell : cells) places[cell.place].push_back(cell);
  return places;
}

}  // namespace switchyard
