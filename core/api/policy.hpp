// The policy: the global scheduler of the cluster. It is called at each arrival, after each batch in which a request
// completed, and after what else it subscribes to, and may assign any queued requests to replicas or hold them. This
// header and those it includes are all that a policy may use of core.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/api/batch_time.hpp"
#include "core/api/cluster_view.hpp"
#include "core/api/declare.hpp"
#include "core/api/params.hpp"
#include "core/api/signals.hpp"
#include "core/api/views.hpp"

namespace switchyard {

class Clairvoyant;

class Policy {
 public:
  virtual ~Policy() = default;

  // Called before each replay; a policy must forget everything here. `seed` feeds its random stream, if it has one.
  virtual void start(const ClusterView& cluster, std::uint64_t seed) = 0;

  // A request has joined the global queue (the policy call follows).
  virtual void on_arrival(const QueuedRequest&) {}

  // Where prefill and decode are apart: a request that was assigned to a prefill replica alone has its first token, and
  // has joined the global queue again (the policy call follows).
  virtual void on_prefilled(const QueuedRequest&) {}

  // A request has completed (the policy call follows).
  virtual void on_completion(const CompletedRequest&) {}

  // A request that was sent has been lost, as its replica failed: what there was of it, with the time at which the
  // router learned that in place of a completion. If it is tried again, on_arrival follows: it is in the queue.
  virtual void on_loss(const CompletedRequest&) {}
  // The replica takes requests from now on, or no more (ClusterView::accepts). One that comes back has forgotten all
  // that it had cached. A policy call follows, if requests are queued.
  virtual void on_fleet(const ClusterView&, std::int32_t /*replica*/) {}

  // What else it wants to be told: its parameters decide. Asked before each replay.
  virtual Subscription subscription() const { return {}; }

  // Each of these only if it was asked for; a policy call follows, if requests are queued.
  virtual void on_first_token(const FirstToken&) {}
  // A newer snapshot of the replica can be read from now on. Never called where signals are live.
  virtual void on_poll(const ClusterView&, std::int32_t /*replica*/) {}
  virtual void on_timer(const ClusterView&) {}
  // Blocks of the replica's size that have names (see prompt_blocks; those of outputs have, too, once they are
  // computed), in no order that means anything.
  virtual void on_kv_event(std::int32_t /*replica*/, KvEvent, std::span<const BlockName>) {}

  // Decide. Called only while the queue holds requests. cluster.assign() takes effect at once: views show it.
  virtual void schedule(ClusterView& cluster) = 0;

  // For timelines: what schedule() weighed when it placed `request`, one number a replica, the lowest of them the best
  // (NaN: not eligible). Asked only in replays that are watched, within schedule(), just before the placement takes
  // effect; so it costs nothing otherwise. Leave `scores` empty if the decision is not a matter of scores.
  virtual void scores(const ClusterView& /*cluster*/, const QueuedRequest& /*request*/,
                      std::vector<double>& /*scores*/) const {}
};

// Where a policy comes from; lists of policies go by it.
enum class PolicyGroup : std::uint8_t {
  baseline,    // textbook routers, and published ones to beat
  own,         // this project's, and users' own
  production,  // what serving systems run
  builder,     // made of parts that the user or a search chooses
  reference    // clairvoyant: never deployable
};

// A parameter that is text, not a point of a search space.
struct TextParam {
  std::string name;
  std::string value;
  std::string doc;
};

// What is known of a policy before it is made: everything that help, docs and search need.
struct PolicyInfo {
  std::string name;
  std::string summary;  // one or two sentences
  std::string source;   // paper or system that it comes from, or ""
  PolicyGroup group = PolicyGroup::own;
  std::vector<ParamSpec> params;
  bool clairvoyant = false;  // knows output lengths: a reference, never deployable
  bool knows_roles = false;  // decides about prefill and decode where they are apart; others are refused there
  std::function<std::unique_ptr<Policy>(const ParamValues&)> make;
  // How often a router that runs this policy asks replicas for their state, in ticks; 0: nothing that it reads is
  // polled. Scenarios may say `router` for an interval: each policy's own.
  Time signal_interval = 0;
  std::vector<Signal> signals;      // that it reads
  ParamValues composition;          // of a setting of compose: compose's values at its defaults; {}: not one
  std::vector<ParamValues> starts;  // settings that a search may begin with, besides the default one
  // Of a policy with texts: the same policy with its `texts` set anew; its params may depend on them. Throws InputError
  // that starts with `where`.
  std::vector<TextParam> texts;
  std::function<PolicyInfo(PolicyInfo, std::string_view where)> with_texts;

  // Canonical: name(a=1,b=x), texts first and in double quotes.
  std::string spec(const ParamValues& values) const {
    std::string text = format_spec(name, params, values);
    if (texts.empty()) return text;
    std::string quoted;
    for (const TextParam& param : texts) quoted += (quoted.empty() ? "" : ",") + param.name + "=\"" + param.value + '"';
    const std::string rest = text.size() > name.size() ? ',' + text.substr(name.size() + 1) : ")";
    return name + '(' + quoted + rest;
  }
};

// Declares a policy type P and binds each parameter to a data member of P:
//
//   static PolicyInfo info() {
//     return describe<Hra>("hra", "Head-Room Admission: ...", "arXiv 2510.27176")
//         .real(&Hra::decode_ratio_, "decode_ratio", 0.6, 0.0, 4.0, ParamScale::linear, "expected output / prompt")
//         .done();
//   }
template <class P>
class PolicyDeclaration : public ParamBindings<P, PolicyDeclaration<P>> {
 public:
  PolicyDeclaration(std::string name, std::string summary, std::string source) {
    info_.name = std::move(name);
    info_.summary = std::move(summary);
    info_.source = std::move(source);
  }

  // The signals that it reads.
  PolicyDeclaration& reads(std::vector<Signal> signals) {
    info_.signals = std::move(signals);
    return *this;
  }
  // It decides about prefill and decode where they are apart.
  PolicyDeclaration& knows_roles() {
    info_.knows_roles = true;
    return *this;
  }
  PolicyDeclaration& signal_interval(double seconds) {
    info_.signal_interval = ticks_from_seconds(seconds);
    return *this;
  }

  PolicyInfo done() {
    if (std::is_base_of_v<Clairvoyant, P>) {  // what is shown output lengths is marked, whatever its author says
      info_.clairvoyant = true;
      info_.group = PolicyGroup::reference;
    }
    info_.params = std::move(this->params_);
    info_.make = [setters = std::move(this->setters_)](const ParamValues& values) -> std::unique_ptr<Policy> {
      auto policy = std::make_unique<P>();
      PolicyDeclaration::apply(setters, *policy, values);
      return policy;
    };
    return std::move(info_);
  }

 private:
  PolicyInfo info_;
};

template <class P>
PolicyDeclaration<P> describe(std::string name, std::string summary, std::string source = "") {
  return {std::move(name), std::move(summary), std::move(source)};
}

}  // namespace switchyard
