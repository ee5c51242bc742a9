#include "core/cluster/engines/vllm_v1_scheduler.hpp"

#include <algorithm>
#include <cassert>

#include "core/cluster/replica_context.hpp"

namespace switchyard {

void VllmV1Scheduler::Step::clear() {
  members.clear();
  preempted.clear();
  admitted.clear();
  reserved.clear();
  num_running_tokens = 0;
}

void VllmV1Scheduler::reset(const VllmV1Options& options, const BlockKeys& keys, KvChanges* changes) {
  options_ = options;
  keys_ = keys;
  pool_.reset(options.num_gpu_blocks, changes);
  free_slots_.clear();
  for (std::size_t i = slots_.size(); i-- > 0;) {
    slots_[i].id = -1;
    free_slots_.push_back(static_cast<Slot>(i));
  }
  waiting_.clear();
  running_.clear();
  reserved_.clear();
  received_.clear();
  held_.clear();
  asked_ = -1;
  sums_ = {};
  totals_ = {};
}

void VllmV1Scheduler::add(RequestId id, std::int32_t num_prompt_tokens, std::int32_t num_output_tokens, Stage stage) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<Slot>(slots_.size()));
    slots_.emplace_back();
  }
  const Slot slot = free_slots_.back();
  free_slots_.pop_back();
  Request& request = at(slot);
  std::vector<BlockId> blocks = std::move(request.blocks);  // keep what is allocated
  std::vector<BlockKey> keys = std::move(request.keys);
  request = {};
  request.blocks = std::move(blocks);
  request.keys = std::move(keys);
  request.id = id;
  request.num_prompt_tokens = num_prompt_tokens;
  request.num_tokens = num_prompt_tokens;
  request.end = num_prompt_tokens + std::min(num_output_tokens, options_.max_model_len - num_prompt_tokens);
  request.foreseen_end = options_.output_ends == OutputEnds::length ? request.end : options_.max_model_len;
  request.stage = stage;
  if (stage == Stage::prefill) {
    request.decodes_elsewhere = request.end > num_prompt_tokens + 1;
    request.end = request.foreseen_end = num_prompt_tokens + 1;
  } else if (stage == Stage::decode) {
    request.num_tokens = num_prompt_tokens + 1;
    request.num_admissions = 1;
  }
  if (options_.enable_prefix_caching) keys_.assign(id, full_blocks(request.end), request.keys);
  waiting_.push_back(slot);
  count(request, +1);
}

void VllmV1Scheduler::plan(Step& step) {
  step.clear();
  budget_ = options_.max_num_batched_tokens;
  if (continue_running(step)) admit_waiting(step);
  for (const Slot slot : running_) step.num_running_tokens += at(slot).num_computed;
  for (const Member& member : step.members) {
    Request& request = at(member.slot);
    const std::int32_t computed = member.num_computed_before + member.num_tokens;
    totals_.num_scheduled_tokens += member.num_tokens;
    totals_.num_recomputed_tokens +=
        std::max(0, std::min(computed, request.most_computed) - member.num_computed_before);
    request.num_computed = computed;
    request.num_in_flight += member.yields;
  }
}

bool VllmV1Scheduler::continue_running(Step& step) {
  for (std::size_t i = 0; i < running_.size() && budget_ > 0; ++i) {
    const Slot slot = running_[i];
    Request& request = at(slot);
    if (ends_with_token_in_flight(request)) continue;
    const std::int32_t num_tokens = chunk(request, request.num_computed);
    const std::int32_t needed =
        blocks_for(request.num_computed + num_tokens) - static_cast<std::int32_t>(request.blocks.size());
    while (needed > pool_.num_free()) {
      preempt_last(step);
      if (running_.size() == i || running_[i] != slot) return false;  // it was this one itself
    }
    take_blocks(request, needed);
    join(step, slot, num_tokens);
  }
  return step.preempted.empty();
}

