// The requests of a run whose prompt is computed on one replica and that decode on another, from the assignment of
// their prompt until their KV has moved.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/cluster/kinds.hpp"
#include "core/cluster/kv_links.hpp"
#include "core/cluster/stage.hpp"

namespace switchyard {

class HandOffs {
 public:
  void reset(const ClusterConfig& config, std::size_t num_requests) {
    options_ = config.hand_off;
    std::vector<LinkSpeed> ports;
    for (std::int32_t i = 0; i < config.num_replicas(); ++i) ports.push_back(config.kind(i).port());
    links_.reset(std::move(ports));
    entries_.clear();
    number_of_.assign(num_requests, kNone);
  }

  // Its prompt is assigned to a prefill replica.
  void open(RequestId id, std::int32_t prefill_replica) {
    number_of_[static_cast<std::size_t>(id)] = static_cast<std::int32_t>(entries_.size());
    entries_.push_back({.row = id, .prefill_replica = prefill_replica});
  }
  bool has(RequestId id) const { return number_of_[static_cast<std::size_t>(id)] != kNone; }
  // One that has been opened; its `row` is the request's id until the run is over.
  HandOff& at(RequestId id) { return entries_[static_cast<std::size_t>(number_of_[static_cast<std::size_t>(id)])]; }

  // Its blocks are there: what they lack moves.
  void begin(const Reservation& reserved, Time now) {
    HandOff& entry = at(reserved.id);
    entry.began_at = now;
    entry.num_moved_tokens = reserved.num_missing_tokens;
    entry.num_moved_bytes = reserved.num_missing_tokens * options_.kv_bytes_per_token;
    links_.begin(reserved.id, entry.prefill_replica, entry.decode_replica, entry.num_moved_bytes, options_.link,
                 options_.latency, now);
  }
  // When something may have moved.
  Time next_at() const { return links_.next_at(); }
  // Sets `moved` to the requests whose KV has moved now, in order.
  void take(Time now, std::vector<RequestId>& moved) {
    links_.take(now, moved);
    for (const RequestId id : moved) at(id).ended_at = now;
  }

  // What was handed over in the end, by row. `row_of` tells that of a request.
  template <class RowOf>
  void collect(std::vector<HandOff>& out, RowOf row_of) const {
    out.clear();
    for (const HandOff& entry : entries_) {
      if (entry.ended_at == 0) continue;  // its answer had one token, or the run was over before
      out.push_back(entry);
      out.back().row = row_of(entry.row);
    }
    std::sort(out.begin(), out.end(), [](const HandOff& a, const HandOff& b) { return a.row < b.row; });
  }

 private:
  static constexpr std::int32_t kNone = -1;

  HandOffOptions options_;
  KvLinks links_;
  std::vector<HandOff> entries_;
  std::vector<std::int32_t> number_of_;  // by request
};

}  // namespace switchyard
