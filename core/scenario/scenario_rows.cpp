#include "core/scenario/scenario_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/input/error.hpp"
#include "core/workload/row_links.hpp"

namespace switchyard {

namespace {

// What vllm_v1 does with an output that does not fit into the context. (A prompt that fills it is refused.) Returns how
// many those were.
std::size_t end_outputs(std::vector<RawRequest>& rows, std::int32_t max_model_len) {
  std::size_t ended = 0;
  for (RawRequest& row : rows) {
    const std::int32_t room = max_model_len - row.num_prefill_tokens;
    if (room <= 0 || row.num_decode_tokens <= room) continue;
    set_lengths(row, row.num_prefill_tokens, room);
    ++ended;
  }
  return ended;
}

// Leaves out what is longer than the context, and the turns that follow it; returns how many that were.
std::size_t drop_long(std::vector<RawRequest>& rows, std::int32_t max_tokens) {
  return drop_rows(rows, [max_tokens](const RawRequest& row) {
    return std::int64_t{row.num_prefill_tokens} + row.num_decode_tokens > max_tokens;
  });
}

// The first requests, which metrics leave out: those that come first if answers take no time, so that they are the same
// ones under every policy.
void mark_warm_up(const WorkloadSpec& spec, std::vector<RawRequest>& rows) {
  const auto share = static_cast<std::size_t>(spec.warm_up_share * static_cast<double>(rows.size()));
  const std::size_t first = std::max(share, static_cast<std::size_t>(spec.warm_up_requests));
  for (std::size_t i = 0; i < std::min(first, rows.size()); ++i) rows[i].counted = false;
  if (std::none_of(rows.begin(), rows.end(), [](const RawRequest& row) { return row.counted; })) {
    throw InputError(fmt::format("--{}: leaves none of the {} requests to be counted",
                                 spec.warm_up_requests > 0 ? "warm-up-requests" : "warm-up-share", rows.size()));
  }
}

}  // namespace

WorkloadRows scenario_rows(const Scenario& scenario, const TraceRows* trace, std::uint64_t seed, std::int32_t context) {
  const LongRequests rule = scenario.long_requests_rule();
  WorkloadRows made = make_rows(scenario.workload_of(seed), trace, seed,
                                rule == LongRequests::cut ? context : std::numeric_limits<std::int32_t>::max());
  if (made.rows.empty()) {
    throw InputError(fmt::format("--duration: {} holds no request that arrives within it", made.source));
  }
  if (rule == LongRequests::engine) made.num_cut = end_outputs(made.rows, context);
  if (rule == LongRequests::drop) made.num_dropped = drop_long(made.rows, context);
  if (made.rows.empty()) {
    throw InputError(
        fmt::format("--long-requests: drop leaves none of the {} requests of {}", made.num_dropped, made.source));
  }
  mark_warm_up(scenario.workload, made.rows);
  return made;
}

}  // namespace switchyard
