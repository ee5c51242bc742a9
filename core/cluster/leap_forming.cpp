// How a LeapReplica forms a batch: the rules of core/README.md, looking at waiting and prefilling requests one by one
// and at decoding ones only when blocks run out.
#include <algorithm>

#include "core/cluster/leap_replica.hpp"

namespace switchyard {

// A decoding request's blocks are those that its last decode step needed: one token fewer than it has now.
std::int32_t LeapReplica::blocks_of(const LiveRequest& request) const {
  if (reserves_sequences()) return OrcaPlan(limits_).sequence_blocks;
  const std::int32_t tokens = request.prefill_complete ? request.processed - 1 : request.num_prefill_tokens;
  return blocks_for(tokens, limits_.block_size);
}

bool LeapReplica::admissible(RequestId id) const {
  return blocks_free() - blocks_for(live(id).num_prefill_tokens, limits_.block_size) >= limits_.watermark_blocks;
}

void LeapReplica::admit(std::int32_t blocks, std::int32_t chunk) {
  const RequestId id = waiting_.front();
  waiting_.pop_front();
  context_->add_waiting(id_, -1);
  waiting_tokens_ -= live(id).num_prefill_tokens;
  live(id).chunk = chunk;
  blocks_used_ += blocks;
  prefilling_.push_back(id);
}

// The last of the running requests: one that prefills, or else one that decodes.
void LeapReplica::restart_last() {
  const bool prefills = !prefilling_.empty();
  const RequestId id = prefills ? prefilling_.back() : decoding_.back();
  LiveRequest& request = live(id);
  if (prefills) {
    prefilling_.pop_back();
  } else {
    decoding_.pop_back(request);
    record(id).execution += decoding_.decode_time(request);
  }
  blocks_used_ -= blocks_of(request);
  request.num_prefill_tokens = request.processed;
  request.processed = 0;
  request.prefill_complete = false;
  ++record(id).num_restarts;
  ++totals_.num_restarts;
  waiting_.push_front(id);
  waiting_tokens_ += request.num_prefill_tokens;
  context_->add_waiting(id_, 1);
}

// The exact rule: before each decode joins, while no block is free, restart the last of the running requests that has
// not been considered. Leaves in decoding_ those that join.
void LeapReplica::make_room_for_decodes() {
  const BlockCycle& blocks = decoding_.blocks();
  restarted_ = false;
  while (blocks_free() - blocks.next() < 1) {
    restarted_ = true;
    // The last needs a free block when it joins, even if it takes none; if it finds one, so did all before it.
    if (decoding_.empty()) return;
    const std::int32_t by_last = blocks.is_next(live(decoding_.back()).block_phase) ? 1 : 0;
    if (blocks_free() - (blocks.next() - by_last) >= 1) return;
    restart_last();  // maybe the very one that was to join
  }
}

void LeapReplica::form_vllm() {
  std::int64_t longest = 0;
  while (!waiting_.empty()) {
    const RequestId id = waiting_.front();
    const std::int32_t prompt = live(id).num_prefill_tokens;
    longest = std::max<std::int64_t>(longest, prompt);
    const auto members = static_cast<std::int64_t>(prefilling_.size()) + 1;
    if (!admissible(id) || members * longest > limits_.max_tokens_in_batch || num_running() >= limits_.batch_size_cap) {
      break;
    }
    admit(blocks_for(prompt, limits_.block_size), prompt);
  }
  decodes_ = prefilling_.empty();
  restarted_ = false;
  if (decodes_) make_room_for_decodes();
}

void LeapReplica::form_sarathi() {
  decodes_ = true;
  make_room_for_decodes();
  std::int64_t room = std::max<std::int64_t>(0, std::int64_t{limits_.chunk_size} - decoding_.size());
  if (!left_out_.empty() || !prefilling_.empty()) room = continue_prefills(room);
  // What the decodes of this batch allocate is taken before new requests are admitted.
  const std::int32_t reserved = decoding_.blocks().next();
  blocks_used_ += reserved;
  while (!waiting_.empty() && room > 0) {
    const RequestId id = waiting_.front();
    const std::int32_t prompt = live(id).num_prefill_tokens;
    if (!admissible(id) || num_running() >= limits_.batch_size_cap) break;
    const auto chunk = static_cast<std::int32_t>(std::min<std::int64_t>(prompt, room));
    admit(blocks_for(prompt, limits_.block_size), chunk);
    room -= chunk;
  }
  blocks_used_ -= reserved;
}

// sarathi: gives running requests with incomplete prefill their next chunk, in order, or leaves them out. Returns what
// room is left, in tokens.
std::int64_t LeapReplica::continue_prefills(std::int64_t room) {
  const auto continues = [&](RequestId id) {
    LiveRequest& request = live(id);
    const std::int64_t rest = request.num_prefill_tokens - request.processed;
    request.chunk = static_cast<std::int32_t>(std::min(rest, room));
    room -= request.chunk;
    return request.chunk > 0;
  };
  // Those that were left out come first; then the last batch's. As a rule none was, and one goes on.
  scratch_.swap(left_out_);
  left_out_.clear();
  std::size_t kept = 0;
  if (scratch_.empty()) {
    for (const RequestId id : prefilling_) {
      if (continues(id)) {
        prefilling_[kept++] = id;
      } else {
        left_out_.push_back(id);
      }
    }
    prefilling_.resize(kept);
    if (left_out_.size() < 2) return room;
  } else {
    scratch_.insert(scratch_.end(), prefilling_.begin(), prefilling_.end());
    prefilling_.clear();
    for (const RequestId id : scratch_) (continues(id) ? prefilling_ : left_out_).push_back(id);
  }
  // Insertion sort by arrival: stable, in place (std::stable_sort allocates), and there is hardly ever more than one.
  const QueuedRequest* requests = context_->table->requests;
  for (std::size_t i = 1; i < left_out_.size(); ++i) {
    for (std::size_t j = i; j > 0 && requests[left_out_[j]].arrived_at < requests[left_out_[j - 1]].arrived_at; --j) {
      std::swap(left_out_[j], left_out_[j - 1]);
    }
  }
  return room;
}

void LeapReplica::form_orca() {
  const OrcaPlan plan(limits_);
  decodes_ = true;
  const std::int32_t most = std::min(plan.slots, limits_.batch_size_cap);
  while (!waiting_.empty() && num_running() < most && blocks_free() >= plan.sequence_blocks) {
    admit(plan.sequence_blocks, live(waiting_.front()).num_prefill_tokens);
  }
}

}  // namespace switchyard
