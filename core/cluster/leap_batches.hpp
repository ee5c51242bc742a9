// How the batches of a LeapReplica begin and end. Part of leap_replica.hpp.
#pragma once

#include <algorithm>
#include <cassert>

#include "core/cluster/leap_replica.hpp"

namespace switchyard {

inline bool LeapReplica::enqueue(RequestId id, Time now, const LeapReplica* caller) {
  const bool blocked = !waiting_.empty();
  ends_with_bucket_ = false;
  waiting_.push_back(id);
  waiting_tokens_ += live(id).num_prefill_tokens;
  if (ends_at_ == kNever || num_batches_ == 1) return false;
  const auto [ended, runs] = progress(now, caller);
  const std::int64_t batches = runs ? ended + 1 : ended;
  const Time end = started_at_ + batches * order_.duration;
  // If others wait, the leap goes on because the first of them cannot be admitted, nor can this one. But an arrival at
  // the very instant of an inner boundary starts the next batch ahead of those of other replicas.
  if (blocked && (caller || end != now)) return false;
  const bool ends_now = end == now && end != ends_at_;
  num_batches_ = batches;
  ends_at_ = end;
  return ends_now;
}

inline LeapReplica::Progress LeapReplica::progress(Time now, const LeapReplica* caller) const {
  if (num_batches_ == 1 || now <= started_at_) return {};
  const Time elapsed = now - started_at_;
  const std::int64_t ended = elapsed / order_.duration;
  if (ended * order_.duration != elapsed) return {.ended = ended};
  // An inner batch ends at this instant. The policy call of an arrival comes before its bookkeeping; that of a
  // completion after it, and before the next start if that batch ended behind the one that the call follows.
  if (!caller) return {.ended = ended - 1};
  return {.ended = ended, .runs = !before(caller->ended_order_, order_)};
}

inline bool LeapReplica::form(Time now, StartCause cause) {
  switch (limits_.engine) {
    case EngineKind::vllm_v0:
      form_vllm_v0(now);
      break;
    case EngineKind::sarathi:
      form_sarathi(now);
      break;
    case EngineKind::orca:
      form_orca(now);
      break;
    case EngineKind::vllm_v1:
      break;  // has a replica of its own
  }
  decodes_ = decodes_ & !decoding_.empty();
  if (!prefilling_.empty()) {
    set_end(now, begin_prefill_batch(), cause);
    return true;
  }
  if (!decodes_) return false;
  const std::int64_t mean = CostModel::mean_kv(decoding_.kv_tokens(), decoding_.size());
  kv_step_ = CostModel::kv_step(mean);
  set_end(now, begin_decode_leap(kv_step_ * kKvGrain - mean + 1), cause);
  return true;
}

// One batch with prefills. Returns its time.
inline CostModel::Lookup LeapReplica::begin_prefill_batch() {
  const std::int64_t kv_tokens = decoding_.kv_tokens();
  resident_tokens_ = kv_tokens + partial_tokens_;
  num_batches_ = 1;
  ends_with_bucket_ = false;
  return cost_->batch_time(prefills_, decodes_ ? decoding_.size() : 0, decodes_ ? kv_tokens : 0);
}

// Batches of decodes alone with the same time and members: up to the end of the KV bucket or the first completion, or
// as blocks allow. Returns the time of one.
inline CostModel::Lookup LeapReplica::begin_decode_leap(std::int64_t steps_to_bucket) {
  resident_tokens_ = decoding_.kv_tokens() + partial_tokens_;
  const std::int64_t to_completion = decoding_.steps_to_completion();
  num_batches_ = std::min(steps_to_bucket, to_completion);
  assert(num_batches_ >= 1);
  // Without branches, as what ends a leap cannot be predicted.
  const bool bucket_ends_first = steps_to_bucket < to_completion;
  const bool none_waits = waiting_.empty();
  const bool none_is_left_out = left_out_.empty();
  ends_with_bucket_ = bucket_ends_first & none_waits & none_is_left_out;
  const std::int64_t spare = std::int64_t{blocks_free()} - 1;
  // Enough for this leap and the next, as a rule.
  if (restarted_ || spare < std::int64_t{blocks_per_decode_} * decoding_.size()) limit_by_blocks(spare);
  return cost_->decode_time(decoding_.size(), kv_step_);
}

inline void LeapReplica::set_end(Time now, CostModel::Lookup cost, StartCause cause) {
  extrapolated_ = cost.extrapolated;
  started_at_ = now;
  ends_at_ = checked_end(now, cost.time, num_batches_);
  const bool follows = cause == StartCause::own_batch_end;
  if (follows && cost.time == order_.duration) return;
  order_.before_others = cause == StartCause::arrival_call || (follows && order_.duration > cost.time);
  order_.duration = cost.time;
  order_.run_started_at = now;
  order_.created = context_->next_creation++;
}

inline bool LeapReplica::go_on() {
  if (!ends_with_bucket_) return false;
  const Time now = ends_at_;
  count_batches();
  ++kv_step_;
  set_end(now, begin_decode_leap(kKvGrain), StartCause::own_batch_end);
  return true;
}

// The batches of the leap that ends become part of the totals, their tokens and blocks of the decoding requests.
inline void LeapReplica::count_batches() {
  const std::int64_t batches = num_batches_;
  const Time span = ends_at_ - started_at_;
  totals_.num_batches += batches;
  if (extrapolated_) [[unlikely]]
    totals_.num_extrapolated_batches += batches;
  totals_.busy += span;
  // Each batch starts with one more token per decode than the one before. (One with prefills is alone.)
  const auto batches_before = static_cast<std::int64_t>(static_cast<std::uint64_t>(batches * (batches - 1)) / 2);
  const std::int64_t kv_tokens = resident_tokens_ * batches + decoding_.size() * batches_before;
  totals_.kv_token_ticks += Int128{kv_tokens} * order_.duration;
  blocks_used_ += static_cast<std::int32_t>(decoding_.advance(decodes_ ? batches : 0, decodes_ ? span : 0));
  assert(blocks_used_ >= 0 && blocks_used_ <= limits_.num_blocks);
  totals_.peak_blocks = std::max(totals_.peak_blocks, blocks_used_);
}

inline void LeapReplica::finish(std::vector<RequestId>& completed) {
  const Time now = ends_at_;
  count_batches();
  assert(ends_at_ >= started_at_);
  ends_at_ = kNever;
  if (decoding_.steps_to_completion() == 0) finish_decodes(now, completed);
  if (!prefilling_.empty()) finish_prefills(now, completed);
  if (completed.empty()) return;
  if (completed.size() > 1) std::sort(completed.begin(), completed.end());
  ended_order_ = order_;
}

inline void LeapReplica::finish_decodes(Time now, std::vector<RequestId>& completed) {
  do {
    const RequestId id = decoding_.take_completed(live_);
    record(id).execution += decoding_.decode_time(live(id));
    complete(id, now, completed);
  } while (decoding_.steps_to_completion() == 0);
}

inline void LeapReplica::finish_prefills(Time now, std::vector<RequestId>& completed) {
  std::size_t kept = 0;
  for (const RequestId id : prefilling_) {
    LiveRequest& request = live(id);
    RequestRecord& its_record = record(id);
    its_record.execution += now - started_at_;
    const std::int32_t processed = request.processed + request.chunk;
    if (processed < request.num_prefill_tokens) {
      partial_tokens_ += request.chunk;
      request.processed = processed;
      prefilling_[kept++] = id;
      continue;
    }
    partial_tokens_ -= request.processed;
    request.prefill_complete = true;
    request.processed = processed + 1;
    if (!request.has_first_token) {
      request.has_first_token = true;
      its_record.prefill_completed_at = now;
      if (context_->first_tokens) [[unlikely]] {
        context_->first_tokens->push_back(id);
        ended_order_ = order_;
      }
    }
    if (request.processed == request.total_tokens) {
      complete(id, now, completed);
    } else {
      begin_decoding(id, request);
    }
  }
  prefilling_.resize(kept);
  prefills_ = {};
}

// vllm_v0 keeps decodes in order of arrival, the others in order of joining.
inline void LeapReplica::begin_decoding(RequestId id, LiveRequest& request) {
  std::int32_t position = decoding_.size();
  if (limits_.engine == EngineKind::vllm_v0) {
    const QueuedRequest* requests = context_->table->requests.data();
    const auto ids = decoding_.ids();
    // Ids count arrivals, so that as a rule the first comparison is enough.
    while (position > 0 && ids[position - 1] > id && requests[ids[position - 1]].arrived_at > requests[id].arrived_at) {
      --position;
    }
  }
  decoding_.insert(position, id, request);
}

inline void LeapReplica::complete(RequestId id, Time now, std::vector<RequestId>& completed) {
  blocks_used_ -= blocks_of(live(id));
  record(id).completed_at = now;
  ++totals_.num_requests;
  completed.push_back(id);
}

}  // namespace switchyard
