// How a VllmV1LeapReplica takes many steps at once.
#include <algorithm>
#include <cassert>

#include "core/cluster/engines/vllm_v1_leap_replica.hpp"

namespace switchyard {

// Something is in flight. Settles what the engine waits for.
void VllmV1LeapReplica::leap() {
  first_event_ = ends_at_ = oldest().ends_at;
  num_events_ = 1;
  num_caught_up_ = 0;
  is_booked_ = goes_on_ = false;
  const std::int32_t decodes = decoding_.size();
  if (is_uneven_ || last_plan_was_empty_ || preempted_ || num_decodes_ != decodes || !prefilling_.empty() ||
      !ending_.empty() || !newest().is_plain() || !oldest().is_plain()) {
    return;
  }
  const bool none_waits = waiting_.empty() && received_.empty();
  if (!none_waits && !lacks_memory_ && budget_ > 0 && num_running() < options_.max_num_seqs) return;
  const std::int64_t mean = CostModel::mean_kv(newest().shape.decode_kv_tokens, decodes);
  const std::int64_t to_bucket = CostModel::kv_step(mean) * kKvGrain - mean;
  const std::int64_t to_completion = decoding_.steps_to_completion();
  std::int64_t plans = std::min(to_bucket, to_completion);
  goes_on_ = none_waits && to_bucket < to_completion;
  if (plans > 0 && decoding_.blocks().in(plans) > pool_.num_free()) {
    plans = decoding_.blocks().steps_within(pool_.num_free());
    goes_on_ = false;
  }
  if (lacks_memory_ && !publishers_.empty()) plans = std::min(plans, plans_before_front_may_find_more());
  num_events_ = 1 + plans;
  if (context_->holders->built() && may_store_a_beginning()) context_->holders->unsettled().push_back(id_);
  ends_at_ = checked_end(first_event_, newest().duration, plans);
}

// How many plans there are until a decode publishes a block that the front of the waiting requests could find.
std::int64_t VllmV1LeapReplica::plans_before_front_may_find_more() const {
  const Request& front = at(waiting_.front());
  const std::int32_t most = full_blocks(front.num_tokens - 1);
  const std::int32_t in_flight = options_.async_scheduling ? 1 : 0;
  std::int64_t plans = kNeverYet;
  for (const Slot slot : publishers_) {
    const std::int32_t block = at(slot).holder.num_linked;
    if (block >= most || !pool_.have_in_common(at(slot).id, front.id, block)) continue;
    // The plan that publishes it is made with all tokens of the block known.
    const std::int64_t needed = std::int64_t{block + 1} * options_.block_size;
    plans = std::min(plans, needed - (position_of(slot) - in_flight));
  }
  return plans;
}

VllmV1LeapReplica::Progress VllmV1LeapReplica::progress_at(Time now, const VllmV1LeapReplica* caller) const {
  if (now < first_event_) return {};
  const Time elapsed = now - first_event_;
  const Time duration = step_in_flight(num_in_flight_ - 1).duration;
  const std::int64_t ended = elapsed / duration + 1;
  if (elapsed % duration != 0) return {.ended = ended};
  // An inner event takes place at this instant. The policy call of an arrival comes before it. That of a completion
  // comes after all bookings of the instant, and replicas plan in their order.
  if (!caller) return {.ended = ended - 1};
  return {.ended = ended, .runs = id_ < caller->id_};
}

// Carries out the plans of the leap that come before what the caller of a policy may see.
void VllmV1LeapReplica::catch_up(Time now, const VllmV1LeapReplica* caller) {
  if (ends_at_ == kNever || num_events_ == 1) return;
  const Progress progress = progress_at(now, caller);
  is_booked_ = !progress.runs;
  const std::int64_t plans = progress.runs ? progress.ended : progress.ended - 1;
  assert(plans >= num_caught_up_ && plans < num_events_);
  catch_up(plans - num_caught_up_);
}

// Carries out the next plans of the leap: all running requests decode, and get a token each time.
void VllmV1LeapReplica::catch_up(std::int64_t plans) {
  if (plans == 0) return;
  if (!known_.is_used()) return catch_up_at_once(plans);
  for (; plans > 0; --plans) {  // of each change the time counts
    known_.set_now(first_event_ + num_caught_up_ * newest().duration);
    catch_up_at_once(1);
  }
}

void VllmV1LeapReplica::catch_up_at_once(std::int64_t plans) {
  Step& step = newest();
  const std::int64_t decodes = decoding_.size();
  const Time span = plans * step.duration;
  if (!publishers_.empty()) publish_in_leap(plans);
  totals_.num_batches += plans;
  if (step.extrapolated) [[unlikely]]
    totals_.num_extrapolated_batches += plans;
  totals_.num_scheduled_tokens += plans * decodes;
  totals_.busy += span;
  const std::int64_t running_tokens = (decoding_.kv_tokens() - decodes) * plans + decodes * (plans * (plans - 1) / 2);
  totals_.kv_token_ticks += Int128{running_tokens} * step.duration;
  pool_.take(decoding_.advance(plans, span));
  totals_.peak_blocks = std::max(totals_.peak_blocks, pool_.num_used());
  num_plans_ += plans;
  num_caught_up_ += plans;
  step.index += plans;
  step.starts_at += span;
  step.ends_at += span;
  if (num_in_flight_ == 1) return;
  step.index_before = step.index - 1;
  step.last_decode_before = step.last_decode;
  Step& running = oldest();
  running.index = step.index - 1;
  running.duration = step.duration;
  running.extrapolated = step.extrapolated;
  running.starts_at = step.starts_at - step.duration;
  running.ends_at = step.starts_at;
  running.last_decode = step.last_decode;
  running.num_yielding = step.num_yielding;
  running.shape = step.shape;
}

// Blocks that others can find are published in the order of plans, and in each in the order of admission: only so is it
// settled which of two equal ones is found.
void VllmV1LeapReplica::publish_in_leap(std::int64_t plans) {
  const std::int32_t in_flight = options_.async_scheduling ? 1 : 0;
  const auto known_after = [&](Slot slot, std::int64_t plan) { return position_of(slot) - 1 - in_flight + plan; };
  if (publishers_.size() == 1) {
    const Slot slot = publishers_.front();
    pool_.publish(at(slot).id, full_blocks(known_after(slot, plans)), at(slot).holder);
  } else {
    publications_.clear();
    for (const Slot slot : publishers_) {
      const std::int32_t last = std::min(full_blocks(known_after(slot, plans)), pool_.num_shared(at(slot).id));
      for (std::int32_t block = at(slot).holder.num_linked; block < last; ++block) {
        const std::int64_t needed = std::int64_t{block + 1} * options_.block_size;
        publications_.push_back({.plan = needed - known_after(slot, 0),
                                 .admission = at(slot).admission,
                                 .slot = slot,
                                 .num_blocks = block + 1});
      }
    }
    std::sort(publications_.begin(), publications_.end(), [](const Publication& a, const Publication& b) {
      return a.plan != b.plan ? a.plan < b.plan : a.admission < b.admission;
    });
    for (const Publication& publication : publications_) {
      Request& request = at(publication.slot);
      pool_.publish(request.id, publication.num_blocks, request.holder);
    }
  }
  std::erase_if(publishers_, [this](Slot slot) { return !has_to_publish(at(slot)); });
}

}  // namespace switchyard
