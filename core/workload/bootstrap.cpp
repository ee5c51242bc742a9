#include "core/workload/bootstrap.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/input/error.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

namespace {

constexpr double kBlockSeconds = 60.0;

}  // namespace

std::vector<RawRequest> bootstrap_trace(const std::vector<RawRequest>& rows, std::uint64_t seed, TraceHalf from) {
  const double begin = rows.front().arrived_at_s;
  const double duration = rows.back().arrived_at_s - begin;
  if (duration <= 0) {
    throw InputError("--seed: seeds above 0 redraw blocks of the trace's time, but all its requests arrive at once");
  }
  const double half = duration / 2;
  const double half_begin = from == TraceHalf::first ? begin : begin + half;
  const double block = std::min(kBlockSeconds, half / 2);
  const auto before = [](const RawRequest& row, double time) { return row.arrived_at_s < time; };
  WorkloadRandom random(seed, WorkloadRandom::Purpose::blocks);
  std::vector<RawRequest> drawn;
  double at = 0;
  while (at < duration) {
    const double block_begin = half_begin + random.uniform() * (half - block);
    const double block_end = block_begin + std::min(block, duration - at);
    auto row = std::lower_bound(rows.begin(), rows.end(), block_begin, before);
    for (; row != rows.end() && row->arrived_at_s < block_end; ++row) {
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
  // Two blocks that meet may round to times in the wrong order, by less than a tick.
  for (std::size_t i = 1; i < drawn.size(); ++i) {
    drawn[i].arrived_at_s = std::max(drawn[i].arrived_at_s, drawn[i - 1].arrived_at_s);
  }
  return drawn;
}

}  // namespace switchyard
