// A policy is three decisions, each a part of its own:
//   Order      which queued request is next
//   Admission  may this replica take it now, or should it wait in the global queue
//   Placement  which of the admissible replicas; most are a Scoring (least score wins) or draw by one
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/api/declare.hpp"
#include "policies/compose/scene.hpp"

namespace switchyard {

// A set of signals: a bit for each.
constexpr unsigned signal_bits(std::initializer_list<Signal> signals) {
  unsigned bits = 0;
  for (const Signal signal : signals) bits |= 1U << static_cast<unsigned>(signal);
  return bits;
}

class Part {
 public:
  virtual ~Part() = default;

  // The signals that it reads (signal_bits), beside those that what it uses of the scene does (PartUses); its
  // parameters decide.
  virtual unsigned reads() const { return 0; }

  // Before each replay: forgets everything. The scene outlives the replay. `seed` feeds a part's random stream.
  virtual void start(Scene& scene, std::uint64_t /*seed*/) { scene_ = &scene; }

  // Adds what it needs from the kernel, beyond arrivals and completions; its parameters decide.
  virtual void ask(Subscription&) const {}

  // Adds those parts of this one, itself included, that want to be told of assignments, completions, and what they
  // asked for.
  virtual void watch(std::vector<Part*>& /*watchers*/) {}
  virtual void assigned(const QueuedRequest&, std::int32_t /*replica*/) {}
  virtual void completed(const CompletedRequest&) {}
  // It was sent and is lost (Policy::on_loss): for what a router keeps of requests in flight, that is an end as well.
  virtual void lost(const CompletedRequest& request) { completed(request); }
  virtual void first_token(const FirstToken&) {}
  virtual void kv_event(std::int32_t /*replica*/, KvEvent, std::span<const BlockName>) {}

 protected:
  Scene* scene_ = nullptr;
};

class Order : public Part {
 public:
  // Smallest first, ties in arrival order. Asked once, as the request arrives.
  virtual double key(const QueuedRequest& request) = 0;
};

class Admission : public Part {
 public:
  virtual bool admits(const QueuedRequest& request, std::int32_t replica) = 0;
};

// Least value first, then least tie, then the lowest replica id.
struct Score {
  double value = 0.0;
  double tie = 0.0;
  friend bool operator<(const Score& a, const Score& b) {
    return a.value != b.value ? a.value < b.value : a.tie < b.tie;
  }
};

class Scoring : public Part {
 public:
  // Announces the candidates that are about to be scored, for scores that compare them.
  virtual void look(const QueuedRequest&, std::span<const std::int32_t> /*candidates*/) {}
  virtual Score score(const QueuedRequest& request, std::int32_t replica) = 0;

  // A score as timelines show it, in the unit that the scoring is explained in.
  virtual double shown(const Score& score) const { return score.value; }

  // The best of all replicas, where an index of the cluster knows it; otherwise -1.
  virtual std::int32_t best_by_index() const { return -1; }
};

class Placement : public Part {
 public:
  // One of the candidates: at least one, in order of id.
  virtual std::int32_t choose(const QueuedRequest& request, std::span<const std::int32_t> candidates) = 0;

  // One of all replicas; `all` lists them.
  virtual std::int32_t choose_any(const QueuedRequest& request, std::span<const std::int32_t> all) {
    return choose(request, all);
  }
  virtual void set_scoring(std::unique_ptr<Scoring>) {}

  // For timelines: the score of each candidate, the lowest the best; none if it does not go by the lowest.
  virtual void scores(const QueuedRequest&, std::span<const std::int32_t> /*candidates*/,
                      std::vector<double>& /*scores*/) const {}
};

// What a part needs beside its own parameters; decides which shared parameters matter.
enum PartUses : unsigned {
  kUsesNothing = 0,
  kUsesForecast = 1,
  kUsesAges = 2,
  kUsesLengths = 4,
  kUsesScoring = 8,
  kUsesSent = 16
};

// What is known of a part before it is made.
template <class Base>
struct PartInfo {
  std::string name;
  std::string doc;
  unsigned uses = kUsesNothing;
  std::vector<ParamSpec> params;  // names are unique among all parts
  std::function<std::unique_ptr<Base>(std::span<const double>)> make;
};

// Declares part T of kind Base and binds its parameters, as describe<P> does for a policy.
template <class Base, class T>
class PartDeclaration : public ParamBindings<T, PartDeclaration<Base, T>> {
 public:
  PartDeclaration(std::string name, std::string doc, unsigned uses) {
    info_.name = std::move(name);
    info_.doc = std::move(doc);
    info_.uses = uses;
  }
  operator PartInfo<Base>() {
    info_.params = std::move(this->params_);
    info_.make = [setters = std::move(this->setters_)](std::span<const double> values) -> std::unique_ptr<Base> {
      auto made = std::make_unique<T>();
      PartDeclaration::apply(setters, *made, values);
      return made;
    };
    return std::move(info_);
  }

 private:
  PartInfo<Base> info_;
};

template <class Base, class T>
PartDeclaration<Base, T> part(std::string name, std::string doc, unsigned uses = kUsesNothing) {
  return {std::move(name), std::move(doc), uses};
}

// All parts, in the order in which specs and help list them.
std::vector<PartInfo<Order>> order_parts();          // the first is `arrival`
std::vector<PartInfo<Admission>> admission_parts();  // the first is `always`
std::vector<PartInfo<Scoring>> scoring_parts();
std::vector<PartInfo<Placement>> placement_parts();  // those that are not just a scoring

}  // namespace switchyard
