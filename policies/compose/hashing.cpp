// Placements by a hash of how the prompt begins: affinity without any memory of what was sent where.
#include "policies/compose/hashing.hpp"

#include <algorithm>

#include "policies/picking/hash_ring.hpp"

namespace switchyard {

namespace {

// Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018): the replica of the prompt's place on
// the ring, unless it has more than its share of the requests in flight.
class Ring final : public Placement {
 public:
  unsigned reads() const override { return signal_bits({Signal::outstanding}); }
  enum class Overflow { walk, least };
  enum class Counted { others, all };
  enum class Key { prompt, session };

  void start(Scene& scene, std::uint64_t seed) override {
    Placement::start(scene, seed);
    ring_.reset(scene.cluster().num_replicas(), nodes_);
  }

  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const ClusterView& cluster = scene_->cluster();
    std::int64_t total = 0;
    for (const std::int32_t replica : candidates) total += cluster.outstanding(replica);
    const double share = static_cast<double>(total + 1) / static_cast<double>(candidates.size());
    const double most = share * bound_ - (counted_ == Counted::all ? 1 : 0);
    const auto is_within = [&](std::int32_t replica) { return cluster.outstanding(replica) <= most; };
    const auto may_take = [&](std::int32_t replica) {
      return std::binary_search(candidates.begin(), candidates.end(), replica);
    };
    const std::uint64_t key =
        key_ == Key::session ? session_or_prompt_key(cluster, request, tokens_) : prompt_key(cluster, request, tokens_);
    const std::int32_t home = ring_.walk(key, may_take);
    if (is_within(home)) return home;
    std::int32_t other = -1;
    if (overflow_ == Overflow::walk) {
      other = ring_.walk(key, [&](std::int32_t replica) { return may_take(replica) && is_within(replica); });
    } else {
      for (const std::int32_t replica : candidates) {
        if (!is_within(replica)) continue;
        if (other < 0 || cluster.outstanding(replica) < cluster.outstanding(other)) other = replica;
      }
    }
    return other >= 0 ? other : home;
  }

  Key key_ = Key::prompt;
  std::int32_t tokens_ = 25;
  std::int32_t nodes_ = 256;
  double bound_ = 1.25;
  Counted counted_ = Counted::all;
  Overflow overflow_ = Overflow::walk;

 private:
  HashRing ring_;
};

class Rendezvous final : public Placement {
 public:
  enum class Key { prompt, session };
  std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    const ClusterView& cluster = scene_->cluster();
    const bool by_session = key_ == Key::session;
    return rendezvous(
        by_session ? session_or_prompt_key(cluster, request, tokens_) : prompt_key(cluster, request, tokens_),
        candidates);
  }
  Key key_ = Key::prompt;
  std::int32_t tokens_ = 256;
};

}  // namespace

PartInfo<Placement> ring_part() {
  return part<Placement, Ring>("ring",
                               "by consistent hashing of the prompt's beginning, with a bound on the requests of each "
                               "replica")
      .choice(&Ring::key_, "ring_key", {"prompt", "session"}, Ring::Key::prompt,
              "what is hashed: how the prompt begins, or its session where the client tells it")
      .integer(&Ring::tokens_, "ring_tokens", 25, 1, 100000, ParamScale::log,
               "leading tokens of the prompt that are hashed")
      .integer(&Ring::nodes_, "ring_nodes", 256, 1, 4096, ParamScale::log, "places of a replica on the ring")
      .real(&Ring::bound_, "ring_bound", 1.25, 1.0, 100.0, ParamScale::log,
            "most requests in flight of a replica, as a multiple of (all + 1) / replicas")
      .choice(&Ring::counted_, "ring_counts", {"others", "all"}, Ring::Counted::all,
              "whether this request counts among those of the replica")
      .choice(&Ring::overflow_, "ring_overflow", {"walk", "least"}, Ring::Overflow::walk,
              "where it goes else: to the next on the ring that is within the bound, or to the least loaded");
}

PartInfo<Placement> rendezvous_part() {
  return part<Placement, Rendezvous>("rendezvous", "by rendezvous hashing of the prompt's beginning")
      .choice(&Rendezvous::key_, "hashed", {"prompt", "session"}, Rendezvous::Key::prompt,
              "how the prompt begins, or its session where the client tells it")
      .integer(&Rendezvous::tokens_, "hashed_tokens", 256, 1, 100000, ParamScale::log,
               "leading tokens of the prompt that are hashed");
}

}  // namespace switchyard
