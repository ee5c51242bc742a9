#include "policies/compose/composed.hpp"

#include <limits>
#include <numeric>

namespace switchyard {

void Composed::start(const ClusterView& cluster, std::uint64_t seed) {
  queue_.clear();
  all_.resize(static_cast<std::size_t>(cluster.num_replicas()));
  std::iota(all_.begin(), all_.end(), 0);
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

Subscription Composed::subscription() const {
  Subscription asked;
  asked.requests = reads_requests;
  asked.first_tokens = asked.waiting_uncached = scene.sent != nullptr;
  if (order_) order_->ask(asked);
  for (const auto& admission : admissions_) admission->ask(asked);
  placement_->ask(asked);
  return asked;
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

std::int32_t Composed::choose(const QueuedRequest& request) {
  if (admissions_.empty()) return placement_->choose_any(request, all_);
  if (aim == Aim::best) {
    const std::int32_t best = placement_->choose_any(request, all_);
    return admits(request, best) ? best : -1;
  }
  candidates_.clear();
  for (const std::int32_t replica : all_) {
    if (admits(request, replica)) candidates_.push_back(replica);
  }
  return candidates_.empty() ? -1 : placement_->choose(request, candidates_);
}

bool Composed::place(ClusterView& cluster, RequestId id) {
  const QueuedRequest& request = cluster.queued(id);
  const std::int32_t replica = choose(request);
  if (replica < 0) return false;
  scene.assigning(request, replica);
  cluster.assign(id, replica);
  scene.assigned(request, replica);
  for (Part* part : watchers_) part->assigned(request, replica);
  return true;
}

void Composed::scores(const ClusterView&, const QueuedRequest& request, std::vector<double>& out) const {
  // Of this decision.
  const std::vector<std::int32_t>& candidates = admissions_.empty() || aim == Aim::best ? all_ : candidates_;
  std::vector<double> found;
  placement_->scores(request, candidates, found);
  if (found.empty()) return;
  out.assign(all_.size(), std::numeric_limits<double>::quiet_NaN());
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
