#include "core/cluster/step_replica.hpp"

#include <algorithm>
#include <cassert>

namespace switchyard {

void StepReplica::reset(std::int32_t id, const ReplicaKind& kind, ReplicaContext& context) {
  id_ = id;
  limits_ = &kind.limits();
  cost_ = &kind.cost();
  context_ = &context;
  waiting_.clear();
  running_.clear();
  members_.clear();
  blocks_used_ = 0;
  ends_at_ = kNever;
  totals_ = {};
}

bool StepReplica::enqueue(RequestId id, Time, const StepReplica*) {
  waiting_.push_back(id);
  return false;
}

void StepReplica::lose(Time) {
  context_->add_waiting(id_, -static_cast<std::int32_t>(waiting_.size()));
  waiting_.clear();
  running_.clear();
  members_.clear();
  blocks_used_ = 0;
  ends_at_ = kNever;
}

bool StepReplica::admissible(RequestId id) const {
  const std::int32_t needed = blocks_for(live(id).num_prefill_tokens, limits_->block_size);
  return blocks_free() - needed >= limits_->watermark_blocks;
}

void StepReplica::admit(std::int32_t blocks, std::int32_t chunk) {
  const RequestId id = waiting_.front();
  waiting_.pop_front();
  context_->add_waiting(id_, -1);
  live(id).blocks = blocks;
  live(id).chunk = chunk;
  blocks_used_ += blocks;
  members_.push_back(id);
  if (context_->observer) context_->observer->on_admit(now_, id, id_, 0);
}

void StepReplica::restart(RequestId id) {
  LiveRequest& request = live(id);
  request.num_prefill_tokens = request.processed;
  request.processed = 0;
  request.prefill_complete = false;
  blocks_used_ -= request.blocks;
  request.blocks = 0;
  ++context_->table->records[static_cast<std::size_t>(id)].num_restarts;
  ++totals_.num_restarts;
  waiting_.push_front(id);
  context_->add_waiting(id_, 1);
  if (context_->observer) context_->observer->on_restart(now_, id, id_);
}

bool StepReplica::make_room(const std::vector<RequestId>& list, std::size_t i, std::size_t& end) {
  while (blocks_free() < 1) {
    restart(list[--end]);
    if (end == i) return false;  // it was this one itself
  }
  return true;
}

void StepReplica::join_decode(RequestId id) {
  LiveRequest& request = live(id);
  if (request.processed > request.blocks * limits_->block_size) {
    ++request.blocks;
    ++blocks_used_;
  }
  request.chunk = 1;
  members_.push_back(id);
}

void StepReplica::form_vllm_v0() {
  const ReplicaLimits& limits = *limits_;
  const auto running = static_cast<std::int32_t>(running_.size());
  std::int64_t longest = 0;
  while (!waiting_.empty()) {
    const RequestId id = waiting_.front();
    const auto members = static_cast<std::int32_t>(members_.size());
    const std::int32_t prompt = live(id).num_prefill_tokens;
    const std::int64_t new_longest = std::max<std::int64_t>(longest, prompt);
    if (!admissible(id) || (members + 1) * new_longest > limits.batch_tokens ||
        running + members >= limits.batch_size_cap) {
      break;
    }
    longest = new_longest;
    admit(blocks_for(prompt, limits.block_size), prompt);
  }
  if (!members_.empty()) {
    for (const RequestId id : members_) {
      const auto later = std::upper_bound(running_.begin(), running_.end(), id, [&](RequestId a, RequestId b) {
        return context_->table->requests[static_cast<std::size_t>(a)].arrived_at <
               context_->table->requests[static_cast<std::size_t>(b)].arrived_at;
      });
      running_.insert(later, id);
    }
    return;
  }
  std::size_t end = running_.size();
  for (std::size_t i = 0; i < end; ++i) {
    if (!make_room(running_, i, end)) break;
    join_decode(running_[i]);
  }
  running_.resize(end);
}

void StepReplica::form_sarathi() {
  const ReplicaLimits& limits = *limits_;
  std::vector<RequestId>& set_aside = scratch_;
  set_aside.clear();
  std::size_t end = running_.size();
  for (std::size_t i = 0; i < end; ++i) {
    if (!live(running_[i]).prefill_complete) {
      set_aside.push_back(running_[i]);
      continue;
    }
    if (!make_room(running_, i, end)) break;
    join_decode(running_[i]);
  }
  running_.clear();  // made anew: those left out (by arrival), then the members
  auto tokens = static_cast<std::int64_t>(members_.size());
  for (const RequestId id : set_aside) {
    LiveRequest& request = live(id);
    const std::int64_t room = std::max<std::int64_t>(0, limits.batch_tokens - tokens);
    request.chunk =
        static_cast<std::int32_t>(std::min<std::int64_t>(request.num_prefill_tokens - request.processed, room));
    (request.chunk > 0 ? members_ : running_).push_back(id);
    tokens += request.chunk;
  }
  std::stable_sort(running_.begin(), running_.end(), [&](RequestId a, RequestId b) {
    return context_->table->requests[static_cast<std::size_t>(a)].arrived_at <
           context_->table->requests[static_cast<std::size_t>(b)].arrived_at;
  });
  while (!waiting_.empty()) {
    const RequestId id = waiting_.front();
    const auto running = static_cast<std::int32_t>(running_.size() + members_.size());
    const std::int64_t room = std::max<std::int64_t>(0, limits.batch_tokens - tokens);
    if (!admissible(id) || running >= limits.batch_size_cap || room == 0) break;
    const auto chunk = static_cast<std::int32_t>(std::min<std::int64_t>(live(id).num_prefill_tokens, room));
    admit(blocks_for(live(id).num_prefill_tokens, limits.block_size), chunk);
    tokens += chunk;
  }
  running_.insert(running_.end(), members_.begin(), members_.end());
}

void StepReplica::form_orca() {
  const ReplicaLimits& limits = *limits_;
  const OrcaPlan plan(limits);
  for (const RequestId id : running_) {
    live(id).chunk = 1;
    members_.push_back(id);
  }
  const std::int32_t most = std::min(plan.slots, limits.batch_size_cap);
  while (!waiting_.empty() && static_cast<std::int32_t>(members_.size()) < most &&
         blocks_free() >= plan.sequence_blocks) {
    admit(plan.sequence_blocks, live(waiting_.front()).num_prefill_tokens);
  }
  running_ = members_;
}

bool StepReplica::start(Time now, StartCause) {
  if (ends_at_ != kNever || !has_requests()) return false;
  now_ = now;
  members_.clear();
  switch (limits_->engine) {
    case EngineKind::vllm_v0:
      form_vllm_v0();
      break;
    case EngineKind::sarathi:
      form_sarathi();
      break;
    case EngineKind::orca:
      form_orca();
      break;
    case EngineKind::vllm_v1:
      break;  // has a replica of its own
  }
  assert(holds_its_blocks());
  if (members_.empty()) return false;

  shape_ = {};
  std::int64_t kv_tokens = 0;
  for (const RequestId id : running_) kv_tokens += live(id).processed;
  for (const RequestId id : members_) {
    const LiveRequest& request = live(id);
    if (request.prefill_complete) {
      ++shape_.num_decodes;
      shape_.decode_kv_tokens += request.processed;
    } else {
      cost_->add_prefill(shape_, request.processed, request.chunk);
    }
    RequestRecord& record = context_->table->records[static_cast<std::size_t>(id)];
    if (record.scheduled_at == kNever) record.scheduled_at = now;
  }
  const CostModel::Lookup cost = cost_->batch_time(shape_);
  started_at_ = now;
  ends_at_ = checked_end(now, cost.time, 1);
  created_ = context_->next_creation++;
  ++totals_.num_batches;
  totals_.num_extrapolated_batches += cost.extrapolated;
  totals_.peak_blocks = std::max(totals_.peak_blocks, blocks_used_);
  totals_.busy += cost.time;
  totals_.kv_token_ticks += Int128{kv_tokens} * cost.time;
  if (context_->observer) context_->observer->on_batch(now, ends_at_, id_, shape_, state(now, nullptr));
  return true;
}

void StepReplica::finish(std::vector<RequestId>& completed) {
  const Time now = ends_at_;
  ends_at_ = kNever;
  for (const RequestId id : members_) {
    LiveRequest& request = live(id);
    RequestRecord& record = context_->table->records[static_cast<std::size_t>(id)];
    record.execution += now - started_at_;
    request.processed += request.chunk;
    if (!request.prefill_complete && request.processed == request.num_prefill_tokens) {
      request.prefill_complete = true;
      ++request.processed;
      if (!request.has_first_token) {
        record.prefill_completed_at = now;
        if (context_->first_tokens) context_->first_tokens->push_back(id);
      }
      request.has_first_token = true;
      if (context_->observer) context_->observer->on_prefill_complete(now, id, id_);
    }
    if (request.processed == request.total_tokens) {
      record.completed_at = now;
      blocks_used_ -= request.blocks;
      completed.push_back(id);
    }
  }
  if (completed.empty()) return;
  std::sort(completed.begin(), completed.end());
  std::erase_if(running_, [&](RequestId id) { return live(id).processed == live(id).total_tokens; });
  totals_.num_requests += static_cast<std::int64_t>(completed.size());
  assert(holds_its_blocks());
}

bool StepReplica::holds_its_blocks() const {
  std::int64_t held = 0;
  for (const RequestId id : running_) held += live(id).blocks;
  return held == blocks_used_ && blocks_used_ <= limits_->num_blocks;
}

ReplicaState StepReplica::state(Time, const StepReplica*) const {
  ReplicaState state;
  state.num_waiting = static_cast<std::int32_t>(waiting_.size());
  state.num_running = static_cast<std::int32_t>(running_.size());
  state.num_blocks = limits_->num_blocks;
  state.blocks_used = blocks_used_;
  for (const RequestId id : waiting_) state.waiting_prefill_tokens += live(id).num_prefill_tokens;
  for (const RequestId id : running_) {
    const LiveRequest& request = live(id);
    if (request.prefill_complete) {
      state.decoding_kv_tokens += request.processed;
      state.generated_tokens += request.processed - request.original_prefill_tokens;
    } else {
      ++state.num_prefilling;
      state.remaining_prefill_tokens += request.num_prefill_tokens - request.processed;
    }
  }
  if (ends_at_ != kNever) {
    state.batch_kind = shape_.num_prefills == 0  ? BatchKind::decode
                       : shape_.num_decodes == 0 ? BatchKind::prefill
                                                 : BatchKind::mixed;
    state.batch_started_at = started_at_;
    state.batch_prefill_tokens = static_cast<std::int32_t>(shape_.prefill_tokens);
    state.batch_decodes = shape_.num_decodes;
  }
  return state;
}

void StepReplica::waiting(std::vector<ResidentRequest>& out) const {
  for (const RequestId id : waiting_) out.push_back(context_->table->view(id, 0));
}

void StepReplica::running(std::vector<ResidentRequest>& out, Time, const StepReplica*) const {
  for (const RequestId id : running_) out.push_back(context_->table->view(id, live(id).processed));
}

}  // namespace switchyard
