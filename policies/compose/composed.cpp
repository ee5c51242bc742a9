#include "policies/compose/composed.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace switchyard {

void Composed::start(const ClusterView& cluster, std::uint64_t seed) {
  queue_.clear();
  all_.resize(static_cast<std::size_t>(cluster.num_replicas()));
  std::iota(all_.begin(), all_.end(), 0);
  decoding_.clear();
  if (pool == Pool::all && serves_both_pools && cluster.is_split()) pool = Pool::both;
  if (pool == Pool::both && !cluster.is_split()) pool = Pool::all;
  if (pool != Pool::all) {
    std::erase_if(all_, [&](std::int32_t replica) {
      const bool there = (cluster.role(replica) == Role::prefill) == (pool != Pool::decode);
      if (!there && pool == Pool::both) decoding_.push_back(replica);
      return !there;
    });
  }
  scene.start(cluster);
  if (order_) order_->start(scene, seed);
  for (const auto& admission : admissions_) admission->start(scene, seed);
  placement_->start(scene, seed);
  watchers_.clear();
  for (const auto& admission : admissions_) admission->watch(watchers_);
  placement_->watch(watchers_);
}

void Composed::on_arrival(const QueuedRequest& request) {
  scene.arrived(request);
  if (order_) enqueue(request);
}

void Composed::enqueue(const QueuedRequest& request) { queue_.push({order_->key(request), request.id}); }

void Composed::on_completion(const CompletedRequest& request) {
  scene.observe(request);
  for (Part* part : watchers_) part->completed(request);
}

void Composed::on_loss(const CompletedRequest& request) {
  scene.lose(request);
  for (Part* part : watchers_) part->lost(request);
}

Subscription Composed::subscription() const {
  Subscription asked;
  asked.requests = reads_requests;
  asked.first_tokens = asked.waiting_uncached = scene.sent != nullptr;
  if (order_) order_->ask(asked);
  for (const auto& admission : admissions_) admission->ask(asked);
  placement_->ask(asked);
  return asked;
}

std::vector<Signal> Composed::reads() const {
  unsigned bits = scene_reads | placement_->reads();
  if (order_) bits |= order_->reads();
  for (const auto& admission : admissions_) bits |= admission->reads();
  if (!admissions_.empty() && idle == Idle::admits) bits |= signal_bits({Signal::outstanding});
  std::vector<Signal> signals;
  for (int i = 0; i < kNumSignals; ++i) {
    if (bits >> i & 1U) signals.push_back(static_cast<Signal>(i));
  }
  return signals;
}

void Composed::on_first_token(const FirstToken& token) {
  if (scene.sent) scene.sent->first_token(token);
  for (Part* part : watchers_) part->first_token(token);
}

void Composed::on_kv_event(std::int32_t replica, KvEvent event, std::span<const BlockName> blocks) {
  for (Part* part : watchers_) part->kv_event(replica, event, blocks);
}

bool Composed::admits(const QueuedRequest& request, std::int32_t replica) {
  if (idle == Idle::admits && scene.cluster().outstanding(replica) == 0) return true;
  for (const auto& admission : admissions_) {
    if (!admission->admits(request, replica)) return false;
  }
  return true;
}

std::span<const std::int32_t> Composed::able(const QueuedRequest& request) {
  const ClusterView& cluster = scene.cluster();
  able_.clear();
  for (const std::int32_t replica : pool == Pool::both && request.prefilled_on >= 0 ? decoding_ : all_) {
    if (cluster.can_serve(request.id, replica)) able_.push_back(replica);
  }
  return able_;
}

std::int32_t Composed::choose_among(const QueuedRequest& request, std::span<const std::int32_t> able) {
  const ClusterView& cluster = scene.cluster();
  const std::int32_t chosen = placement_->choose(request, able);
  if (chosen < 0 || std::binary_search(able.begin(), able.end(), chosen)) return chosen;
  return *std::min_element(able.begin(), able.end(), [&](std::int32_t a, std::int32_t b) {
    return cluster.outstanding(a) < cluster.outstanding(b);
  });
}

std::int32_t Composed::choose(const QueuedRequest& request) {
  const ClusterView& cluster = scene.cluster();
  const bool all = cluster.serves_all() && pool == Pool::all;
  if (all && admissions_.empty()) return placement_->choose_any(request, all_);
  const std::span<const std::int32_t> among = all ? std::span<const std::int32_t>(all_) : able(request);
  if (among.empty()) return -1;
  if (admissions_.empty()) return choose_among(request, among);
  if (aim == Aim::best) {
    const std::int32_t best = all ? placement_->choose_any(request, among) : choose_among(request, among);
    return admits(request, best) ? best : -1;
  }
  candidates_.clear();
  for (const std::int32_t replica : among) {
    if (admits(request, replica)) candidates_.push_back(replica);
  }
  return candidates_.empty() ? -1 : choose_among(request, candidates_);
}

bool Composed::place(ClusterView& cluster, RequestId id) {
  if (placer) [[unlikely]]
    return placer->place(cluster, id);
  const QueuedRequest& request = cluster.queued(id);
  const std::int32_t replica = choose(request);
  if (replica < 0) return false;
  send(request, replica, [&] { cluster.assign(id, replica); });
  return true;
}

void Composed::scores(const ClusterView&, const QueuedRequest& request, std::vector<double>& out) const {
  // Of this decision.
  const std::vector<std::int32_t>& able = scene.cluster().serves_all() && pool == Pool::all ? all_ : able_;
  const std::vector<std::int32_t>& candidates = admissions_.empty() || aim == Aim::best ? able : candidates_;
  std::vector<double> found;
  placement_->scores(request, candidates, found);
  if (found.empty()) return;
  out.assign(static_cast<std::size_t>(scene.cluster().num_replicas()), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < candidates.size(); ++i) out[static_cast<std::size_t>(candidates[i])] = found[i];
}

// In one piece for the simplest policies, which are to cost next to nothing.
[[gnu::flatten]] void Composed::schedule(ClusterView& cluster) {
  scene.begin_call(cluster);
  if (order_) {
    schedule_by_key(cluster);
  } else {
    schedule_by_arrival(cluster);
  }
}

void Composed::schedule_by_arrival(ClusterView& cluster) {
  std::int32_t left = may_pass();
  for (RequestId id = cluster.first_queued(); id >= 0;) {
    const RequestId next = cluster.next_queued(id);
    if (!place(cluster, id) && left-- == 0) return;
    id = next;
  }
}

void Composed::schedule_by_key(ClusterView& cluster) {
  std::int32_t left = may_pass();
  passed_.clear();
  while (!queue_.empty()) {
    const OrderedQueue::Entry head = queue_.head();
    if (place(cluster, head.id)) {
      queue_.pop();
      continue;
    }
    if (left-- == 0) break;
    passed_.push_back(head);
    queue_.pop();
  }
  for (const OrderedQueue::Entry& entry : passed_) queue_.push(entry);
}

}  // namespace switchyard
