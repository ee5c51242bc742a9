#include "core/workload/bootstrap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/input/error.hpp"
#include "core/workload/generators.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

namespace {

constexpr double kBlockSeconds = 60.0;

// Sessions are drawn whole, with the block in which they begin.
class TraceSessionCopies {
 public:
  explicit TraceSessionCopies(const std::vector<RawRequest>& rows) : rows_(rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].session >= 0) of_[rows[i].session].push_back(i);
    }
  }

  bool is_first(std::ptrdiff_t row) const {
    return of_.at(rows_[static_cast<std::size_t>(row)].session).front() == static_cast<std::size_t>(row);
  }

  void copy(std::int32_t session, double later_s, std::int32_t number, std::vector<RawRequest>& to) const {
    std::map<std::int32_t, std::int32_t> places;
    for (const std::size_t i : of_.at(session)) {
      places[static_cast<std::int32_t>(i)] = static_cast<std::int32_t>(to.size());
      RawRequest& row = to.emplace_back(rows_[i]);
      row.arrived_at_s += later_s;
      row.session = number;
      if (row.parent >= 0) row.parent = places.at(row.parent);
    }
  }

 private:
  const std::vector<RawRequest>& rows_;
  std::map<std::int32_t, std::vector<std::size_t>> of_;
};

}  // namespace

std::vector<RawRequest> bootstrap_trace(const std::vector<RawRequest>& rows, std::uint64_t seed, TraceHalf from) {
  const double begin = rows.front().arrived_at_s;
  const double duration = rows.back().arrived_at_s - begin;
  if (duration <= 0) {
    throw InputError("--seed: seeds above 0 redraw blocks of the trace's time, but all its requests arrive at once");
  }
  const double half = duration / 2;
  const double half_begin = from == TraceHalf::first ? begin : begin + half;
  // Who goes on with something that was said before does so minutes later: blocks of a trace that tells are as long as
  // its halves allow.
  const bool tells = std::any_of(rows.begin(), rows.end(), [](const RawRequest& row) { return row.content >= 0; });
  const double block = tells ? half / 2 : std::min(kBlockSeconds, half / 2);
  const auto before = [](const RawRequest& row, double time) { return row.arrived_at_s < time; };
  WorkloadRandom random(seed, WorkloadRandom::Purpose::blocks);
  std::vector<RawRequest> drawn;
  const TraceSessionCopies sessions(rows);
  std::int32_t copies = 0;
  double at = 0;
  while (at < duration) {
    const double block_begin = half_begin + random.uniform() * (half - block);
    const double block_end = block_begin + std::min(block, duration - at);
    auto row = std::lower_bound(rows.begin(), rows.end(), block_begin, before);
    for (; row != rows.end() && row->arrived_at_s < block_end; ++row) {
      if (row->session >= 0) {
        if (sessions.is_first(row - rows.begin())) {
          sessions.copy(row->session, at - block_begin, copies++, drawn);
        }
        continue;
      }
      drawn.push_back(*row);
      drawn.back().arrived_at_s = at + (row->arrived_at_s - block_begin);
    }
    at += block;
  }
  if (drawn.empty()) {
    throw InputError(
        fmt::format("--seed: the blocks of {:g} s that seed {} draws from the trace hold none of its {} requests; "
                    "the trace is too sparse to be redrawn (seed 0 replays it as it is)",
                    block, seed, rows.size()));
  }
  if (copies > 0) sort_by_arrival(drawn);
  // Two blocks that meet may round to times in the wrong order, by less than a tick.
  for (std::size_t i = 1; i < drawn.size(); ++i) {
    drawn[i].arrived_at_s = std::max(drawn[i].arrived_at_s, drawn[i - 1].arrived_at_s);
  }
  return drawn;
}

}  // namespace switchyard
