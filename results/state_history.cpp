#include "results/state_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/input/json_text.hpp"

namespace switchyard {

void StateHistory::on_sample(std::int32_t queue_length, std::span<const ReplicaState> replicas) {
  const std::size_t columns = 1 + num_replicas_ * kNumSeries;
  if (num_samples_ == static_cast<std::int64_t>(kMostBins) * kSamplesPerBin) {
    for (std::size_t bin = 0; bin < kMostBins / 2; ++bin) {
      for (std::size_t c = 0; c < columns; ++c) {
        sums_[bin * columns + c] = (sums_[2 * bin * columns + c] + sums_[(2 * bin + 1) * columns + c]) / 2;
      }
    }
    sums_.resize(kMostBins / 2 * columns);
    num_samples_ /= 2;
    span_ *= 2;
    return;  // this sample does not stand in the middle of a new span
  }
  if (num_samples_ % kSamplesPerBin == 0) sums_.resize(sums_.size() + columns);
  ++num_samples_;
  double* at = &sums_[sums_.size() - columns];
  *at++ += queue_length;
  for (const ReplicaState& state : replicas) {
    at[prefill] += state.batch_kind == BatchKind::prefill;
    at[decode] += state.batch_kind == BatchKind::decode;
    at[mixed] += state.batch_kind == BatchKind::mixed;
    at[kv_blocks] += state.blocks_used;
    at[waiting] += state.num_waiting;
    at[running] += state.num_running;
    at += kNumSeries;
  }
}

std::vector<double> StateHistory::means(std::size_t column) const {
  const std::size_t columns = 1 + num_replicas_ * kNumSeries;
  std::vector<double> values;
  for (std::size_t bin = 0; bin * columns < sums_.size(); ++bin) {
    const auto first = static_cast<std::int64_t>(bin) * kSamplesPerBin;
    const auto samples = static_cast<double>(std::min(kSamplesPerBin, num_samples_ - first));
    values.push_back(std::round(1000 * sums_[bin * columns + column] / samples) / 1000);
  }
  return values;
}

std::string StateHistory::json(const ReplicaLimits& limits, std::span<const ReplicaAbsence> absences) const {
  nlohmann::ordered_json json = {{"version", 1},
                                 {"bin_s", seconds_from_ticks(span_ * kSamplesPerBin)},
                                 {"num_blocks", limits.num_blocks},
                                 {"queued", means(0)},
                                 {"replicas", nlohmann::ordered_json::array()}};
  for (std::size_t replica = 0; replica < num_replicas_; ++replica) {
    const auto series = [&](Series which) { return means(1 + replica * kNumSeries + which); };
    json["replicas"].push_back({{"prefill", series(prefill)},
                                {"decode", series(decode)},
                                {"mixed", series(mixed)},
                                {"kv_blocks", series(kv_blocks)},
                                {"waiting", series(waiting)},
                                {"running", series(running)}});
  }
  for (const ReplicaAbsence& absence : absences) {
    constexpr const char* kWhy[] = {"failed", "starting", "not there"};
    json["absences"].push_back({{"replica", absence.replica},
                                {"why", kWhy[static_cast<std::size_t>(absence.why)]},
                                {"from_s", seconds_from_ticks(absence.from)},
                                {"to_s", seconds_from_ticks(absence.to)}});
  }
  return json_text(json) + "\n";
}

}  // namespace switchyard
