// What every replica did over time, boiled down to a few hundred bins whatever the run's length: states.json of a run
// folder, from which the report draws.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/cluster/simulation.hpp"

namespace switchyard {

class StateHistory final : public StateSampler {
 public:
  explicit StateHistory(std::int32_t num_replicas) : num_replicas_(static_cast<std::size_t>(num_replicas)) {}

  // Samples stand in the middle of equal spans, kSamplesPerBin to a bin. When kMostBins are full, neighbours become
  // one and spans twice as long.
  Time next_sample() const override { return span_ * (2 * num_samples_ + 1) / 2; }
  void on_sample(std::int32_t queue_length, std::span<const ReplicaState> replicas) override;

  // Means over each bin, as JSON (see results/README.md), with the times in which replicas did not serve.
  std::string json(const ReplicaLimits& limits, std::span<const ReplicaAbsence> absences = {}) const;

  static constexpr std::int64_t kSamplesPerBin = 8;
  static constexpr std::size_t kMostBins = 640;

 private:
  enum Series : std::size_t { prefill, decode, mixed, kv_blocks, waiting, running, kNumSeries };

  std::vector<double> means(std::size_t column) const;

  std::size_t num_replicas_;
  Time span_ = kTicksPerSecond / 1000;  // between two samples
  std::int64_t num_samples_ = 0;        // as many as there would be, had spans always been as long as now
  // Bins of columns: the queue, then each replica's series. Sums over the samples of a bin.
  std::vector<double> sums_;
};

}  // namespace switchyard
