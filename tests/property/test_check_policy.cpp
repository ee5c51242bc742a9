// The public battery passes every registered policy, and finds each way to cheat that it is there for.
#include <catch2/catch.hpp>

#include "core/check/check_policy.hpp"
#include "core/clairvoyant/clairvoyant.hpp"
#include "policies/registry.hpp"

using namespace switchyard;

namespace {

// Places everything on replicas in turn, unless a cheat below does otherwise.
class InTurn : public Policy {
 public:
  void start(const ClusterView&, std::uint64_t) override { next_ = 0; }
  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) cluster.assign(cluster.first_queued(), turn(cluster));
  }

 protected:
  std::int32_t turn(const ClusterView& cluster) { return next_++ % cluster.num_replicas(); }
  std::int32_t next_ = 0;
};

// Passes over those that take nothing now.
class InTurnOfThose : public InTurn {
 public:
  void schedule(ClusterView& cluster) override {
    for (RequestId id = cluster.first_queued(); id >= 0;) {
      const RequestId next = cluster.next_queued(id);
      for (std::int32_t tries = 0; tries < cluster.num_replicas(); ++tries) {
        const std::int32_t replica = turn(cluster);
        if (!can_take(cluster, id, replica)) continue;
        cluster.assign(id, replica);
        break;
      }
      id = next;
    }
  }

 protected:
  virtual bool can_take(const ClusterView& cluster, RequestId id, std::int32_t replica) {
    return cluster.can_serve(id, replica);
  }
};

// Sends what was prefilled on to those that decode.
class InTurnApart : public InTurnOfThose {
 protected:
  bool can_take(const ClusterView& cluster, RequestId id, std::int32_t replica) override {
    if (cluster.is_split() && (cluster.queued(id).prefilled_on < 0) != (cluster.role(replica) == Role::prefill)) {
      return false;
    }
    return InTurnOfThose::can_take(cluster, id, replica);
  }
};

// Goes by an output length as soon as a prompt is computed.
class KnowsWhereAnswersEnd : public InTurnApart, public Clairvoyant {
 public:
  void see(std::span<const std::int32_t> outputs) override { outputs_ = outputs; }

 protected:
  bool can_take(const ClusterView& cluster, RequestId id, std::int32_t replica) override {
    if (cluster.is_split() && cluster.queued(id).prefilled_on >= 0) {
      std::int32_t decode = outputs_[static_cast<std::size_t>(id)] % cluster.num_replicas();
      while (cluster.role(decode) == Role::prefill) decode = (decode + 1) % cluster.num_replicas();
      return replica == decode;
    }
    return InTurnApart::can_take(cluster, id, replica);
  }

 private:
  std::span<const std::int32_t> outputs_;
};

class Remembers : public InTurn {
 public:
  void start(const ClusterView&, std::uint64_t) override {}
};

class DrawsFromOutside : public InTurn {
 public:
  void start(const ClusterView&, std::uint64_t) override {
    static std::int32_t runs = 0;
    next_ = runs++;
  }
};

class AssignsTwice : public InTurn {
 public:
  void schedule(ClusterView& cluster) override {
    const RequestId id = cluster.first_queued();
    cluster.assign(id, 0);
    cluster.assign(id, 0);
  }
};

class NeverPlacesTheLast : public InTurn {
 public:
  void schedule(ClusterView& cluster) override {
    while (cluster.queue_length() > 1) cluster.assign(cluster.first_queued(), turn(cluster));
  }
};

class Unmarked : public InTurn, public Clairvoyant {
 public:
  void see(std::span<const std::int32_t> outputs) override { outputs_ = outputs; }
  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) {
      const RequestId id = cluster.first_queued();
      cluster.assign(id, outputs_[static_cast<std::size_t>(id)] % cluster.num_replicas());
    }
  }

 private:
  std::span<const std::int32_t> outputs_;
};

// Looks at the number of all requests to come, by way of the lengths that it is shown.
class CountsTheFuture : public InTurn, public Clairvoyant {
 public:
  void see(std::span<const std::int32_t> outputs) override { count_ = static_cast<std::int32_t>(outputs.size()); }
  void schedule(ClusterView& cluster) override {
    while (!cluster.queue_empty()) cluster.assign(cluster.first_queued(), count_ % cluster.num_replicas());
  }

