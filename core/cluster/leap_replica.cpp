#include "core/cluster/leap_replica.hpp"

#include <algorithm>

namespace switchyard {

void LeapReplica::reset(std::int32_t id, ReplicaContext& context) {
  id_ = id;
  context_ = &context;
  waiting_.clear();
  waiting_tokens_ = 0;
  left_out_.clear();
  decoding_.clear();
  prefilling_.clear();
  completions_.clear();
  decode_steps_ = 0;
  decode_time_ = 0;
  offset_sum_ = 0;
  original_sum_ = 0;
  allocations_at_.assign(static_cast<std::size_t>(context.limits->block_size), 0);
  blocks_used_ = 0;
  ends_at_ = kNever;
  restarted_ = false;
  order_ = {};
  ended_order_ = {};
  totals_ = {};
}

bool LeapReplica::before(const Order& a, const Order& b) {
  if (a.duration != b.duration) return a.duration > b.duration;
  if (a.run_started_at == b.run_started_at) return a.created < b.created;
  return a.run_started_at > b.run_started_at ? a.before_others : !b.before_others;
}

bool LeapReplica::enqueue(RequestId id, Time now, Moment moment) {
  // If others wait, the leap goes on because the first of them cannot be admitted, nor can this one. But an arrival at
  // the very instant of an inner boundary starts the next batch ahead of those of other replicas.
  const bool blocked = !waiting_.empty();
  waiting_.push_back(id);
  waiting_tokens_ += live(id).num_prefill_tokens;
  if (ends_at_ == kNever || num_batches_ == 1) return false;
  if (blocked && !(moment == Moment::before_bookkeeping && has_inner_boundary(now))) return false;
  const Time planned_end = ends_at_;
  const bool next_has_started = moment != Moment::before_start || !has_inner_boundary(now);
  num_batches_ = ended_batches(now, moment) + (next_has_started ? 1 : 0);
  ends_at_ = started_at_ + num_batches_ * order_.duration;
  return ends_at_ == now && ends_at_ != planned_end;
}

// Batches of the running leap whose bookkeeping is done.
std::int64_t LeapReplica::ended_batches(Time now, Moment moment) const {
  if (now <= started_at_) return 0;
  const Time elapsed = moment == Moment::before_bookkeeping ? now - started_at_ - 1 : now - started_at_;
  return std::min(elapsed / order_.duration, num_batches_);
}

void LeapReplica::begin_decoding(RequestId id) {
  LiveRequest& request = live(id);
  request.step_offset = static_cast<std::int32_t>(request.processed - decode_steps_);
  request.execution_base = decode_time_;
  offset_sum_ += request.step_offset;
  original_sum_ += request.original_prefill_tokens;
  ++allocations_at_[phase_of(1 - std::int64_t{request.step_offset})];
  const std::int64_t at_step = request.total_tokens - request.step_offset;
  std::size_t i = completions_.size();
  completions_.emplace_back();
  for (; i > 0 && completions_[i - 1].at_step < at_step; --i) completions_[i] = completions_[i - 1];
  completions_[i] = {at_step, id};
}

void LeapReplica::stop_decoding(RequestId id) {
  LiveRequest& request = live(id);
  offset_sum_ -= request.step_offset;
  original_sum_ -= request.original_prefill_tokens;
  --allocations_at_[phase_of(1 - std::int64_t{request.step_offset})];
  context_->table->records[static_cast<std::size_t>(id)].execution += decode_time_ - request.execution_base;
}

// A decoding request's blocks are those that its last decode step needed: one token fewer than it has now.
std::int32_t LeapReplica::blocks_of(RequestId id) const {
  const LiveRequest& request = live(id);
  if (context_->limits->scheduler == ReplicaSchedulerKind::orca) return OrcaPlan(*context_->limits).sequence_blocks;
  const std::int32_t tokens = request.prefill_complete ? processed_of(request) - 1 : request.num_prefill_tokens;
  return blocks_for(tokens, context_->limits->block_size);
}

bool LeapReplica::admissible(RequestId id) const {
  const std::int32_t needed = blocks_for(live(id).num_prefill_tokens, context_->limits->block_size);
  return blocks_free() - needed >= context_->limits->watermark_blocks;
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

void LeapReplica::restart(RequestId id) {
  LiveRequest& request = live(id);
  blocks_used_ -= blocks_of(id);
  if (request.prefill_complete) {
    request.processed = processed_of(request);
    stop_decoding(id);
    const auto at = std::find_if(completions_.begin(), completions_.end(),
                                 [id](const Completion& completion) { return completion.id == id; });
    completions_.erase(at);
  }
  request.num_prefill_tokens = request.processed;
  request.processed = 0;
  request.prefill_complete = false;
  ++context_->table->records[static_cast<std::size_t>(id)].num_restarts;
  ++totals_.num_restarts;
  waiting_.push_front(id);
  waiting_tokens_ += request.num_prefill_tokens;
  context_->add_waiting(id_, 1);
}

bool LeapReplica::decodes_fit() const { return blocks_free() - allocations_at_[phase_of(decode_steps_)] >= 1; }

// The exact rule, member by member: before each joins, while no block is free, restart the last one of the list that
// has not been considered. Leaves in decoding_ those that join.
void LeapReplica::make_room_for_decodes(bool prefilling_too) {
  std::int32_t joined_blocks = 0;  // taken by members that joined; restart() sees only what was held before
  const std::size_t front = prefilling_too ? left_out_.size() : 0;
  auto at = [&](std::size_t i) {
    if (i < front) return left_out_[i];
    if (i - front < decoding_.size()) return decoding_[i - front];
    return prefilling_[i - front - decoding_.size()];
  };
  std::size_t end = front + decoding_.size() + (prefilling_too ? prefilling_.size() : 0);
  for (std::size_t i = front; i < end && i - front < decoding_.size(); ++i) {
    bool alone = false;
    while (blocks_free() - joined_blocks < 1 && !alone) {
      restart(at(--end));
      alone = end == i;
    }
    if (alone) break;
    const std::int64_t processed = processed_of(live(at(i)));
    if ((processed - 1) % context_->limits->block_size == 0) ++joined_blocks;
  }
  if (prefilling_too) prefilling_.resize(end > front + decoding_.size() ? end - front - decoding_.size() : 0);
  decoding_.resize(std::min(decoding_.size(), end - front));
}

void LeapReplica::form_vllm() {
  const ReplicaLimits& limits = *context_->limits;
  std::int64_t longest = 0;
  while (!waiting_.empty()) {
    const RequestId id = waiting_.front();
    const auto members = static_cast<std::int32_t>(prefilling_.size());
    const std::int32_t prompt = live(id).num_prefill_tokens;
    const std::int64_t new_longest = std::max<std::int64_t>(longest, prompt);
    if (!admissible(id) || (members + 1) * new_longest > limits.max_tokens_in_batch ||
        num_running() >= limits.batch_size_cap) {
      break;
    }
    longest = new_longest;
    admit(blocks_for(prompt, limits.block_size), prompt);
  }
  decodes_ = prefilling_.empty();
  restarted_ = decodes_ && !decodes_fit();
  if (restarted_) make_room_for_decodes(false);
}

void LeapReplica::form_sarathi() {
  const ReplicaLimits& limits = *context_->limits;
  decodes_ = true;
  restarted_ = !decodes_fit();
  if (restarted_) make_room_for_decodes(true);
  auto tokens = static_cast<std::int64_t>(decoding_.size());
  if (!left_out_.empty() || !prefilling_.empty()) {
    std::vector<RequestId>& set_aside = scratch_;
    set_aside.assign(left_out_.begin(), left_out_.end());
    set_aside.insert(set_aside.end(), prefilling_.begin(), prefilling_.end());
    left_out_.clear();
    prefilling_.clear();
    for (const RequestId id : set_aside) {
      LiveRequest& request = live(id);
      const std::int64_t room = std::max<std::int64_t>(0, limits.chunk_size - tokens);
      request.chunk =
          static_cast<std::int32_t>(std::min<std::int64_t>(request.num_prefill_tokens - request.processed, room));
      (request.chunk > 0 ? prefilling_ : left_out_).push_back(id);
      tokens += request.chunk;
    }
    // Insertion sort: stable, in place (std::stable_sort allocates), and there is hardly ever more than one.
    for (std::size_t i = 1; i < left_out_.size(); ++i) {
      for (std::size_t j = i; j > 0 && context_->table->requests[left_out_[j]].arrived_at <
                                           context_->table->requests[left_out_[j - 1]].arrived_at;
           --j) {
        std::swap(left_out_[j], left_out_[j - 1]);
      }
    }
  }
  // What the decodes of this batch allocate is taken before new requests are admitted.
  const std::int32_t reserved = allocations_at_[phase_of(decode_steps_)];
  blocks_used_ += reserved;
  while (!waiting_.empty()) {
    const RequestId id = waiting_.front();
    const std::int64_t room = std::max<std::int64_t>(0, limits.chunk_size - tokens);
    if (!admissible(id) || num_running() >= limits.batch_size_cap || room == 0) break;
    const auto chunk = static_cast<std::int32_t>(std::min<std::int64_t>(live(id).num_prefill_tokens, room));
    admit(blocks_for(live(id).num_prefill_tokens, limits.block_size), chunk);
    tokens += chunk;
  }
  blocks_used_ -= reserved;
}

void LeapReplica::form_orca() {
  const ReplicaLimits& limits = *context_->limits;
  const OrcaPlan plan(limits);
  decodes_ = true;
  const std::int32_t most = std::min(plan.slots, limits.batch_size_cap);
  while (!waiting_.empty() && num_running() < most && blocks_free() >= plan.sequence_blocks) {
    admit(plan.sequence_blocks, live(waiting_.front()).num_prefill_tokens);
  }
}

std::int64_t LeapReplica::allocated_in(std::int64_t steps) const {
  if (context_->limits->scheduler == ReplicaSchedulerKind::orca) return 0;
  const auto cycle = static_cast<std::int64_t>(allocations_at_.size());
  std::int64_t blocks = steps / cycle * static_cast<std::int64_t>(decoding_.size());
  std::size_t phase = phase_of(decode_steps_);
  for (std::int64_t rest = steps % cycle; rest > 0; --rest) {
    blocks += allocations_at_[phase];
    if (++phase == allocations_at_.size()) phase = 0;
  }
  return blocks;
}

// How many batches of decodes alone, from now on, have the same duration and members.
std::int64_t LeapReplica::steps_until_change() const {
  const auto members = static_cast<std::int64_t>(decoding_.size());
  const std::int64_t mean = kv_tokens() / members;
  std::int64_t steps = round_up(mean, kKvGrain) - mean + 1;
  steps = std::min(steps, completions_.back().at_step - decode_steps_);
  if (context_->limits->scheduler == ReplicaSchedulerKind::orca) return steps;
  const auto cycle = static_cast<std::int64_t>(allocations_at_.size());
  std::int64_t free = blocks_free();
  if (free - members * ((steps + cycle - 1) / cycle) >= 1) return steps;
  std::size_t phase = phase_of(decode_steps_);
  for (std::int64_t step = 0; step < steps; ++step) {
    free -= allocations_at_[phase];
    // The first batch was formed by the exact rule; it may take the last block.
    if (free < 1) return std::max<std::int64_t>(step, 1);
    if (++phase == allocations_at_.size()) phase = 0;
  }
  return steps;
}

bool LeapReplica::start(Time now, StartCause cause) {
  if (ends_at_ != kNever || !has_requests()) return false;
  switch (context_->limits->scheduler) {
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

  shape_ = {};
  const std::int64_t decoding_tokens = kv_tokens();
  resident_tokens_ = decoding_tokens;
  if (decodes_) {
    shape_.num_decodes = static_cast<std::int32_t>(decoding_.size());
    shape_.decode_kv_tokens = decoding_tokens;
  }
  for (const RequestId id : left_out_) resident_tokens_ += live(id).processed;
  for (const RequestId id : prefilling_) {
    const LiveRequest& request = live(id);
    ++shape_.num_prefills;
    shape_.prefill_tokens += request.chunk;
    shape_.prefill_kv_tokens += round_up(request.processed, kKvGrain);
    shape_.prefill_chunk_squares += std::int64_t{request.chunk} * request.chunk;
    resident_tokens_ += request.processed;
    RequestRecord& record = context_->table->records[static_cast<std::size_t>(id)];
    if (record.scheduled_at == kNever) record.scheduled_at = now;
  }
  // What vllm restarted to form this batch waits, and might be admitted as soon as the next one is formed.
  const bool vllm_restarted = restarted_ && context_->limits->scheduler == ReplicaSchedulerKind::vllm;
  num_batches_ = prefilling_.empty() && !vllm_restarted ? steps_until_change() : 1;
  const CostModel::Lookup cost = context_->cost->batch_time(shape_);
  extrapolated_ = cost.extrapolated;
  started_at_ = now;
  ends_at_ = checked_end(now, cost.time, num_batches_);
  const bool follows = cause == StartCause::own_batch_end;
  if (!follows || cost.time != ended_order_.duration) {
    order_.before_others = cause == StartCause::arrival_call || (follows && ended_order_.duration > cost.time);
    order_.duration = cost.time;
    order_.run_started_at = now;
    order_.created = context_->next_creation++;
  }
  return true;
}

void LeapReplica::finish(std::vector<RequestId>& completed) {
  const Time now = ends_at_;
  ends_at_ = kNever;
  ended_order_ = order_;
  const Time duration = order_.duration;
  const std::int64_t batches = num_batches_;
  const auto decodes = static_cast<std::int64_t>(shape_.num_decodes);
  totals_.num_batches += batches;
  totals_.num_extrapolated_batches += extrapolated_ ? batches : 0;
  totals_.busy += duration * batches;
  totals_.kv_token_ticks +=
      (Int128{resident_tokens_} * batches + Int128{decodes} * (batches * (batches - 1) / 2)) * duration;
  const std::size_t first = completed.size();
  if (decodes_) {
    blocks_used_ += static_cast<std::int32_t>(allocated_in(batches));
    decode_steps_ += batches;
    decode_time_ += duration * batches;
  }
  totals_.peak_blocks = std::max(totals_.peak_blocks, blocks_used_);

  while (decodes_ && !completions_.empty() && completions_.back().at_step == decode_steps_) {
    const RequestId id = completions_.back().id;
    completions_.pop_back();
    blocks_used_ -= blocks_of(id);
    stop_decoding(id);
    decoding_.erase(std::find(decoding_.begin(), decoding_.end(), id));
    completed.push_back(id);
  }
  std::size_t kept = 0;
  for (const RequestId id : prefilling_) {
    LiveRequest& request = live(id);
    RequestRecord& record = context_->table->records[static_cast<std::size_t>(id)];
    record.execution += duration;
    request.processed += request.chunk;
    if (request.processed < request.num_prefill_tokens) {
      prefilling_[kept++] = id;
      continue;
    }
    const std::int32_t blocks = blocks_of(id);
    request.prefill_complete = true;
    ++request.processed;
    if (!request.has_first_token) record.prefill_completed_at = now;
    request.has_first_token = true;
    if (request.processed == request.total_tokens) {
      blocks_used_ -= blocks;
      completed.push_back(id);
      continue;
    }
    auto position = decoding_.end();
    if (context_->limits->scheduler == ReplicaSchedulerKind::vllm) {
      const Time arrived_at = context_->table->requests[id].arrived_at;
      while (position != decoding_.begin() && context_->table->requests[*(position - 1)].arrived_at > arrived_at) {
        --position;
      }
    }
    decoding_.insert(position, id);
    begin_decoding(id);
  }
  prefilling_.resize(kept);
  if (completed.size() == first) return;
  std::sort(completed.begin() + static_cast<std::ptrdiff_t>(first), completed.end());
  for (std::size_t i = first; i < completed.size(); ++i) {
    context_->table->records[static_cast<std::size_t>(completed[i])].completed_at = now;
  }
  totals_.num_requests += static_cast<std::int64_t>(completed.size() - first);
}

ReplicaState LeapReplica::state(Time now, Moment moment) const {
  ReplicaState state;
  state.num_waiting = static_cast<std::int32_t>(waiting_.size());
  state.num_running = num_running();
  state.num_prefilling = static_cast<std::int32_t>(left_out_.size() + prefilling_.size());
  state.waiting_prefill_tokens = waiting_tokens_;
  for (const RequestId id : left_out_)
    state.remaining_prefill_tokens += live(id).num_prefill_tokens - live(id).processed;
  for (const RequestId id : prefilling_) {
    state.remaining_prefill_tokens += live(id).num_prefill_tokens - live(id).processed;
  }
  state.num_blocks = context_->limits->num_blocks;
  const auto members = static_cast<std::int64_t>(decoding_.size());
  std::int64_t steps = 0;
  std::int64_t formed = 0;
  if (ends_at_ != kNever) {
    const std::int64_t ended = ended_batches(now, moment);
    const bool runs = !(moment == Moment::before_start && has_inner_boundary(now));
    if (decodes_) {
      steps = ended;
      formed = runs ? ended + 1 : ended;
    }
    if (runs) {
      state.batch_kind = shape_.num_prefills == 0  ? BatchKind::decode
                         : shape_.num_decodes == 0 ? BatchKind::prefill
                                                   : BatchKind::mixed;
      state.batch_started_at = started_at_ + ended * order_.duration;
      state.batch_prefill_tokens = static_cast<std::int32_t>(shape_.prefill_tokens);
      state.batch_decodes = shape_.num_decodes;
    }
  }
  state.decoding_kv_tokens = kv_tokens() + members * steps;
  state.generated_tokens = state.decoding_kv_tokens - original_sum_;
  state.blocks_used = blocks_used_ + static_cast<std::int32_t>(formed > 0 ? allocated_in(formed) : 0);
  return state;
}

void LeapReplica::waiting(std::vector<ResidentRequest>& out) const {
  for (const RequestId id : waiting_) out.push_back(context_->table->view(id, 0));
}

void LeapReplica::running(std::vector<ResidentRequest>& out, Time now, Moment moment) const {
  const std::int64_t steps = ends_at_ != kNever && decodes_ ? ended_batches(now, moment) : 0;
  for (const RequestId id : left_out_) out.push_back(context_->table->view(id, live(id).processed));
  for (const RequestId id : decoding_) {
    out.push_back(context_->table->view(id, processed_of(live(id)) + static_cast<std::int32_t>(steps)));
  }
  for (const RequestId id : prefilling_) out.push_back(context_->table->view(id, live(id).processed));
}

}  // namespace switchyard
