// Program scheduling of vLLM's router: an agent's requests are a program, and programs take turns on each rank.
#include <algorithm>
#include <deque>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "policies/picking/hash_ring.hpp"
#include "policies/production/production.hpp"
#include "policies/production/session_table.hpp"

namespace switchyard {

namespace {

// The time for which a program that waits for its tool keeps its place: long enough for most gaps, by those that were
// seen, as long as what that saves in prefills is more than the time for which the place is kept free.
class ActingTime {
 public:
  void start() { gaps_.clear(); }
  void add(double gap_s) {
    gaps_.push_back(gap_s);
    if (gaps_.size() > kWindow) gaps_.pop_front();
  }
  double seconds(double context_tokens, double most_s) const {
    if (gaps_.size() < kWindow) return 0;
    const double x = context_tokens / 1000;
    const double saved_s = (0.06600061907132926 + 0.05702024012166613 * x + 0.0044057347937978475 * x * x) * (2 - 0.15);
    sorted_.assign(gaps_.begin(), gaps_.end());
    std::sort(sorted_.begin(), sorted_.end());
    double best_s = 0, best = 0, sum = 0;
    for (std::size_t i = 0; i < sorted_.size() && sorted_[i] <= most_s; ++i) {
      sum += sorted_[i];
      const auto within = static_cast<double>(i + 1), all = static_cast<double>(sorted_.size());
      const double gain = within / all * saved_s - (sum + (all - within) * sorted_[i]) / all;
      if (gain <= best) continue;
      best = gain;
      best_s = sorted_[i];
    }
    return best_s;
  }

 private:
  static constexpr std::size_t kWindow = 100;
  std::deque<double> gaps_;
  mutable std::vector<double> sorted_;
};

class VllmRouterPrograms final : public Policy {
 public:
  enum class Binding { consistent_hash, program_round_robin, least_program_count };
  enum class Order { mru, fcfs };
  enum class Queue { local, global };
  enum class Capacity { none, kv };

  void start(const ClusterView& cluster, std::uint64_t) override {
    const auto n = static_cast<std::size_t>(cluster.num_replicas());
    ring_.reset(cluster.num_replicas(), kVirtualNodes);
    ranks_.assign(n, {});
    programs_.clear();
    acting_.clear();
    sent_.clear();
    waiting_.assign(n, 0);
    times_.start();
    turn_ = 0;
  }
  Subscription subscription() const override {
    Subscription asked;
    asked.polls = true;
    asked.every = ticks_from_seconds(metrics_interval_s_);
    return asked;
  }

  void on_completion(const CompletedRequest& request) override {
    const std::int32_t session = come_back(request);
    if (session < 0) return;
    Program& program = of(session);
    set_context(program, request.num_prefill_tokens + request.num_decode_tokens);
    ++program.rounds;
    if (program.in_flight > 0) return;
    const bool yields = program.rounds >= max_segment_rounds_ && waiting_[static_cast<std::size_t>(program.rank)] > 0;
    program.yielded = yields;
    program.answered = true;
    const double keep_s = yields ? 0 : times_.seconds(double(program.context), max_acting_ttl_s_);
    program.acting_until = request.completed_at + ticks_from_seconds(keep_s);
    acting_.emplace(program.acting_until, session);
  }
  void on_loss(const CompletedRequest& request) override {
    const std::int32_t session = come_back(request);
    if (session < 0 || of(session).in_flight > 0) return;
    of(session).acting_until = request.completed_at;
    acting_.emplace(request.completed_at, session);
  }

  void schedule(ClusterView& cluster) override {
    pause_idle(cluster.now());
    // Who has a place goes on at once; the others are retained, each at its own rank.
    retained_.clear();
    for (RequestId id = cluster.first_queued(), next = -1; id >= 0; id = next) {
      next = cluster.next_queued(id);
      const QueuedRequest request = cluster.queued(id);
      if (!serves_any(cluster, id)) continue;
      if (request.session < 0) {
        cluster.assign(id, home(cluster, id, prompt_key(cluster, request, kWholePrompt)));
        continue;
      }
      Program& program = of(request.session);
      bind(cluster, request, program);
      if (program.active) {
        send(cluster, request, program.rank);
      } else {
        retained_.push_back({id, request.session, request.arrived_at});
      }
    }
    resume(cluster);
    waiting_.assign(ranks_.size(), 0);
    for (const Retained& retained : retained_) ++waiting_[static_cast<std::size_t>(of(retained.session).rank)];
  }

