#include "core/cluster/leap_replica.hpp"

#include <algorithm>

namespace switchyard {

void LeapReplica::reset(std::int32_t id, const ReplicaKind& kind, ReplicaContext& context) {
  id_ = id;
  context_ = &context;
  cost_ = &kind.cost();
  live_ = context.table->live.data();
  records_ = context.table->records.data();
  limits_ = kind.limits();
  forget();
  blocks_per_decode_ = reserves_sequences() ? 0 : 2 * (kKvGrain / limits_.block_size + 1);
  ends_at_ = kNever;
  order_ = {};
  ended_order_ = {};
  totals_ = {};
}

void LeapReplica::lose(Time now) {
  if (ends_at_ != kNever) {
    const auto [ended, runs] = progress(now, nullptr);
    num_batches_ = runs ? ended + 1 : ended;
    ends_at_ = started_at_ + num_batches_ * order_.duration;
    count_batches();
    ends_at_ = kNever;
  }
  context_->add_waiting(id_, -static_cast<std::int32_t>(waiting_.size()));
  forget();
}

void LeapReplica::forget() {
  waiting_.clear();
  waiting_tokens_ = 0;
  left_out_.clear();
  decoding_.reset(reserves_sequences() ? 0 : limits_.block_size);
  prefilling_.clear();
  partial_tokens_ = 0;
  prefills_ = {};
  blocks_used_ = 0;
  decodes_ = false;
  restarted_ = false;
  ends_with_bucket_ = false;
}

bool LeapReplica::before(const Order& a, const Order& b) {
  if (a.duration != b.duration) return a.duration > b.duration;
  if (a.run_started_at == b.run_started_at) return a.created < b.created;
  return a.run_started_at > b.run_started_at ? a.before_others : !b.before_others;
}

void LeapReplica::restart_for_decodes() {
  const BlockCycle& blocks = decoding_.blocks();
  do {
    restarted_ = true;
    // The last needs a free block when it joins, even if it takes none; if it finds one, so did all before it.
    if (decoding_.empty()) return;
    const std::int32_t by_last = blocks.is_next(live(decoding_.back()).block_phase) ? 1 : 0;
    if (blocks_free() - (blocks.next() - by_last) >= 1) return;
    restart_last();  // maybe the very one that was to join
  } while (blocks_free() - blocks.next() < 1);
}

// The last of the running requests: one that prefills, or else one that decodes.
void LeapReplica::restart_last() {
  const bool prefills = !prefilling_.empty();
  const RequestId id = prefills ? prefilling_.back() : decoding_.back();
  LiveRequest& request = live(id);
  if (prefills) {
    prefilling_.pop_back();
    partial_tokens_ -= request.processed;
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

// Insertion sort by arrival: stable, in place (std::stable_sort allocates), and there are hardly ever more than two.
void LeapReplica::sort_left_out() {
  const QueuedRequest* requests = context_->table->requests.data();
  for (std::size_t i = 1; i < left_out_.size(); ++i) {
    for (std::size_t j = i; j > 0 && requests[left_out_[j]].arrived_at < requests[left_out_[j - 1]].arrived_at; --j) {
      std::swap(left_out_[j], left_out_[j - 1]);
    }
  }
}

void LeapReplica::limit_by_blocks(std::int64_t spare) {
  if (reserves_sequences()) return;
  ends_with_bucket_ = false;
  if (restarted_ && limits_.engine == EngineKind::vllm_v0) {
    num_batches_ = 1;  // what was restarted waits, and might be admitted as soon as the next batch is formed
  } else {
    // The first batch was formed by the exact rule; it may take the last block.
    num_batches_ = std::clamp<std::int64_t>(decoding_.blocks().steps_within(spare), 1, num_batches_);
  }
}

// Its fields are gathered first and stored once: policies ask for it at each call, of each replica.
ReplicaState LeapReplica::state(Time now, const LeapReplica* caller) const {
  std::int64_t remaining_prefill_tokens = 0;
  for (const auto* requests : {&left_out_, &prefilling_}) {
    for (const RequestId id : *requests) {
      remaining_prefill_tokens += live(id).num_prefill_tokens - live(id).processed;
    }
  }
  const bool idle = ends_at_ == kNever;
  const auto [ended, runs] = idle ? Progress{.runs = false} : progress(now, caller);
  const bool decodes = decodes_ && !idle;
  const std::int64_t grown = decodes ? ended * decoding_.size() : 0;
  const std::int64_t allocated = decodes ? decoding_.blocks().in(runs ? ended + 1 : ended) : 0;
  const bool prefills = prefills_.num_prefills > 0;
  const BatchKind kind = !prefills ? BatchKind::decode : decodes_ ? BatchKind::mixed : BatchKind::prefill;
  return {.taken_at = now,
          .num_waiting = static_cast<std::int32_t>(waiting_.size()),
          .num_running = num_running(),
          .num_prefilling = static_cast<std::int32_t>(left_out_.size() + prefilling_.size()),
          .waiting_prefill_tokens = waiting_tokens_,
          .remaining_prefill_tokens = remaining_prefill_tokens,
          .decoding_kv_tokens = decoding_.kv_tokens() + grown,
          .generated_tokens = decoding_.generated_tokens() + grown,
          .num_blocks = limits_.num_blocks,
          .blocks_used = blocks_used_ + static_cast<std::int32_t>(allocated),
          .batch_kind = runs ? kind : BatchKind::idle,
          .batch_started_at = runs ? started_at_ + ended * order_.duration : 0,
          .batch_prefill_tokens = runs ? static_cast<std::int32_t>(prefills_.prefill_tokens) : 0,
          .batch_decodes = runs && decodes_ ? decoding_.size() : 0};
}

void LeapReplica::waiting(std::vector<ResidentRequest>& out) const {
  for (const RequestId id : waiting_) out.push_back(context_->table->view(id, 0));
}

void LeapReplica::running(std::vector<ResidentRequest>& out, Time now, const LeapReplica* caller) const {
  const std::int64_t steps = ends_at_ != kNever && decodes_ ? progress(now, caller).ended : 0;
  for (const RequestId id : left_out_) out.push_back(context_->table->view(id, live(id).processed));
  for (const RequestId id : decoding_.ids()) {
    const std::int32_t processed = decoding_.processed(live(id)) + static_cast<std::int32_t>(steps);
    out.push_back(context_->table->view(id, processed));
  }
  for (const RequestId id : prefilling_) out.push_back(context_->table->view(id, live(id).processed));
}

}  // namespace switchyard
