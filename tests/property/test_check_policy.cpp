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
  CHECK(all_of(check_policy(undeclared<InTurn>("in_turn"))).empty());
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

TEST_CASE("who is shown output lengths is marked as it is described, or refused when it is made", "[check_policy]") {
  const PolicyInfo described = describe<Unmarked>("described", "Uses output lengths.").done();
  CHECK(described.clairvoyant);
  CHECK(described.group == PolicyGroup::reference);
  CHECK_FALSE(describe<InTurn>("in_turn", "Does not.").done().clairvoyant);
  const PolicyInfo hidden = undeclared<Unmarked>("hidden");
  CHECK_THROWS_WITH((PolicySpec{&hidden, {}}.make()), Catch::Contains("'hidden' inherits Clairvoyant"));
  CHECK_NOTHROW((PolicySpec{&described, {}}.make()));
}
