#include "core/cluster/hand_off_desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/cluster/policy_error.hpp"

namespace switchyard {

void HandOffDesk::reset(const ClusterConfig& config, std::size_t num_requests, Observer* observer) {
  config_ = config.is_split() ? &config : nullptr;
  observer_ = observer;
  if (!is_used()) return;
  std::vector<LinkSpeed> ports;
  for (std::int32_t i = 0; i < config.num_replicas(); ++i) ports.push_back(config.kind(i).port());
  links_.reset(std::move(ports));
  entries_.clear();
  number_of_.assign(num_requests, kNone);
  prefilled_.clear();
  reservations_.clear();
  transfer_told_ = kNever;
}

bool HandOffDesk::may_go_apart(RequestId id, std::int32_t prefill, std::int32_t decode) const {
  return config_->kind(prefill).role() == Role::prefill && config_->kind(decode).role() != Role::prefill &&
         around_.table.requests[static_cast<std::size_t>(id)].prefilled_on < 0;
}

void HandOffDesk::begin_part(RequestId id, std::int32_t replica) {
  const std::int32_t prefilled_on = around_.table.requests[static_cast<std::size_t>(id)].prefilled_on;
  LiveRequest& live = around_.table.live[static_cast<std::size_t>(id)];
  if (config_->kind(replica).role() == Role::prefill) {
    if (prefilled_on >= 0) {
      throw std::logic_error(
          fmt::format("policy assigned request {}, whose prompt replica {} has computed, to replica {}, which only "
                      "computes prompts (its role is prefill)",
                      id, prefilled_on, replica));
    }
    live.stage = Stage::prefill;
    number_of_[static_cast<std::size_t>(id)] = static_cast<std::int32_t>(entries_.size());
    entries_.push_back({.log = {.row = id, .prefill_replica = replica}});
  } else if (prefilled_on >= 0) {
    settle_decode(id, replica);
    live.stage = Stage::decode;
  }
}

void HandOffDesk::settle_decode(RequestId id, std::int32_t replica) {
  at(id).log.decode_replica = replica;
  at(id).log.assigned_at = now();
}

std::uint64_t HandOffDesk::send_prefilled() {
  std::sort(prefilled_.begin(), prefilled_.end());
  const Time response = around_.desk.network().response;
  std::uint64_t routers = 0;
  for (const RequestId id : prefilled_) {
    Entry& entry = at(id);
    entry.log.prefilled_at = now();
    entry.progress = Progress::held;
    entry.holds_kv = true;
    // A tick later: as whatever comes from outside, it is known before the batch ends of its instant.
    if (entry.log.decode_replica >= 0) around_.agenda.add({now() + 1, Agenda::Kind::delivery, id});
    if (response > 0) {
      around_.agenda.add({now() + response, Agenda::Kind::prefilled, id});
    } else {
      tell_prefilled(id);
      routers |= around_.desk.call_after_batch(around_.desk.router_of(id));
    }
  }
  prefilled_.clear();
  return routers;
}

void HandOffDesk::tell_prefilled(RequestId id) {
  Router& router = around_.desk.router_of(id);
  Entry& entry = at(id);
  entry.is_told = true;
  add_outstanding(router.board->books, entry.log.prefill_replica, -1);
  if (entry.log.decode_replica >= 0) return;
  QueuedRequest& request = around_.table.arrived(id);
  request.prefilled_on = entry.log.prefill_replica;
  around_.desk.set_lifecycle(router, id, detail::Lifecycle::queued);
  link(router.board->books, id);
  around_.desk.set_calling(router);
  by_policy([&] { router.policy->on_prefilled(request); });
}

void HandOffDesk::go_on(RequestId id) {
  if (around_.table.live[static_cast<std::size_t>(id)].stage != Stage::prefill) return;
  if (at(id).progress == Progress::prompt) return;
  around_.table.live[static_cast<std::size_t>(id)].stage = Stage::decode;
  around_.table.records[static_cast<std::size_t>(id)].replica = at(id).log.decode_replica;
}

bool HandOffDesk::arrives(RequestId id, std::int32_t replica) {
  if (around_.table.live[static_cast<std::size_t>(id)].stage != Stage::decode) return true;
  Entry& entry = at(id);
  if (entry.holds_kv) {
    entry.progress = Progress::waiting;
    return true;
  }
  entry.is_lost = true;
  around_.fleet.turn_away(id, replica, entry.loss_known_at);
  return false;
}

void HandOffDesk::finds_nobody(RequestId id) {
  if (around_.table.live[static_cast<std::size_t>(id)].stage == Stage::decode) at(id).is_lost = true;
}

void HandOffDesk::complete(Router& router, RequestId id) {
  if (!has(id)) return;
  const HandOff& log = at(id).log;
  if (log.decode_replica < 0 || around_.table.records[static_cast<std::size_t>(id)].replica == log.decode_replica) {
    return;
  }
  add_outstanding(router.board->books, log.decode_replica, -1);
  if (around_.fleet.is_used()) around_.fleet.note_left(log.decode_replica, 1);
}

void HandOffDesk::begin_transfers() {
  for (const Reservation& reserved : reservations_) {
    Entry& entry = at(reserved.id);
    HandOff& log = entry.log;
    entry.progress = Progress::moving;
    log.began_at = now();
    log.num_moved_tokens = reserved.num_missing_tokens;
    log.num_moved_bytes = reserved.num_missing_tokens * config_->hand_off.kv_bytes_per_token;
    links_.begin(reserved.id, log.prefill_replica, log.decode_replica, log.num_moved_bytes, config_->hand_off.link,
                 config_->hand_off.latency, now());
  }
  reservations_.clear();
  await_transfer();
}

void HandOffDesk::await_transfer() {
  if (links_.next_at() == kNever || links_.next_at() == transfer_told_) return;
  transfer_told_ = links_.next_at();
  around_.agenda.add({transfer_told_, Agenda::Kind::transfer, 0});
}

void HandOffDesk::end_transfers() {
  links_.take(now(), moved_);
  for (const RequestId id : moved_) {
    Entry& entry = at(id);
    entry.log.ended_at = now();
    entry.progress = Progress::moved;
    entry.holds_kv = false;
    around_.loop.take_kv(entry.log.decode_replica, id);
    around_.loop.free_kv(entry.log.prefill_replica, id);
    if (around_.fleet.is_used()) around_.fleet.note_left(entry.log.prefill_replica, 1);
    if (observer_) observer_->on_transfer(id, entry.log);
  }
  await_transfer();
}

void HandOffDesk::drop_transfer(Entry& entry) {
  if (entry.progress == Progress::moving) {
    links_.cancel(entry.log.row, now());
    await_transfer();  // others may be done earlier
    want_look();
  }
  entry.progress = Progress::dropped;
}

void HandOffDesk::lose(std::int32_t replica, std::vector<ResidentRequest>& residents,
                       const std::vector<ResidentRequest>& held) {
  for (const ResidentRequest& resident : residents) {
    if (!has(resident.id)) continue;
    Entry& entry = at(resident.id);
    if (entry.log.decode_replica != replica || entry.progress == Progress::moved) continue;
    drop_transfer(entry);
    entry.is_lost = true;
  }
  for (const ResidentRequest& prompt : held) {
    Entry& entry = at(prompt.id);
    entry.holds_kv = false;
    entry.loss_known_at = around_.fleet.detected_at(replica);
    if (entry.is_lost) {  // where it was to decode, which has failed as well
      around_.fleet.note_left(replica, 1);
      continue;
    }
    if (entry.progress != Progress::held) {
      drop_transfer(entry);
      around_.loop.withdraw(entry.log.decode_replica, prompt.id);
      want_look();
    }
    residents.push_back(prompt);
  }
}

bool HandOffDesk::take_back(RequestId id, std::int32_t lost_on) {
  detail::Books& books = around_.desk.router_of(id).board->books;
  if (!has(id)) {
    add_outstanding(books, lost_on, -1);
    return true;
  }
  Entry& entry = at(id);
  const std::int32_t prefill = entry.log.prefill_replica, decode = entry.log.decode_replica;
  // It is on its way to where it decodes, will find there that its KV is lost, and comes back from there.
  if (lost_on == prefill && decode >= 0 && entry.progress == Progress::held) return false;
  if (!entry.is_told) add_outstanding(books, prefill, -1);
  if (decode >= 0) {
    add_outstanding(books, decode, -1);
    if (decode != lost_on) around_.fleet.note_left(decode, 1);
  }
  if (entry.holds_kv) {
    around_.loop.free_kv(prefill, id);
    around_.fleet.note_left(prefill, 1);
    want_look();
  }
  entry.log.ended_at = 0;
  number_of_[static_cast<std::size_t>(id)] = kNone;
  return true;
}

void HandOffDesk::collect(std::vector<HandOff>& out) const {
  out.clear();
  for (const Entry& entry : entries_) {
    if (entry.log.ended_at == 0) continue;  // its answer had one token, it was lost, or the run was over before
    out.push_back(entry.log);
    out.back().row = around_.table.rows[static_cast<std::size_t>(entry.log.row)];
  }
  std::sort(out.begin(), out.end(), [](const HandOff& a, const HandOff& b) { return a.row < b.row; });
}

}  // namespace switchyard