  Binding binding_ = Binding::consistent_hash;
  Order resume_order_ = Order::mru;
  Queue queue_ = Queue::local;
  Capacity capacity_ = Capacity::none;
  double headroom_ratio_ = 1.2;
  std::int32_t max_active_ = 64;
  std::int32_t waiting_threshold_ = 1;
  double metrics_interval_s_ = 1.0;
  double force_resume_s_ = 300.0;
  double max_acting_ttl_s_ = 10.0;
  std::int32_t max_segment_rounds_ = 14;

 private:
  static constexpr std::int32_t kVirtualNodes = 160, kWholePrompt = 100'000, kDecodeBuffer = 100;
  static constexpr Time kRetention = 1800 * kTicksPerSecond;

  struct Program {
    std::int32_t rank = -1;
    bool active = false;    // it has a place there: requests in flight, or it acts
    bool answered = false;  // a request of it was
    bool yielded = false;   // it gave its place up, so that others come first
    std::int32_t in_flight = 0;
    std::int32_t rounds = 0;   // since it got its place
    std::int64_t context = 0;  // tokens
    Time used_at = 0;
    Time acting_until = 0;
  };
  struct Rank {
    std::int32_t active = 0;   // programs
    std::int64_t context = 0;  // of them, tokens
  };
  struct Retained {
    RequestId id;
    std::int32_t session;
    Time arrived_at;
  };
  Program& of(std::int32_t session) {
    const auto i = static_cast<std::size_t>(session);
    if (i >= programs_.size()) programs_.resize(i + 1);
    return programs_[i];
  }
  void set_context(Program& program, std::int64_t tokens) {
    if (program.active) rank_of(program).context += tokens - program.context;
    program.context = tokens;
  }
  Rank& rank_of(const Program& program) { return ranks_[static_cast<std::size_t>(program.rank)]; }
  bool serves_any(const ClusterView& cluster, RequestId id) const {
    if (cluster.serves_all()) return true;
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) {
      if (cluster.can_serve(id, r)) return true;
    }
    return false;
  }
  std::int32_t home(const ClusterView& cluster, RequestId id, std::uint64_t key) {
    return ring_.walk(key, [&](std::int32_t replica) { return cluster.can_serve(id, replica); });
  }

  // Its home rank, if it is new, was away for long, or its rank does not take it any more.
  void bind(const ClusterView& cluster, const QueuedRequest& request, Program& program) {
    const bool stale = !program.active && cluster.now() - program.used_at > kRetention;
    if (program.rank >= 0 && !stale && cluster.can_serve(request.id, program.rank)) return;
    if (program.active) leave(program);
    if (program.rank < 0) program.used_at = request.arrived_at;
    const std::int32_t n = cluster.num_replicas();
    program.rank = home(cluster, request.id, session_key(request.session));
    if (binding_ == Binding::program_round_robin) {
      do {
        program.rank = turn_++ % n;
      } while (!cluster.can_serve(request.id, program.rank));
    }
    for (std::int32_t r = 0; binding_ == Binding::least_program_count && r < n; ++r) {
      if (cluster.can_serve(request.id, r) && ranks_[std::size_t(r)].active < rank_of(program).active) program.rank = r;
    }
  }
  void leave(Program& program) {
    --rank_of(program).active;
    rank_of(program).context -= program.context;
    program.active = false;
    program.rounds = 0;
  }
  // Those that acted for as long as they may.
  void pause_idle(Time now) {
    while (!acting_.empty() && acting_.begin()->first <= now) {
      const auto [until, session] = *acting_.begin();
      acting_.erase(acting_.begin());
      Program& program = of(session);
      if (program.active && program.in_flight == 0 && program.acting_until == until) leave(program);
    }
  }

