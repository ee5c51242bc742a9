// A policy made of parts: for each queued request in order, the replicas that may take it now, and one of them.
#pragma once

#include <vector>

#include "policies/compose/part.hpp"
#include "policies/ordered_queue.hpp"

namespace switchyard {

class Composed final : public Policy {
 public:
  // A null order is first come, first served, without a queue of its own; no admissions let every replica take all.
  Composed(std::unique_ptr<Order> order, std::vector<std::unique_ptr<Admission>> admissions,
           std::unique_ptr<Placement> placement)
      : order_(std::move(order)), admissions_(std::move(admissions)), placement_(std::move(placement)) {}

  // Where there are admissions: whether a replica without requests takes any, and whether the first request that no
  // replica may take holds up those behind it, or up to scan_depth may be passed over in a call. `best`: a request goes
  // where it would go were all replicas admissible, or it waits for that one.
  enum class Idle { admits, as_others };
  enum class Scan { head, first_fit };
  enum class Aim { any, best };
  Idle idle = Idle::admits;
  Scan scan = Scan::head;
  Aim aim = Aim::any;
  std::int32_t scan_depth = 32;
  Scene scene;                  // its lengths, forecast and sent work are set before the first replay
  bool reads_requests = false;  // a part looks at each request that waits or runs
  unsigned scene_reads = 0;     // signals (signal_bits) that the scene reads for its parts

  // Where prefill and decode are apart, one of these places prompts and another one what follows (see Apart).
  enum class Pool { all, prefill, decode, both };  // both: prompts to the one, and then to the other
  class Placer {                                   // takes place's place
   public:
    virtual bool place(ClusterView& cluster, RequestId id) = 0;

   protected:
    ~Placer() = default;
  };
  Pool pool = Pool::all;  // the replicas that it chooses from
  // The same placement serves both pools, where there are two: it has no order, no admission, and remembers nothing.
  bool serves_both_pools = false;
  Placer* placer = nullptr;
  // Where a request would go now; -1: it waits. And that it goes there.
  std::int32_t choose(const QueuedRequest& request);
  template <class Assign>
  void send(const QueuedRequest& request, std::int32_t replica, const Assign& assign) {
    scene.assigning(request, replica);
    assign();
    scene.assigned(request, replica);
    for (Part* part : watchers_) part->assigned(request, replica);
  }

  Subscription subscription() const override;
  // The signals that its parts and its scene read.
  std::vector<Signal> reads() const;
  void start(const ClusterView& cluster, std::uint64_t seed) override;
  void on_arrival(const QueuedRequest& request) override;
  void on_completion(const CompletedRequest& request) override;
  void on_loss(const CompletedRequest& request) override;
  void on_first_token(const FirstToken& token) override;
  void on_kv_event(std::int32_t replica, KvEvent event, std::span<const BlockName> blocks) override;
  void schedule(ClusterView& cluster) override;
  void scores(const ClusterView&, const QueuedRequest& request, std::vector<double>& out) const override;

 private:
  [[gnu::noinline]] void enqueue(const QueuedRequest& request);
  bool admits(const QueuedRequest& request, std::int32_t replica);
  // The replicas that may take the request as things are: as a rule, all.
  std::span<const std::int32_t> able(const QueuedRequest& request);
  // One of them by the placement. One that goes by what it remembers may name another: then the fewest outstanding.
  std::int32_t choose_among(const QueuedRequest& request, std::span<const std::int32_t> able);
  bool place(ClusterView& cluster, RequestId id);
  std::int32_t may_pass() const { return scan == Scan::head ? 0 : scan_depth; }
  void schedule_by_arrival(ClusterView& cluster);
  void schedule_by_key(ClusterView& cluster);

  std::unique_ptr<Order> order_;
  std::vector<std::unique_ptr<Admission>> admissions_;
  std::unique_ptr<Placement> placement_;
  std::vector<Part*> watchers_;
  OrderedQueue queue_;
  std::vector<OrderedQueue::Entry> passed_;  // over, in this call
  std::vector<std::int32_t> all_;            // replicas
  std::vector<std::int32_t> able_;           // of them, where some are not
  std::vector<std::int32_t> decoding_;       // those of the other pool, if it serves both
  std::vector<std::int32_t> candidates_;
};

}  // namespace switchyard