// Those whose KV has come join the running ones: they have all blocks that their next token needs.
void VllmV1Scheduler::continue_received(Step& step) {
  while (budget_ > 0 && !received_.empty() && running_.size() < static_cast<std::size_t>(options_.max_num_seqs)) {
    const Slot slot = received_.front();
    received_.erase(received_.begin());
    Request& request = at(slot);
    count(request, -1);
    request.num_computed = request.num_booked = request.target = request.num_prompt_tokens;
    request.stage = Stage::whole;
    request.is_running = true;
    running_.push_back(slot);
    count(request, +1);
    join(step, slot, 1);
  }
}

// Takes the blocks for the KV that comes to the front of the waiting requests, and for the token after it. False if
// there are too few.
bool VllmV1Scheduler::reserve(Step& step, Slot slot) {
  Request& request = at(slot);
  lookup(request);
  const auto num_hits = static_cast<std::int32_t>(hits_.size());
  const std::int32_t needed = blocks_for(request.num_tokens) - num_hits;
  if (needed + num_idle_hits() > pool_.num_free()) return false;
  for (const BlockId block : hits_) pool_.touch(block);
  request.blocks = hits_;
  request.num_published = num_hits;
  take_blocks(request, needed);
  waiting_.pop_front();
  reserved_.push_back(slot);
  step.reserved.push_back(
      {.id = request.id, .num_missing_tokens = request.num_prompt_tokens - num_hits * options_.block_size});
  return true;
}

void VllmV1Scheduler::receive(RequestId id) {
  const Slot slot = take_out(reserved_, id);
  assert(slot >= 0);
  publish(at(slot), at(slot).num_prompt_tokens);
  received_.push_back(slot);
}

void VllmV1Scheduler::release(RequestId id) {
  const Slot slot = take_out(held_, id);
  assert(slot >= 0);
  pool_.release(at(slot).blocks);
  free_slot(slot);
}

void VllmV1Scheduler::withdraw(RequestId id) {
  Slot slot = take_out(reserved_, id);
  if (slot >= 0) {
    pool_.release(at(slot).blocks);
  } else {
    const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](Slot other) { return at(other).id == id; });
    assert(found != waiting_.end());
    slot = *found;
    waiting_.erase(found);
  }
  free_slot(slot);
}

VllmV1Scheduler::Slot VllmV1Scheduler::take_out(std::vector<Slot>& slots, RequestId id) {
  const auto found = std::find_if(slots.begin(), slots.end(), [&](Slot slot) { return at(slot).id == id; });
  if (found == slots.end()) return -1;
  const Slot slot = *found;
  slots.erase(found);
  return slot;
}

void VllmV1Scheduler::admit_waiting(Step& step) {
  continue_received(step);
  while (budget_ > 0 && !waiting_.empty() && running_.size() < static_cast<std::size_t>(options_.max_num_seqs)) {
    const Slot slot = waiting_.front();
    Request& request = at(slot);
    assert(request.num_in_flight == 0);
    if (request.stage == Stage::decode) {
      if (!reserve(step, slot)) return;
      continue;
    }
    lookup(request);
    const auto num_hits = static_cast<std::int32_t>(hits_.size());
    const std::int32_t num_cached_tokens = num_hits * options_.block_size;
    const std::int32_t num_tokens = chunk(request, num_cached_tokens);
    // One that was preempted while blocks are kept for requests that do not run here would run out of them again, at
    // the same token, for as long as they are: it waits for room for all that is known of it.
    const bool is_kept_out = request.num_admissions > 0 && !(held_.empty() && reserved_.empty());
    const std::int32_t reserved =
        options_.reserve_full_prompt || is_kept_out ? request.num_tokens : num_cached_tokens + num_tokens;
    if (blocks_for(reserved) - num_hits + num_idle_hits() > pool_.num_free()) return;

    count(request, -1);
    for (const BlockId block : hits_) pool_.touch(block);
    request.blocks = hits_;
    request.num_published = num_hits;
    request.num_computed = request.num_booked = num_cached_tokens;
    request.target = request.num_tokens;
    request.is_running = true;
    waiting_.pop_front();
    running_.push_back(slot);
    count(request, +1);
    const bool is_first = ++request.num_admissions == 1;
    (is_first ? totals_.hit_tokens : totals_.hit_tokens_resumed) += num_cached_tokens;
    step.admitted.push_back({.id = request.id, .num_cached_tokens = num_cached_tokens, .is_first = is_first});
    take_blocks(request, blocks_for(num_cached_tokens + num_tokens) - num_hits);
    join(step, slot, num_tokens);
  }
}