  bool has_place(const ClusterView& cluster, std::int32_t rank, std::int64_t demand) const {
    const Rank& there = ranks_[static_cast<std::size_t>(rank)];
    if (there.active >= max_active_) return false;
    if (waiting_threshold_ > 0 && cluster.num_waiting(rank) >= waiting_threshold_) return false;
    return capacity_ == Capacity::none || demand <= free_tokens(cluster, rank);
  }
  std::int64_t free_tokens(const ClusterView& cluster, std::int32_t rank) const {
    const ReplicaLimits& limits = cluster.limits(rank);
    return std::int64_t{limits.num_blocks} * limits.block_size - ranks_[static_cast<std::size_t>(rank)].context;
  }

  void resume(ClusterView& cluster) {
    const Time force = ticks_from_seconds(force_resume_s_);
    const auto key = [&](const Retained& retained) {
      const Program& program = programs_[static_cast<std::size_t>(retained.session)];
      const bool forced = cluster.now() - retained.arrived_at >= force;
      const Time recency = forced || resume_order_ == Order::fcfs ? 0 : -program.used_at;
      return std::tuple(!forced, program.yielded, recency, retained.arrived_at, retained.id);
    };
    std::sort(retained_.begin(), retained_.end(),
              [&](const Retained& a, const Retained& b) { return key(a) < key(b); });
    std::erase_if(retained_, [&](const Retained& retained) {
      Program& program = of(retained.session);
      const QueuedRequest request = cluster.queued(retained.id);
      const bool forced = cluster.now() - retained.arrived_at >= force;
      // Another request of the program may have got the place just now.
      if (!program.active && !forced && !has_place(cluster, program.rank, demand_of(request))) return false;
      send(cluster, request, program.rank);
      return true;
    });
    if (queue_ == Queue::local) return;
    std::sort(retained_.begin(), retained_.end(), [](const Retained& a, const Retained& b) { return a.id < b.id; });
    std::erase_if(retained_, [&](const Retained& retained) {
      const QueuedRequest request = cluster.queued(retained.id);
      const Program& program = of(retained.session);
      const std::int32_t other = program.active ? program.rank : elsewhere(cluster, request, program);
      if (other >= 0) send(cluster, request, other);
      return other >= 0;
    });
  }
  static std::int64_t demand_of(const QueuedRequest& request) { return request.num_prefill_tokens + kDecodeBuffer; }

  // The rank with the most room, if that is so much more than at its own that its context is worth computing again.
  std::int32_t elsewhere(const ClusterView& cluster, const QueuedRequest& request, const Program& program) const {
    std::int32_t best = -1;
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) {
      if (r == program.rank || !cluster.can_serve(request.id, r)) continue;
      if (!has_place(cluster, r, demand_of(request))) continue;
      if (capacity_ == Capacity::kv) {
        const double wanted = double(std::max<std::int64_t>(0, free_tokens(cluster, program.rank))) +
                              headroom_ratio_ * double(request.num_prefill_tokens);
        if (double(free_tokens(cluster, r)) < wanted) continue;
        if (best >= 0 && free_tokens(cluster, r) <= free_tokens(cluster, best)) continue;
      } else if (best >= 0 && ranks_[std::size_t(r)].active >= ranks_[std::size_t(best)].active) {
        continue;
      }
      best = r;
    }
    return best;
  }

