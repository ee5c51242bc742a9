#include "core/cluster/leap_replica.hpp"

#include <algorithm>

namespace switchyard {

void LeapReplica::reset(std::int32_t id, ReplicaContext& context) {
  id_ = id;
  context_ = &context;
  limits_ = *context.limits;
  waiting_.clear();
  waiting_tokens_ = 0;
  left_out_.clear();
  decoding_.reset(reserves_sequences() ? 0 : limits_.block_size);
  prefilling_.clear();
  blocks_used_ = 0;
  decodes_ = false;
  restarted_ = false;
  ends_at_ = kNever;
  order_ = {};
  ended_order_ = {};
  totals_ = {};
}

bool LeapReplica::before(const Order& a, const Order& b) {
  if (a.duration != b.duration) return a.duration > b.duration;
  if (a.run_started_at == b.run_started_at) return a.created < b.created;
  return a.run_started_at > b.run_started_at ? a.before_others : !b.before_others;
}

LeapReplica::Progress LeapReplica::progress(Time now, const LeapReplica* caller) const {
  if (num_batches_ == 1 || now <= started_at_) return {};
  const Time elapsed = now - started_at_;
  const std::int64_t ended = elapsed / order_.duration;
  if (ended * order_.duration != elapsed) return {.ended = ended};
  // An inner batch ends at this instant. The policy call of an arrival comes before its bookkeeping; that of a
  // completion after it, and before the next start if that batch ended behind the one that the call follows.
  if (!caller) return {.ended = ended - 1};
  return {.ended = ended, .runs = !before(caller->ended_order_, order_)};
}

bool LeapReplica::enqueue(RequestId id, Time now, const LeapReplica* caller) {
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

bool LeapReplica::start(Time now, StartCause cause) {
  if (ends_at_ != kNever) return false;
  switch (limits_.scheduler) {
    case ReplicaSchedulerKind::vllm:
      form_vllm();
      break;
    case ReplicaSchedulerKind::sarathi:
      form_sarathi();
      break;
    case ReplicaSchedulerKind::orca:
      form_orca();
      break;
  }
  decodes_ = decodes_ && !decoding_.empty();
  if (!decodes_ && prefilling_.empty()) return false;
  CostModel::Lookup cost;
  if (prefilling_.empty()) {
    const std::int64_t mean = CostModel::mean_kv(decoding_.kv_tokens(), decoding_.size());
    kv_step_ = CostModel::kv_step(mean);
    times_ = context_->cost->decode_times(decoding_.size());
    num_prefills_ = 0;
    prefill_tokens_ = 0;
    cost = begin_decode_leap(kv_step_ * kKvGrain - mean + 1);
  } else {
    cost = begin_prefill_batch(now);
  }
  set_end(now, cost, cause);
  return true;
}

// One batch with prefills. Returns its time.
CostModel::Lookup LeapReplica::begin_prefill_batch(Time now) {
  BatchShape shape;
  resident_tokens_ = decoding_.kv_tokens();
  if (decodes_) {
    shape.num_decodes = decoding_.size();
    shape.decode_kv_tokens = resident_tokens_;
  }
  for (const RequestId id : left_out_) resident_tokens_ += live(id).processed;
  for (const RequestId id : prefilling_) {
    const LiveRequest& request = live(id);
    ++shape.num_prefills;
    shape.prefill_tokens += request.chunk;
    shape.prefill_kv_tokens += round_up(request.processed, kKvGrain);
    shape.prefill_chunk_squares += std::int64_t{request.chunk} * request.chunk;
    resident_tokens_ += request.processed;
    if (record(id).scheduled_at == kNever) record(id).scheduled_at = now;
  }
  num_prefills_ = shape.num_prefills;
  prefill_tokens_ = shape.prefill_tokens;
  num_batches_ = 1;
  ends_with_bucket_ = false;
  return context_->cost->batch_time(shape);
}

// Batches of decodes alone with the same time and members: up to the end of the KV bucket or the first completion, or
// as blocks allow. Returns the time of one.
CostModel::Lookup LeapReplica::begin_decode_leap(std::int64_t steps_to_bucket) {
  resident_tokens_ = decoding_.kv_tokens();
  const std::int64_t to_completion = decoding_.steps_to_completion();
  num_batches_ = std::min(steps_to_bucket, to_completion);
  ends_with_bucket_ = steps_to_bucket < to_completion && waiting_.empty() && left_out_.empty();
  const std::int64_t spare = std::int64_t{blocks_free()} - 1;
  const BlockCycle& blocks = decoding_.blocks();
  // Enough for this leap and the next, as a rule.
  if (restarted_ || (spare < 2 * blocks.at_most_in(kKvGrain) && !reserves_sequences())) limit_by_blocks(spare);
  return times_.at(kv_step_);
}

void LeapReplica::limit_by_blocks(std::int64_t spare) {
  ends_with_bucket_ = false;
  if (restarted_ && limits_.scheduler == ReplicaSchedulerKind::vllm) {
    num_batches_ = 1;  // what was restarted waits, and might be admitted as soon as the next batch is formed
  } else if (decoding_.blocks().in(num_batches_) > spare) {
    // The first batch was formed by the exact rule; it may take the last block.
    num_batches_ = std::max<std::int64_t>(decoding_.blocks().steps_within(spare), 1);
  }
}

void LeapReplica::set_end(Time now, CostModel::Lookup cost, StartCause cause) {
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

bool LeapReplica::go_on() {
  if (!ends_with_bucket_) return false;
  const Time now = ends_at_;
  count_batches();
  ++kv_step_;
  set_end(now, begin_decode_leap(kKvGrain), StartCause::own_batch_end);
  return true;
}

// The batches of the leap that ends become part of the totals, their tokens and blocks of the decoding requests.
void LeapReplica::count_batches() {
  const std::int64_t batches = num_batches_;
  const Time duration = order_.duration;
  totals_.num_batches += batches;
  totals_.num_extrapolated_batches += extrapolated_ ? batches : 0;
  totals_.busy += duration * batches;
  // Each batch starts with one more token per decode than the one before.
  const std::int64_t kv_tokens = resident_tokens_ * batches + num_decodes() * (batches * (batches - 1) / 2);
  totals_.kv_token_ticks += Int128{kv_tokens} * duration;
  if (decodes_) blocks_used_ += static_cast<std::int32_t>(decoding_.advance(batches, duration * batches));
  totals_.peak_blocks = std::max(totals_.peak_blocks, blocks_used_);
}

void LeapReplica::finish(std::vector<RequestId>& completed) {
  const Time now = ends_at_;
  ends_at_ = kNever;
  count_batches();
  completed.clear();
  if (decodes_) {
    while (decoding_.steps_to_completion() == 0) {
      const RequestId id = decoding_.take_completed(context_->table->live.data());
      record(id).execution += decoding_.decode_time(live(id));
      complete(id, now, completed);
    }
  }
  if (!prefilling_.empty()) finish_prefills(now, completed);
  if (completed.empty()) return;
  if (completed.size() > 1) std::sort(completed.begin(), completed.end());
  ended_order_ = order_;
}

void LeapReplica::complete(RequestId id, Time now, std::vector<RequestId>& completed) {
  blocks_used_ -= blocks_of(live(id));
  record(id).completed_at = now;
  ++totals_.num_requests;
  completed.push_back(id);
}

void LeapReplica::finish_prefills(Time now, std::vector<RequestId>& completed) {
  std::size_t kept = 0;
  for (const RequestId id : prefilling_) {
    LiveRequest& request = live(id);
    record(id).execution += order_.duration;
    request.processed += request.chunk;
    if (request.processed < request.num_prefill_tokens) {
      prefilling_[kept++] = id;
      continue;
    }
    request.prefill_complete = true;
    ++request.processed;
    if (!request.has_first_token) record(id).prefill_completed_at = now;
    request.has_first_token = true;
    if (request.processed == request.total_tokens) {
      complete(id, now, completed);
    } else {
      begin_decoding(id);
    }
  }
  prefilling_.resize(kept);
}

// vllm keeps decodes in order of arrival, the others in order of joining.
void LeapReplica::begin_decoding(RequestId id) {
  const QueuedRequest* requests = context_->table->requests;
  std::int32_t position = decoding_.size();
  if (limits_.scheduler == ReplicaSchedulerKind::vllm) {
    const auto ids = decoding_.ids();
    while (position > 0 && requests[ids[position - 1]].arrived_at > requests[id].arrived_at) --position;
  }
  decoding_.insert(position, id, live(id));
}

ReplicaState LeapReplica::state(Time now, const LeapReplica* caller) const {
  ReplicaState state;
  state.num_waiting = static_cast<std::int32_t>(waiting_.size());
  state.num_running = num_running();
  state.num_prefilling = static_cast<std::int32_t>(left_out_.size() + prefilling_.size());
  state.waiting_prefill_tokens = waiting_tokens_;
  for (const auto* requests : {&left_out_, &prefilling_}) {
    for (const RequestId id : *requests) {
      state.remaining_prefill_tokens += live(id).num_prefill_tokens - live(id).processed;
    }
  }
  state.num_blocks = limits_.num_blocks;
  state.blocks_used = blocks_used_;
  state.decoding_kv_tokens = decoding_.kv_tokens();
  state.generated_tokens = decoding_.generated_tokens();
  if (ends_at_ == kNever) return state;
  const auto [ended, runs] = progress(now, caller);
  if (decodes_) {
    const std::int64_t grown = ended * decoding_.size();
    state.decoding_kv_tokens += grown;
    state.generated_tokens += grown;
    state.blocks_used += static_cast<std::int32_t>(decoding_.blocks().in(runs ? ended + 1 : ended));
  }
  if (runs) {
    state.batch_kind = num_prefills_ == 0 ? BatchKind::decode : decodes_ ? BatchKind::mixed : BatchKind::prefill;
    state.batch_started_at = started_at_ + ended * order_.duration;
    state.batch_prefill_tokens = static_cast<std::int32_t>(prefill_tokens_);
    state.batch_decodes = num_decodes();
  }
  return state;
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
