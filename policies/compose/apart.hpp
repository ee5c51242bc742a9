// Routers of clusters on which prefill and decode are apart, made of two that know nothing of it: one places prompts
// among the replicas that prefill, the other what follows among those that decode. Where there are no roles, the second
// one places whole requests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "policies/compose/composed.hpp"

namespace switchyard {

class Apart final : public Policy, private Composed::Placer {
 public:
  // When it is settled where a request decodes: as its prompt is placed, or when that has been computed.
  enum class Settled { at_once, when_prefilled };

  Apart(std::unique_ptr<Composed> prefill, std::unique_ptr<Composed> decode)
      : prefill_(std::move(prefill)), decode_(std::move(decode)) {
    prefill_->pool = Composed::Pool::prefill;
    prefill_->placer = this;
    decode_->pool = Composed::Pool::decode;
  }
  Apart(const Apart&) = delete;
  Apart& operator=(const Apart&) = delete;

  Settled settled = Settled::when_prefilled;
  // A request of which the replica that it would decode on has all but so many prompt tokens is computed there as a
  // whole; 0: none is.
  std::int32_t split_above = 0;

  Subscription subscription() const override;
  void start(const ClusterView& cluster, std::uint64_t seed) override;
  void on_arrival(const QueuedRequest& request) override;
  void on_first_token(const FirstToken& token) override;
  void on_completion(const CompletedRequest& request) override;
  void on_loss(const CompletedRequest& request) override;
  void on_kv_event(std::int32_t replica, KvEvent event, std::span<const BlockName> blocks) override;
  void schedule(ClusterView& cluster) override;

 private:
  struct Sent {
    std::int32_t prompt = 0;
    Time arrived_at = 0;
    std::int32_t prefill_replica = -1;
    std::int32_t decode_replica = -1;  // -1: not settled
    bool is_prefilled = false;
  };

  bool place(ClusterView& cluster, RequestId id) override;
  bool place_decode(ClusterView& cluster, const QueuedRequest& request);
  bool is_prefill(std::int32_t replica) const { return view_->role(replica) == Role::prefill; }
  Sent& sent(RequestId id) { return sent_[static_cast<std::size_t>(id)]; }

  std::unique_ptr<Composed> prefill_, decode_;
  const ClusterView* view_ = nullptr;
  std::vector<Sent> sent_;  // by request
};

// How the parameters of the two halves are called together: the name in the whole of a name in the half, "" where it
// stays at its default and is no parameter of the whole.
using ParamNaming = std::function<std::string(const std::string&)>;
ParamNaming with_prefix(std::string prefix);

struct ApartDefaults {
  Apart::Settled settled = Apart::Settled::when_prefilled;
  std::int32_t split_above = 0;
};

// A router made of two that are Composed; its parameters are theirs, and `split_above` and `settled`.
PolicyInfo apart(std::string name, std::string summary, std::string source, const PolicyInfo& prefill,
                 const ParamNaming& prefill_names, const PolicyInfo& decode, const ParamNaming& decode_names,
                 ApartDefaults defaults);

}  // namespace switchyard