  void send(ClusterView& cluster, const QueuedRequest& request, std::int32_t rank) {
    Program& program = of(request.session);
    if (program.in_flight == 0) {
      acting_.erase({program.acting_until, request.session});
      if (program.answered && request.arrived_at >= program.used_at) {
        times_.add(seconds_from_ticks(request.arrived_at - program.used_at));
      }
    }
    if (!program.active) {
      program.rank = rank;
      program.active = true;
      program.yielded = false;
      ++rank_of(program).active;
      rank_of(program).context += program.context;
    }
    set_context(program, std::max(program.context, demand_of(request)));
    ++program.in_flight;
    program.used_at = cluster.now();
    const auto i = static_cast<std::size_t>(request.id);
    if (i >= sent_.size()) sent_.resize(i + 1, -1);
    sent_[i] = request.session;
    cluster.assign(request.id, rank);
  }
  // The session of a request that was sent; -1: it had none.
  std::int32_t come_back(const CompletedRequest& request) {
    const auto i = static_cast<std::size_t>(request.id);
    if (i >= sent_.size() || sent_[i] < 0) return -1;
    const std::int32_t session = std::exchange(sent_[i], -1);
    Program& program = of(session);
    --program.in_flight;
    program.used_at = request.completed_at;
    return session;
  }

  HashRing ring_;
  ActingTime times_;
  std::vector<Rank> ranks_;
  std::vector<Program> programs_;                   // by session
  std::set<std::pair<Time, std::int32_t>> acting_;  // until when, who
  std::vector<std::int32_t> sent_;                  // by request: its session, or -1
  std::vector<Retained> retained_;                  // of this call
  std::vector<std::int32_t> waiting_;               // by rank: how many of them were not sent
  std::int32_t turn_ = 0;
};

}  // namespace

std::vector<PolicyInfo> vllm_router_program_policies() {
  using P = VllmRouterPrograms;
  return {
      describe<P>(
          "vllm_router_programs",
          "vLLM's router with program scheduling: a session is a program, with a home rank by consistent hashing. A "
          "program that has a place there sends its requests at once and keeps the place between them for a while; "
          "the others are retained while max_active programs have places or as many requests as waiting_threshold "
          "wait at the rank, most recently used programs first. Requests without a session go by a hash of the prompt. "
          "Left out: pauses of programs in mid-answer, the reserve for growth and its exception by batch gain, "
          "prefixes "
          "that programs share, priorities and deadlines of requests, refusal after 600 s; that the time a place is "
          "kept is the one that gains most is our reading of its text.",
          "vllm-project/router, docs/program_scheduling.md")
          .choice(&P::binding_, "binding", {"consistent_hash", "program_round_robin", "least_program_count"},
                  P::Binding::consistent_hash, "the home rank of a new program")
          .choice(&P::queue_, "queue", {"local", "global"}, P::Queue::local,
                  "retained requests wait for their home rank, or for any that has place for them")
          .choice(&P::resume_order_, "resume_order", {"mru", "fcfs"}, P::Order::mru,
                  "which of those retained at a rank is next: of the program used last, or the first that came")
          .choice(&P::capacity_, "capacity", {"none", "kv"}, P::Capacity::none,
                  "whether the contexts of a rank's programs must fit its KV memory as well")
          .real(&P::headroom_ratio_, "headroom_ratio", 1.2, 0.0, 10.0, ParamScale::linear,
                "another rank must have so many times the program's context more room than its own")
          .only_if("capacity", {"kv"})
          .integer(&P::max_active_, "max_active", 64, 1, 4096, ParamScale::log, "programs with a place at a rank")
          .integer(
              &P::waiting_threshold_, "waiting_threshold", 1, 0, 1024, ParamScale::linear,
              "requests that wait at a rank, as last polled, from which on nobody gets a place there; 0: any number")
          .real(&P::metrics_interval_s_, "metrics_interval", 1.0, 0.05, 60.0, ParamScale::log,
                "s between looks at those that are retained")
          .real(&P::force_resume_s_, "force_resume", 300.0, 0.1, 100000.0, ParamScale::log,
                "s of waiting after which a request is sent in any case")
          .real(&P::max_acting_ttl_s_, "max_acting_ttl", 10.0, 0.0, 1000.0, ParamScale::linear,
                "s for which a program keeps its place between requests, at most")
          .integer(&P::max_segment_rounds_, "max_segment_rounds", 14, 1, 10000, ParamScale::log,
                   "requests in a row after which a program gives its place up if others wait for it")
          .reads({Signal::waiting, Signal::outstanding})
          .signal_interval(1.0)
          .done()};
}

}  // namespace switchyard