// The token that would be computed next is its last one, or may not be computed any more.
bool VllmV1Scheduler::ends_with_token_in_flight(const Request& request) const {
  return request.num_in_flight == 1 && request.num_computed + 1 >= request.foreseen_end;
}

std::int32_t VllmV1Scheduler::chunk(const Request& request, std::int32_t num_computed) const {
  std::int32_t tokens = request.num_tokens + request.num_in_flight - num_computed;
  const std::int32_t threshold = options_.long_prefill_token_threshold;
  if (threshold > 0) tokens = std::min(tokens, threshold);
  return std::min(tokens, budget_);
}

void VllmV1Scheduler::lookup(const Request& request) {
  hits_.clear();
  if (!options_.enable_prefix_caching) return;
  const std::int32_t most = full_blocks(request.num_tokens - 1);  // at least one token is left to compute
  for (std::int32_t j = 0; j < most; ++j) {
    const BlockId block = pool_.find(request.keys[static_cast<std::size_t>(j)]);
    if (block == BlockPool::kNone) return;
    hits_.push_back(block);
  }
}

// Hits that nobody holds leave the free list as well.
std::int32_t VllmV1Scheduler::num_idle_hits() const {
  return static_cast<std::int32_t>(
      std::count_if(hits_.begin(), hits_.end(), [this](BlockId block) { return pool_.is_free(block); }));
}

// A prompt whose last chunk is on its way keeps its blocks: they are needed elsewhere.
void VllmV1Scheduler::preempt_last(Step& step) {
  auto last = running_.end() - 1;
  while (at(*last).stage == Stage::prefill && ends_with_token_in_flight(at(*last))) --last;
  const Slot slot = *last;
  Request& request = at(slot);
  count(request, -1);
  running_.erase(last);
  pool_.release(request.blocks);
  request.blocks.clear();
  request.most_computed = std::max(request.most_computed, request.num_computed);
  request.num_computed = request.num_booked = request.num_published = 0;
  request.is_running = false;
  waiting_.push_front(slot);
  count(request, +1);
  step.preempted.push_back(request.id);
}

void VllmV1Scheduler::take_blocks(Request& request, std::int32_t needed) {
  for (std::int32_t i = 0; i < needed; ++i) request.blocks.push_back(pool_.take());
}

void VllmV1Scheduler::publish(Request& request, std::int32_t num_tokens) {
  if (!options_.enable_prefix_caching) return;
  for (; request.num_published < full_blocks(num_tokens); ++request.num_published) {
    const auto j = static_cast<std::size_t>(request.num_published);
    pool_.publish(request.blocks[j], request.keys[j]);
  }
}

// Its blocks are taken. What it computes can be found from now on, except a token that is not known yet.
void VllmV1Scheduler::join(Step& step, Slot slot, std::int32_t num_tokens) {
  Request& request = at(slot);
  const std::int32_t computed = request.num_computed + num_tokens;
  publish(request, std::min(computed, request.num_tokens));
  step.members.push_back({.id = request.id,
                          .slot = slot,
                          .num_tokens = num_tokens,
                          .num_computed_before = request.num_computed,
                          .is_prefill = request.num_computed < request.target,
                          .yields = computed == request.num_tokens + request.num_in_flight});
  budget_ -= num_tokens;
}

