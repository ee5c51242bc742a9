#include "core/cluster/fleet_operator.hpp"

#include <algorithm>

#include "core/cluster/policy_error.hpp"

namespace switchyard {

namespace {

constexpr Time kLookEvery = kTicksPerSecond;  // of the autoscaler

Time drawn(WorkloadRandom& random, Time mean) {
  return std::max<Time>(1, static_cast<Time>(random.exponential() * static_cast<double>(mean)));
}

}  // namespace

void FleetOperator::reset(const ClusterConfig& config, const Workload& workload, std::uint64_t seed) {
  config_ = &config;
  workload_ = &workload;
  const std::int32_t n = config.num_replicas();
  room_.clear();
  for (std::int32_t i = 0; i < n; ++i) room_.push_back(longest_request(config.kind(i).limits()));
  most_room_ = *std::max_element(room_.begin(), room_.end());
  const std::int64_t least_room = *std::min_element(room_.begin(), room_.end());
  longest_output_ = 0;
  std::int64_t longest = 0;
  for (std::size_t row = 0; least_room < most_room_ && row < workload.size(); ++row) {
    const std::int32_t outputs = workload.hidden.num_decode_tokens[row];
    longest_output_ = std::max(longest_output_, outputs);
    longest = std::max<std::int64_t>(longest, workload.requests[row].num_prefill_tokens);
  }
  fleet_.all_fit = std::min(most_room_, longest + longest_output_) <= least_room;
  is_used_ = !config.operations.are_none() || !fleet_.all_fit;
  num_retries_ = num_failed_ = 0;
  first_token_at_.clear();
  absences_.clear();
  if (!is_used_) return;
  const std::int32_t there = config.operations.initial_replicas > 0 ? config.operations.initial_replicas : n;
  replicas_.assign(static_cast<std::size_t>(n), {});
  fleet_.accepts.assign(static_cast<std::size_t>(n), 1);
  fleet_.all_accept = there >= n;
  const std::uint64_t base = WorkloadRandom(seed, WorkloadRandom::Purpose::failures).next();
  for (std::int32_t i = 0; i < n; ++i) {
    at(i).failures = WorkloadRandom(base + static_cast<std::uint64_t>(i), WorkloadRandom::Purpose::failures);
    if (i < there) continue;
    at(i).status = Status::absent;
    fleet_.accepts[static_cast<std::size_t>(i)] = 0;
  }
  actions_.clear();
  above_since_ = kNever;
}

void FleetOperator::open(Observer* observer) {
  observer_ = observer;
  if (!is_used_) return;
  for (const auto& router : around_.desk.routers()) router->board->fleet = &fleet_;
  const OperationOptions& operations = config_->operations;
  for (const ReplicaEvent& event : operations.events) {
    const Do what = event.kind == ReplicaEvent::Kind::fail    ? Do::fail
                    : event.kind == ReplicaEvent::Kind::drain ? Do::drain
                                                              : Do::join;
    plan(event.at, {.what = what, .replica = event.replica, .lasts = event.lasts});
  }
  for (std::int32_t i = 0; i < num_replicas(); ++i) {
    if (at(i).status == Status::serving) {
      draw_failure(i);
    } else if (observer) {
      observer->on_replica(0, i, ReplicaChange::leaves);
    }
  }
  if (operations.autoscales()) plan(now() + kLookEvery, {.what = Do::look, .by_clock = true});
}

bool FleetOperator::fits(RequestId id, std::int32_t replica) const {
  // A retry has the prompt that it came with, and an output that is shorter by what that has grown.
  const auto row = static_cast<std::size_t>(around_.table.rows[static_cast<std::size_t>(id)]);
  const std::int64_t most = std::int64_t{workload_->requests[row].num_prefill_tokens} + longest_output_;
  return std::min(most, most_room_) <= room_[static_cast<std::size_t>(replica)];
}

bool FleetOperator::take_in(RequestId id, std::int32_t replica) {
  if (lives(replica)) return true;
  turn_away(id, replica, at(replica).detected_at);
  return false;
}

void FleetOperator::turn_away(RequestId id, std::int32_t replica, Time not_before) {
  // Its first token was streamed where its prompt was computed; no news overtakes that. And what comes from outside at
  // an instant is known before its batch ends: so not at this one.
  const bool decodes = around_.table.live[static_cast<std::size_t>(id)].stage == Stage::decode;
  const Time way = decodes ? config_->routers.response : 0;
  const Time back_at = std::max(now() + std::max<Time>(1, way), not_before);
  add_lost(replica, id, decodes ? 1 : 0, back_at);
  if (back_at != at(replica).detected_at) plan(back_at, {.what = Do::bounce, .replica = replica});
}

void FleetOperator::add_lost(std::int32_t replica, RequestId id, std::int32_t num_streamed, Time back_at) {
  at(replica).lost.push_back({.id = id,
                              .num_streamed = num_streamed,
                              .back_at = back_at,
                              .attempt = around_.table.records[static_cast<std::size_t>(id)].num_retries});
}

void FleetOperator::note_left(std::int32_t replica, std::int32_t count) {
  Replica& of = at(replica);
  of.num_there -= count;
  if (of.num_there > 0) return;
  of.idle_since = now();
  if (of.status == Status::draining) set_status(replica, Status::absent);
}

void FleetOperator::plan(Time when, const Action& action) {
  const auto number = static_cast<std::int32_t>(actions_.size());
  actions_.push_back(action);
  const Agenda::Event event{when, Agenda::Kind::fleet, number};
  if (action.by_clock) {
    around_.desk.begin_clock(event);
  } else {
    around_.agenda.add(event);
  }
}

void FleetOperator::draw_failure(std::int32_t replica) {
  const Time mean = config_->operations.mean_time_to_failure;
  if (mean == 0 || at(replica).failure_is_drawn || !around_.desk.clocks_go_on()) return;
  at(replica).failure_is_drawn = true;
  plan(now() + drawn(at(replica).failures, mean), {.what = Do::drawn_failure, .replica = replica, .by_clock = true});
}

void FleetOperator::take_place(std::int32_t number) {
  const Action action = actions_[static_cast<std::size_t>(number)];
  if (action.by_clock) around_.desk.end_clock();
  if (around_.desk.all_answered()) return;
  switch (action.what) {
    case Do::fail:
      return fail(action.replica, action.lasts, false);
    case Do::drawn_failure:
      at(action.replica).failure_is_drawn = false;
      return fail(action.replica, drawn(at(action.replica).failures, config_->operations.mean_time_to_repair), true);
    case Do::repair:
      return repair(action.replica);
    case Do::detect:
      if (at(action.replica).status == Status::failed && at(action.replica).detected_at <= now()) {
        set_accepts(action.replica, false);
      }
      return bounce(action.replica);
    case Do::drain:
      return drain(action.replica);
    case Do::join:
      return join(action.replica);
    case Do::serve:
      return serve(action.replica);
    case Do::bounce:
      return bounce(action.replica);
    case Do::look:
      return look(action);
  }
}

// The time until now counts as what the replica has been.
void FleetOperator::set_status(std::int32_t replica, Status status) {
  Replica& of = at(replica);
  if (!lives(replica)) {
    const auto why = of.status == Status::failed     ? ReplicaAbsence::Why::failed
                     : of.status == Status::starting ? ReplicaAbsence::Why::starting
                                                     : ReplicaAbsence::Why::not_there;
    if (now() > of.since) absences_.push_back({.replica = replica, .why = why, .from = of.since, .to = now()});
  }
  of.status = status;
  of.since = now();
  if (observer_) {
    const ReplicaChange change = status == Status::serving    ? ReplicaChange::serves
                                 : status == Status::draining ? ReplicaChange::drains
                                 : status == Status::absent   ? ReplicaChange::leaves
                                 : status == Status::starting ? ReplicaChange::starts
                                                              : ReplicaChange::fails;
    observer_->on_replica(now(), replica, change);
  }
}

void FleetOperator::set_accepts(std::int32_t replica, bool accepts) {
  std::uint8_t& known = fleet_.accepts[static_cast<std::size_t>(replica)];
  const bool changes = (known != 0) != accepts;
  known = accepts ? 1 : 0;
  fleet_.all_accept = std::all_of(fleet_.accepts.begin(), fleet_.accepts.end(), [](auto taken) { return taken != 0; });
  if (!changes) return;
  for (const auto& router : around_.desk.routers()) {
    around_.desk.set_calling(*router);
    by_policy([&] { router->policy->on_fleet(*router->view, replica); });
  }
  want_calls();
}

void FleetOperator::want_calls() {
  for (const auto& router : around_.desk.routers()) {
    if (router->board->books.queue_length > 0) around_.desk.want_call(*router);
  }
}

void FleetOperator::fail(std::int32_t replica, Time lasts, bool drawn_one) {
  Replica& of = at(replica);
  if (!lives(replica)) return;  // it has nothing to lose; one that is repaired has its next failure drawn
  const bool drains = of.status == Status::draining;
  of.leaves = drains;
  set_status(replica, Status::failed);
  // The news takes the way that answers take, so none of these can come after it.
  of.detected_at = now() + config_->operations.detection + config_->routers.response;
  residents_.clear();
  around_.loop.lose(replica, residents_);
  std::sort(residents_.begin(), residents_.end(),
            [](const ResidentRequest& a, const ResidentRequest& b) { return a.id < b.id; });
  for (const ResidentRequest& request : residents_) {
    RequestRecord& record = around_.table.records[static_cast<std::size_t>(request.id)];
    if (record.scheduled_at >= now()) record.scheduled_at = kNever;  // by a step that was planned and did not begin
    add_lost(replica, request.id, std::max(0, request.num_generated_tokens()), of.detected_at);
  }
  if (lasts != kNever) plan(now() + lasts, {.what = Do::repair, .replica = replica, .by_clock = drawn_one});
  if (of.detected_at > now()) {
    plan(of.detected_at, {.what = Do::detect, .replica = replica, .by_clock = true});
  } else {
    set_accepts(replica, false);
    bounce(replica);
  }
}

void FleetOperator::repair(std::int32_t replica) {
  Replica& of = at(replica);
  if (of.status != Status::failed) return;
  if (of.leaves) {
    of.leaves = false;
    set_accepts(replica, false);
    return set_status(replica, Status::absent);
  }
  serve(replica);
}

void FleetOperator::drain(std::int32_t replica) {
  Replica& of = at(replica);
  switch (of.status) {
    case Status::serving:
      set_status(replica, Status::draining);
      if (of.num_there == 0) set_status(replica, Status::absent);
      return set_accepts(replica, false);
    case Status::starting:
      return set_status(replica, Status::absent);
    case Status::failed:
      of.leaves = true;
      return set_accepts(replica, false);
    case Status::draining:
    case Status::absent:
      return;
  }
}

void FleetOperator::join(std::int32_t replica) {
  Replica& of = at(replica);
  if (of.status == Status::draining) {  // it is still there
    set_status(replica, Status::serving);
    return set_accepts(replica, true);
  }
  if (of.status != Status::absent && of.status != Status::failed) return;
  of.leaves = false;
  set_accepts(replica, false);
  set_status(replica, Status::starting);
  if (config_->operations.start_up == 0) return serve(replica);
  plan(now() + config_->operations.start_up, {.what = Do::serve, .replica = replica, .by_clock = true});
}

// It takes requests from now on, and has nothing in its cache.
void FleetOperator::serve(std::int32_t replica) {
  Replica& of = at(replica);
  if (of.status == Status::starting) {
    residents_.clear();
    around_.loop.lose(replica, residents_);  // of a time before it left
  } else if (of.status != Status::failed) {
    return;  // it has been called off
  }
  set_status(replica, Status::serving);
  of.idle_since = now();
  around_.desk.note_there(replica);
  draw_failure(replica);
  set_accepts(replica, true);
}

// Requests that were lost, and of which that is known by now, come back to their routers.
void FleetOperator::bounce(std::int32_t replica) {
  Replica& of = at(replica);
  back_.clear();
  std::erase_if(of.lost, [&](const Lost& lost) {
    if (lost.back_at > now()) return false;
    back_.push_back(lost);
    return true;
  });
  std::sort(back_.begin(), back_.end(), [](const Lost& a, const Lost& b) { return a.id < b.id; });
  const std::vector<Lost> lost = back_;
  for (const Lost& request : lost) come_back(request, replica);
  if (!lost.empty()) note_left(replica, static_cast<std::int32_t>(lost.size()));
  want_calls();
}

void FleetOperator::come_back(const Lost& lost, std::int32_t replica) {
  const RequestId id = lost.id;
  RouterDesk& desk = around_.desk;
  Router& router = desk.router_of(id);
  RequestTable& table = around_.table;
  QueuedRequest& request = table.arrived(id);
  LiveRequest& live = table.live[static_cast<std::size_t>(id)];
  RequestRecord& record = table.records[static_cast<std::size_t>(id)];
  if (record.num_retries != lost.attempt || record.failed) return;  // it has come back from elsewhere
  if (!around_.loop.take_back(id, replica)) return;
  if (request.prefilled_on >= 0) {
    request.prefilled_on = -1;
    if (table.lifecycle[static_cast<std::size_t>(id)] == detail::Lifecycle::queued) unlink(router.board->books, id);
  }
  if (lost.num_streamed > 0) {
    if (first_token_at_.empty()) first_token_at_.assign(table.requests.size(), kNever);
    Time& first = first_token_at_[static_cast<std::size_t>(id)];
    first = std::min(first, record.prefill_completed_at);
  }
  record.execution = 0;  // of the attempt that succeeds
  const bool again = record.num_retries < config_->operations.max_retries;
  if (again) {
    ++record.num_retries;
    ++num_retries_;
    request.num_retries = record.num_retries;
    request.num_prefill_tokens += lost.num_streamed;
    live = {.total_tokens = live.total_tokens,
            .num_prefill_tokens = request.num_prefill_tokens,
            .original_prefill_tokens = request.num_prefill_tokens};
    desk.set_lifecycle(router, id, detail::Lifecycle::queued);
    link_by_age(router.board->books, id);
  } else {
    ++num_failed_;
    record.failed = true;
    record.completed_at = now();
    record.scheduled_at = std::min(record.scheduled_at, now());
    const Time first = first_token_before(id);
    record.prefill_completed_at = first == kNever ? now() : first + config_->routers.response;
    desk.set_lifecycle(router, id, detail::Lifecycle::done);
    desk.note_answer(router);
  }
  if (observer_) observer_->on_loss(now(), id, replica, again);
  desk.set_calling(router);
  by_policy([&] {
    router.policy->on_loss(
        {.id = id,
         .replica = replica,
         .arrived_at = request.arrived_at,
         .scheduled_at = std::min(record.scheduled_at, now()),
         .first_token_at = lost.num_streamed > 0 ? record.prefill_completed_at + config_->routers.response : now(),
         .completed_at = now(),
         .num_prefill_tokens = request.num_prefill_tokens - (again ? lost.num_streamed : 0),
         .num_decode_tokens = lost.num_streamed});
    if (again) router.policy->on_arrival(request);
  });
  if (!again) around_.loop.gave_up(id);
}

void FleetOperator::look(const Action& action) {
  const OperationOptions& operations = config_->operations;
  std::int64_t waiting = around_.desk.queue_length();
  std::int32_t serving = 0, starting = 0;
  for (std::int32_t i = 0; i < num_replicas(); ++i) {
    starting += at(i).status == Status::starting ? 1 : 0;
    if (at(i).status != Status::serving) continue;
    ++serving;
    waiting += around_.board.published.num_waiting[static_cast<std::size_t>(i)];
  }
  const bool above = static_cast<double>(waiting) > operations.scale_above * serving;
  above_since_ = above ? std::min(above_since_, now()) : kNever;
  if (above && starting == 0 && now() - above_since_ >= operations.scale_after) {
    for (std::int32_t i = 0; i < num_replicas(); ++i) {
      if (at(i).status != Status::absent && at(i).status != Status::draining) continue;
      join(i);
      above_since_ = kNever;
      break;
    }
  }
  // No other that serves can compute the part of requests that it computes.
  const auto is_last_of_its_role = [&](std::int32_t replica) {
    const auto prefills = [&](std::int32_t i) { return config_->kind(i).role() == Role::prefill; };
    for (std::int32_t i = 0; i < num_replicas(); ++i) {
      if (i != replica && at(i).status == Status::serving && prefills(i) == prefills(replica)) return false;
    }
    return config_->is_split();
  };
  for (std::int32_t i = num_replicas() - 1; !above && operations.scale_idle > 0 && i >= 0; --i) {
    if (serving <= operations.min_replicas) break;
    if (at(i).status != Status::serving || at(i).num_there > 0) continue;
    if (now() - at(i).idle_since < operations.scale_idle || is_last_of_its_role(i)) continue;
    drain(i);
    --serving;
  }
  if (around_.desk.clocks_go_on()) plan(now() + kLookEvery, action);
}

void FleetOperator::close(Replay& replay, Time end) {
  replay.absences.clear();
  replay.num_retries = replay.num_failed = 0;
  if (!is_used_) return;
  for (std::int32_t i = 0; i < num_replicas(); ++i) {
    if (!lives(i) && at(i).since < end) {
      const auto why = at(i).status == Status::failed     ? ReplicaAbsence::Why::failed
                       : at(i).status == Status::starting ? ReplicaAbsence::Why::starting
                                                          : ReplicaAbsence::Why::not_there;
      absences_.push_back({.replica = i, .why = why, .from = at(i).since, .to = end});
    }
  }
  for (ReplicaAbsence& absence : absences_) {
    absence.to = std::min(absence.to, end);
    if (absence.from < absence.to) replay.absences.push_back(absence);
  }
  replay.num_retries = num_retries_;
  replay.num_failed = num_failed_;
}

}  // namespace switchyard
