// A fleet that does only what a test tells it, in front of a policy: for sequences of decisions worked by hand.
#pragma once

#include <string_view>
#include <vector>

#include "core/api/policy.hpp"
#include "core/cluster/block_naming.hpp"
#include "tests/support/small_cluster.hpp"

namespace switchyard {

class StandingFleet final : public detail::Observatory {
 public:
  // Prompts are written in letters of `letter_tokens` tokens each; what comes after a '.' no other prompt has.
  StandingFleet(Policy& policy, std::int32_t num_replicas, std::int32_t letter_tokens = 16, std::uint64_t seed = 1)
      : view_(board_, *this), policy_(&policy), letter_tokens_(letter_tokens) {
    const auto n = static_cast<std::size_t>(num_replicas);
    requests_.reserve(kMost);
    lifecycle_.reserve(kMost);
    board_.books.next = board_.books.previous = std::vector<RequestId>(kMost + 1, -1);
    board_.books.outstanding.assign(n, 0);
    board_.published.num_waiting.assign(n, 0);
    board_.published.least_waiting.reset(n);
    board_.books.least_outstanding.reset(n);
    states.resize(n);
    for (ReplicaState& state : states) state.num_blocks = limits.num_blocks;
    cached.assign(n, 0);
    policy_->start(view_, seed);
  }

  // What replicas publish of themselves: a test sets it. `cached`: leading tokens of the next prompt that each holds.
  std::vector<ReplicaState> states;
  std::vector<std::int32_t> cached;
  ReplicaLimits limits{.engine = EngineKind::vllm_v1, .num_blocks = 1000};

  const ClusterView& view() const { return view_; }

  void at(double seconds) { board_.now = ticks_from_seconds(seconds); }

  // From now on replicas publish what they are at this moment: states do not follow the clock. Live otherwise.
  void publish() {
    for (ReplicaState& state : states) state.taken_at = board_.now;
    live_ = false;
  }

  // A request arrives. The replica that it is sent to at once; -1 if it is held. `tokens` more than the letters are its
  // own.
  std::int32_t send(std::string_view prompt, std::int32_t more_tokens = 0, std::int32_t session = -1) {
    const auto id = static_cast<RequestId>(requests_.size());
    requests_.push_back({.arrived_at = board_.now,
                         .id = id,
                         .num_prefill_tokens = static_cast<std::int32_t>(prompt.size()) * letter_tokens_ + more_tokens,
                         .session = session});
    prompts_.emplace_back(prompt);
    replicas_.push_back(-1);
    lifecycle_.push_back(detail::Lifecycle::queued);
    board_.books.requests = requests_;
    board_.books.lifecycle = lifecycle_;
    const RequestId last = board_.books.previous[0];
    board_.books.next[at_(last)] = id;
    board_.books.previous[at_(id)] = last;
    board_.books.next[at_(id)] = -1;
    board_.books.previous[0] = id;
    ++board_.books.queue_length;
    policy_->on_arrival(requests_.back());
    policy_->schedule(view_);
    return replicas_.back();
  }
  std::int32_t replica(RequestId id) const { return replicas_[static_cast<std::size_t>(id)]; }
  RequestId last() const { return static_cast<RequestId>(requests_.size()) - 1; }

  // A request that was sent comes back.
  void finish(RequestId id, std::int32_t outputs = 10) {
    const auto i = static_cast<std::size_t>(id);
    lifecycle_[i] = detail::Lifecycle::done;
    --board_.books.outstanding[static_cast<std::size_t>(replicas_[i])];
    policy_->on_completion({.id = id,
                            .replica = replicas_[i],
                            .arrived_at = requests_[i].arrived_at,
                            .completed_at = board_.now,
                            .num_prefill_tokens = requests_[i].num_prefill_tokens,
                            .num_decode_tokens = outputs});
    if (board_.books.queue_length > 0) policy_->schedule(view_);
  }
  // The router's count, whatever it has sent itself: what a test needs to begin in the middle.
  void set_in_flight(std::int32_t replica, std::int32_t count) {
    board_.books.outstanding[static_cast<std::size_t>(replica)] = count;
  }
  std::int32_t in_flight(std::int32_t replica) const {
    return board_.books.outstanding[static_cast<std::size_t>(replica)];
  }

  // Its answer begins.
  void first_token(RequestId id) {
    policy_->on_first_token({.id = id, .replica = replica(id), .at = board_.now});
    if (board_.books.queue_length > 0) policy_->schedule(view_);
  }

  ReplicaState state_of(std::int32_t replica) override {
    ReplicaState state = states[static_cast<std::size_t>(replica)];
    if (live_) state.taken_at = board_.now;
    return state;
  }
  void prefix_holders_of(RequestId, std::vector<PrefixHolder>& out) override {
    for (std::size_t r = 0; r < cached.size(); ++r) {
      if (cached[r] > 0) out.push_back({static_cast<std::int32_t>(r), cached[r]});
    }
  }
  void waiting_of(std::int32_t, std::vector<ResidentRequest>&) override {}
  void running_of(std::int32_t, std::vector<ResidentRequest>&) override {}
  std::int32_t cached_tokens_of(RequestId, std::int32_t replica) override {
    return cached[static_cast<std::size_t>(replica)];
  }
  void prompt_blocks_of(RequestId id, std::int32_t block_size, std::vector<BlockName>& out) override {
    const std::string& prompt = prompts_[static_cast<std::size_t>(id)];
    const auto letters = static_cast<std::int32_t>(std::min(prompt.find('.'), prompt.size()));
    std::uint64_t path = 0;
    std::int32_t read = 0;
    for (std::int32_t end = block_size; end <= letters * letter_tokens_; end += block_size) {
      for (; read * letter_tokens_ < end; ++read)
        path = 31 * path + static_cast<unsigned char>(prompt[std::size_t(read)]);
      out.push_back(naming_.name(block_size, path * 4096 + static_cast<std::uint64_t>(end % letter_tokens_)));
    }
  }
  const ReplicaLimits& limits_of(std::int32_t) const override { return limits; }
  const CostModel& cost_of(std::int32_t) const override { return cluster_.cost; }
  void assign(RequestId id, std::int32_t replica) override {
    const auto i = static_cast<std::size_t>(id);
    replicas_[i] = replica;
    lifecycle_[i] = detail::Lifecycle::sent;
    board_.books.next[at_(board_.books.previous[at_(id)])] = board_.books.next[at_(id)];
    board_.books.previous[at_(board_.books.next[at_(id)])] = board_.books.previous[at_(id)];
    --board_.books.queue_length;
    ++board_.books.outstanding[static_cast<std::size_t>(replica)];
  }

 private:
  static constexpr std::size_t kMost = 1000;
  static std::size_t at_(RequestId id) { return static_cast<std::size_t>(id + 1); }

  detail::Board board_;
  ClusterView view_;
  Policy* policy_;
  bool live_ = true;
  std::int32_t letter_tokens_;
  SmallCluster cluster_;
  detail::BlockNaming naming_;
  std::vector<QueuedRequest> requests_;
  std::vector<detail::Lifecycle> lifecycle_;
  std::vector<std::string> prompts_;
  std::vector<std::int32_t> replicas_;
};

}  // namespace switchyard