void VllmV1Scheduler::book(const Step& step, Booking& booking) {
  booking.computed.clear();
  booking.prefilled.clear();
  booking.first_tokens.clear();
  booking.finished.clear();
  booking.held.clear();
  for (const Member& member : step.members) {
    Request& request = at(member.slot);
    if (request.id != member.id) continue;  // ended by a stop token in the step before
    booking.computed.push_back(request.id);
    count(request, -1);
    if (request.is_running) request.num_booked += member.num_tokens;
    if (member.yields) {
      ++request.num_tokens;
      --request.num_in_flight;
      if (member.is_prefill && request.is_running) booking.prefilled.push_back(request.id);
      if (request.num_tokens == request.num_prompt_tokens + 1) booking.first_tokens.push_back(request.id);
      if (request.is_running) publish(request, request.num_computed - request.num_in_flight);
      if (request.num_tokens == request.end && request.decodes_elsewhere) {
        booking.held.push_back(request.id);
        hold(member.slot);
        continue;
      }
      if (request.num_tokens == request.end) {
        booking.finished.push_back(request.id);
        finish(member.slot);
        continue;
      }
    }
    count(request, +1);
  }
}

void VllmV1Scheduler::finish(Slot slot) {
  Request& request = at(slot);
  if (request.is_running) {
    pool_.release(request.blocks);
    running_.erase(std::find(running_.begin(), running_.end(), slot));
  } else {
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), slot));
  }
  free_slot(slot);
}

void VllmV1Scheduler::hold(Slot slot) {
  at(slot).is_running = false;
  running_.erase(std::find(running_.begin(), running_.end(), slot));
  held_.push_back(slot);
}

void VllmV1Scheduler::free_slot(Slot slot) {
  at(slot).blocks.clear();
  at(slot).id = -1;
  free_slots_.push_back(slot);
}

std::int32_t VllmV1Scheduler::num_cached_tokens(RequestId id, std::int32_t num_prompt_tokens) const {
  if (!options_.enable_prefix_caching) return 0;
  std::int32_t tokens = 0;
  for (const BlockKey key : prompt_keys(id, num_prompt_tokens)) {
    if (pool_.find(key) == BlockPool::kNone) break;
    tokens += options_.block_size;
  }
  return tokens;
}

std::span<const BlockKey> VllmV1Scheduler::prompt_keys(RequestId id, std::int32_t num_prompt_tokens) const {
  const auto num_blocks = static_cast<std::size_t>(full_blocks(num_prompt_tokens));  // of a retry more than before
  if (asked_ != id || asked_keys_.size() != num_blocks) keys_.assign(id, full_blocks(num_prompt_tokens), asked_keys_);
  asked_ = id;
  return asked_keys_;
}

std::int64_t VllmV1Scheduler::num_waiting_uncached_tokens() {
  std::int64_t tokens = 0;
  for (const Slot slot : waiting_) {
    if (at(slot).stage == Stage::decode) continue;
    lookup(at(slot));
    tokens += at(slot).num_tokens - static_cast<std::int64_t>(hits_.size()) * options_.block_size;
  }
  return tokens;
}

ReplicaState VllmV1Scheduler::state() const {
  ReplicaState state = sums_;
  state.num_waiting = static_cast<std::int32_t>(num_waiting());
  state.num_running = static_cast<std::int32_t>(running_.size());
  state.num_blocks = pool_.num_usable();
  state.blocks_used = pool_.num_used();
  state.blocks_cached = pool_.num_free_cached();
  return state;
}

void VllmV1Scheduler::count(const Request& request, std::int32_t sign) {
  if (!request.is_running) {
    if (request.stage != Stage::decode) sums_.waiting_prefill_tokens += sign * request.num_tokens;
  } else if (request.num_booked < request.target) {
    sums_.num_prefilling += sign;
    sums_.remaining_prefill_tokens += sign * (request.target - request.num_booked);
  } else {
    sums_.decoding_kv_tokens += sign * request.num_tokens;
    sums_.generated_tokens += sign * (request.num_tokens - request.num_prompt_tokens);
  }
}

ResidentRequest VllmV1Scheduler::resident(const Request& request) const {
  const bool complete = request.is_running && request.num_booked >= request.target;
  return {.id = request.id,
          .arrived_at = 0,
          .num_prefill_tokens = request.is_running ? request.target : request.num_tokens,
          .original_prefill_tokens = request.num_prompt_tokens,
          .num_processed_tokens = complete ? request.num_tokens : request.num_booked,
          .prefill_complete = complete};
}

}  // namespace switchyard