 private:
  std::int32_t count_ = 0;
};

template <class P>
PolicyInfo undeclared(const char* name) {
  PolicyInfo info;
  info.name = name;
  info.make = [](const ParamValues&) { return std::make_unique<P>(); };
  return info;
}

std::string all_of(const std::vector<std::string>& faults) {
  std::string text;
  for (const std::string& fault : faults) text += fault + "\n";
  return text;
}

}  // namespace

TEST_CASE("check_policy passes every registered policy", "[check_policy]") {
  for (const PolicyInfo& info : registered_policies()) CHECK(all_of(check_policy(info)).empty());
}

TEST_CASE("check_policy finds what a policy must not do", "[check_policy]") {
  using Catch::Contains;
  CHECK(all_of(check_policy(undeclared<InTurnOfThose>("in_turn"))).empty());
  CHECK_THAT(all_of(check_policy(undeclared<Remembers>("remembers"))),
             Contains("remembers: start: ") && Contains("forget"));
  CHECK_THAT(all_of(check_policy(undeclared<DrawsFromOutside>("draws"))), Contains("draws: deterministic: "));
  CHECK_THAT(all_of(check_policy(undeclared<AssignsTwice>("twice"))),
             Contains("twice: end: ") && Contains("not queued"));
  CHECK_THAT(all_of(check_policy(undeclared<NeverPlacesTheLast>("holds"))),
             Contains("holds: end: ") && Contains("stalled"));
  const std::string unmarked = all_of(check_policy(undeclared<Unmarked>("unmarked")));
  CHECK_THAT(unmarked, Contains("unmarked: mark: it inherits Clairvoyant"));
  CHECK_THAT(unmarked, Contains("unmarked: lengths: "));
  CHECK_THAT(all_of(check_policy(undeclared<CountsTheFuture>("counts"))), Contains("counts: future: "));
  PolicyInfo boasts = undeclared<InTurn>("boasts");
  boasts.clairvoyant = true;
  CHECK_THAT(all_of(check_policy(boasts)), Contains("boasts: mark: it says that it knows"));
}

TEST_CASE("check_policy tries replicas that come and go, and roles where they are known", "[check_policy]") {
  using Catch::Contains;
  CHECK(all_of(check_policy(undeclared<InTurn>("in_turn"), 30)).empty());
  CHECK_THAT(all_of(check_policy(undeclared<InTurn>("in_turn"))),
             Contains("in_turn: operated: round 30 (vllm_v0; replicas that fail, drain and join): ") &&
                 Contains("see ClusterView::can_serve") && !Contains("apart"));
  PolicyInfo naive = undeclared<InTurnOfThose>("naive");
  CHECK(all_of(check_policy(naive)).empty());  // it is refused where prefill and decode are apart
  naive.knows_roles = true;
  CHECK_THAT(all_of(check_policy(naive)), Contains("naive: apart: round 35 (vllm_v1; prefill and decode apart): "));
  PolicyInfo able = undeclared<InTurnApart>("able");
  able.knows_roles = true;
  CHECK(all_of(check_policy(able)).empty());
  PolicyInfo knows = undeclared<KnowsWhereAnswersEnd>("knows");
  knows.knows_roles = true;
  CHECK_THAT(all_of(check_policy(knows)), Contains("knows: lengths: round 3") && Contains("prefill and decode apart"));
}

TEST_CASE("who is shown output lengths is marked as it is described, or refused when it is made", "[check_policy]") {
  const PolicyInfo described = describe<Unmarked>("described", "Uses output lengths.").done();
  CHECK(described.clairvoyant);
  CHECK(described.group == PolicyGroup::reference);
  CHECK_FALSE(describe<InTurn>("in_turn", "Does not.").done().clairvoyant);
  const PolicyInfo hidden = undeclared<Unmarked>("hidden");
  CHECK_THROWS_WITH((PolicySpec{&hidden, {}}.make()), Catch::Contains("'hidden' inherits Clairvoyant"));
  CHECK_NOTHROW((PolicySpec{&described, {}}.make()));
}
