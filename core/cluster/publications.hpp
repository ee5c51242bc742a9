// The snapshots that replicas have published.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "core/api/views.hpp"

namespace switchyard {

struct Snapshot {
  ReplicaState state;
  std::vector<ResidentRequest> waiting, running;  // if a policy asks for them
};

// Of each replica: the snapshot that can be read, and those that are under way to the routers.
class Publications {
 public:
  void reset(std::int32_t num_replicas, Time delay) {
    delay_ = delay;
    snapshots_.resize(static_cast<std::size_t>(num_replicas));
    for (auto& of_replica : snapshots_) of_replica.clear();
  }

  // A new snapshot, later than the others of this replica, to be filled in. The first one can be read at once.
  Snapshot& add(std::int32_t replica) {
    if (spare_.empty()) return at(replica).emplace_back();
    at(replica).push_back(std::move(spare_.back()));
    spare_.pop_back();
    Snapshot& snapshot = at(replica).back();
    snapshot.state = {};
    snapshot.waiting.clear();
    snapshot.running.clear();
    return snapshot;
  }

  // The last one that routers have. Time only goes on: those before it are forgotten.
  const Snapshot& read(std::int32_t replica, Time now) {
    std::deque<Snapshot>& snapshots = at(replica);
    while (snapshots.size() > 1 && snapshots[1].state.taken_at + delay_ <= now) {
      spare_.push_back(std::move(snapshots.front()));
      snapshots.pop_front();
    }
    return snapshots.front();
  }

 private:
  std::deque<Snapshot>& at(std::int32_t replica) { return snapshots_[static_cast<std::size_t>(replica)]; }

  Time delay_ = 0;
  std::vector<std::deque<Snapshot>> snapshots_;  // by replica, the readable one first
  std::vector<Snapshot> spare_;                  // what they have allocated
};

}  // namespace switchyard
