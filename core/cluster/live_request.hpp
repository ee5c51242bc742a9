// A request's life inside the cluster, shared by both kernels, and the FIFO of a replica.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/api/cluster_view.hpp"
#include "core/cluster/records.hpp"
#include "core/cluster/stage.hpp"

namespace switchyard {

struct LiveRequest {
  std::int32_t total_tokens = 0;             // prompt + output, hidden from policies
  std::int32_t num_prefill_tokens = 0;       // grows at a restart
  std::int32_t original_prefill_tokens = 0;  // as it arrived
  std::int32_t processed = 0;                // since the last (re)start; leap: valid while it does not decode
  std::int32_t blocks = 0;                   // step: KV blocks that it holds
  std::int32_t chunk = 0;                    // tokens that it computes in the running batch
  bool prefill_complete = false;             // since the last (re)start
  bool has_first_token = false;
  Stage stage = Stage::whole;  // of what its replica computes
  // leap, while it decodes (see DecodeSet):
  std::uint32_t block_phase = 0;  // see BlockCycle
  std::int64_t step_offset = 0;   // processed - decode steps of its replica
  Time decode_base = 0;           // its replica's decode time when it began
};

// Everything about the requests of a run, by id. The run owns it: an entry is filled in when its request arrives.
struct RequestTable {
  std::span<const QueuedRequest> requests;
  std::vector<detail::Lifecycle> lifecycle;
  std::vector<LiveRequest> live;
  std::vector<RequestRecord> records;
  std::vector<std::int32_t> rows;  // of the workload

  // All requests lie in the future.
  void reset(std::size_t size) {
    arrived_.assign(size, {});  // cleared, so that nothing of an earlier run can be read there
    rows.resize(size);
    reset_to(arrived_);
  }
  // The same where ids are rows and their times are known: the workload's entries serve, which outlive the run. A view
  // shows those that have arrived.
  void reset_to(std::span<const QueuedRequest> of_workload) {
    requests = of_workload;
    lifecycle.assign(requests.size(), detail::Lifecycle::future);
    live.resize(requests.size());
    records.resize(requests.size());
  }
  // To be filled in, unless reset_to() was called.
  QueuedRequest& arrived(RequestId id) { return arrived_[static_cast<std::size_t>(id)]; }

  ResidentRequest view(RequestId id, std::int32_t processed) const {
    const LiveRequest& request = live[static_cast<std::size_t>(id)];
    return {.id = id,
            .arrived_at = requests[static_cast<std::size_t>(id)].arrived_at,
            .num_prefill_tokens = request.num_prefill_tokens,
            .original_prefill_tokens = request.original_prefill_tokens,
            .num_processed_tokens = processed,
            .prefill_complete = request.prefill_complete};
  }

 private:
  std::vector<QueuedRequest> arrived_;
};

// Waiting requests of one replica. Restarted ones return to the front.
class WaitingFifo {
 public:
  void clear() {
    ids_.clear();
    head_ = 0;
    size_ = 0;
  }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  RequestId front() const { return ids_[head_]; }
  void push_back(RequestId id) {
    ids_.push_back(id);
    ++size_;
  }
  void push_front(RequestId id) {
    if (head_ == 0) {  // make room for as many again, so that a series of restarts is cheap
      head_ = ids_.size() + 8;
      ids_.insert(ids_.begin(), head_, 0);
    }
    ids_[--head_] = id;
    ++size_;
  }
  void pop_front() {
    ++head_;
    if (--size_ == 0) clear();
  }
  // One that waits leaves, wherever it is.
  void erase(RequestId id) {
    ids_.erase(std::find(ids_.begin() + static_cast<std::ptrdiff_t>(head_), ids_.end(), id));
    if (--size_ == 0) clear();
  }
  const RequestId* begin() const { return ids_.data() + head_; }
  const RequestId* end() const { return begin() + size_; }

 private:
  std::vector<RequestId> ids_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace switchyard
