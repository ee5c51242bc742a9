// A cluster that is only a table: tests write what each replica has published, let requests arrive and complete, and
// see where a policy sends them.
#pragma once

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/api/policy.hpp"
#include "core/cluster/block_naming.hpp"
#include "core/cost/cost_model.hpp"
#include "policies/registry.hpp"

namespace switchyard {

class HandCluster final : public detail::Observatory {
 public:
  static constexpr std::int32_t kLetterTokens = 16;
  static constexpr std::size_t kMostRequests = 8192;

  explicit HandCluster(std::int32_t num_replicas, const std::string& spec = "", std::uint64_t seed = 1)
      : states(static_cast<std::size_t>(num_replicas)),
        cached(static_cast<std::size_t>(num_replicas), 0),
        requests_(kMostRequests),
        lifecycle_(kMostRequests, detail::Lifecycle::future),
        prompts_(kMostRequests),
        chosen_(kMostRequests, -1),
        decode_(kMostRequests, -1) {
    const auto n = static_cast<std::size_t>(num_replicas);
    board_.books.requests = requests_;
    board_.books.lifecycle = lifecycle_;
    board_.books.next.assign(kMostRequests + 1, -1);
    board_.books.previous.assign(kMostRequests + 1, -1);
    board_.books.outstanding.assign(n, 0);
    board_.books.least_outstanding.reset(n);
    board_.published.num_waiting.assign(n, 0);
    board_.published.least_waiting.reset(n);
    for (ReplicaState& state : states) state.num_blocks = limits.num_blocks;
    if (!spec.empty()) use(spec, seed);
  }

  // What is published. Sending a request changes nothing here unless `live`: then it waits there, and completing one
  // takes it from those that wait.
  std::vector<ReplicaState> states;
  std::vector<std::int32_t> cached;                        // leading tokens of any prompt, by replica
  std::vector<std::vector<std::int32_t>> waiting_prompts;  // by replica, as far as it goes: what waits there, tokens
  bool live = false;
  ReplicaLimits limits{.num_blocks = 1000};
  const CostModel* cost = nullptr;

  void use(const std::string& spec, std::uint64_t seed = 1) {
    policy_ = parse_policy(spec, "").make();
    policy_->start(view_, seed);
  }

  // Prefill and decode apart: a role for each replica.
  void set_roles(const std::vector<Role>& roles) {
    limits_of_.assign(roles.size(), limits);
    for (std::size_t r = 0; r < roles.size(); ++r) limits_of_[r].role = roles[r];
    board_.is_split = std::count(roles.begin(), roles.end(), Role::prefill) > 0;
  }
  // Where the last request decodes: -1 if that is not settled, or it is computed as a whole.
  std::int32_t decode_of(RequestId id) const { return decode_[static_cast<std::size_t>(id)]; }
  std::int32_t last_decode() const { return decode_of(last_id()); }
  // Its prompt has been computed. If it was sent to a prefill replica alone it is queued again.
  void prefilled(RequestId id) {
    const auto i = static_cast<std::size_t>(id);
    first_token(id);
    --board_.books.outstanding[static_cast<std::size_t>(chosen_[i])];
    if (decode_[i] >= 0) return;
    requests_[i].prefilled_on = chosen_[i];
    enqueue(id);
    policy_->on_prefilled(requests_[i]);
    call();
    decode_[i] = chosen_[i];
  }

  // It is this one of so many routers.
  void set_router(std::int32_t router, std::int32_t count) {
    board_.router = router;
    board_.num_routers = count;
  }
  void at(double seconds) { board_.now = static_cast<Time>(seconds * double(kTicksPerSecond)); }
  void set_outstanding(std::vector<std::int32_t> counts) { board_.books.outstanding = std::move(counts); }
  std::int32_t outstanding(std::int32_t replica) const { return board_.books.outstanding[std::size_t(replica)]; }

  // A prompt of which each letter stands for 16 tokens of content, followed by `own` tokens that occur nowhere else.
  // Returns the replica that it is sent to, -1 if it is held.
  std::int32_t arrive(const std::string& letters, std::int32_t own = 0, std::int32_t session = -1) {
    const auto id = static_cast<RequestId>(num_requests_++);
    const auto i = static_cast<std::size_t>(id);
    requests_[i] = {.arrived_at = board_.now,
                    .id = id,
                    .num_prefill_tokens = static_cast<std::int32_t>(letters.size()) * kLetterTokens + own,
                    .session = session};
    prompts_[i] = letters;
    enqueue(id);
    policy_->on_arrival(requests_[i]);
    call();
    return chosen_[i];
  }
  std::int32_t arrive(std::int32_t tokens) { return arrive("", tokens); }

  RequestId last_id() const { return static_cast<RequestId>(num_requests_) - 1; }
  std::int32_t replica_of(RequestId id) const { return chosen_[static_cast<std::size_t>(id)]; }

  // Times are in seconds from the arrival.
  void complete(RequestId id, std::int32_t outputs = 1, double scheduled_s = 0, double first_token_s = 0) {
    const auto i = static_cast<std::size_t>(id);
    const std::int32_t replica = chosen_[i];
    lifecycle_[i] = detail::Lifecycle::done;
    --board_.books.outstanding[static_cast<std::size_t>(replica)];
    if (live) --states[static_cast<std::size_t>(replica)].num_waiting;
    const auto after = [&](double s) { return requests_[i].arrived_at + Time(s * double(kTicksPerSecond)); };
    policy_->on_completion({.id = id,
                            .replica = replica,
                            .arrived_at = requests_[i].arrived_at,
                            .scheduled_at = after(scheduled_s),
                            .first_token_at = after(first_token_s),
                            .completed_at = board_.now,
                            .num_prefill_tokens = requests_[i].num_prefill_tokens,
                            .num_decode_tokens = outputs});
    call();
  }

  // What a replica's cache tells of these blocks of a prompt: from which letter on, of 16 tokens each.
  void tell(std::int32_t replica, KvEvent event, const std::string& letters, std::size_t from = 0) {
    std::vector<BlockName> blocks;
    append_names(letters, kLetterTokens, blocks);
    policy_->on_kv_event(replica, event, std::span<const BlockName>(blocks).subspan(from));
  }
  void first_token(RequestId id) { policy_->on_first_token({.id = id, .replica = replica_of(id), .at = board_.now}); }

  ReplicaState state_of(std::int32_t replica) override { return states[static_cast<std::size_t>(replica)]; }
  void waiting_of(std::int32_t replica, std::vector<ResidentRequest>& out) override {
    const auto r = static_cast<std::size_t>(replica);
    if (r >= waiting_prompts.size()) return;
    for (const std::int32_t tokens : waiting_prompts[r]) {
      out.push_back({.num_prefill_tokens = tokens, .original_prefill_tokens = tokens});
    }
  }
  void running_of(std::int32_t, std::vector<ResidentRequest>&) override {}
  std::int32_t cached_tokens_of(RequestId, std::int32_t replica) override {
    return cached[static_cast<std::size_t>(replica)];
  }
  void prefix_holders_of(RequestId, std::vector<PrefixHolder>& out) override {
    for (std::size_t r = 0; r < cached.size(); ++r) {
      if (cached[r] > 0) out.push_back({static_cast<std::int32_t>(r), cached[r]});
    }
  }
  void prompt_blocks_of(RequestId request, std::int32_t block_size, std::vector<BlockName>& out) override {
    append_names(prompts_[static_cast<std::size_t>(request)], block_size, out);
  }
  const ReplicaLimits& limits_of(std::int32_t replica) const override {
    return limits_of_.empty() ? limits : limits_of_[static_cast<std::size_t>(replica)];
  }
  void assign_apart(RequestId request, std::int32_t prefill, std::int32_t decode) override {
    assign(request, prefill);
    decode_[static_cast<std::size_t>(request)] = decode;
    ++board_.books.outstanding[static_cast<std::size_t>(decode)];
  }
  const CostModel& cost_of(std::int32_t) const override {
    if (cost == nullptr) throw std::logic_error("nothing is timed here");
    return *cost;
  }
  void assign(RequestId request, std::int32_t replica) override {
    const auto i = static_cast<std::size_t>(request);
    chosen_[i] = replica;
    lifecycle_[i] = detail::Lifecycle::sent;
    std::vector<RequestId>& next = board_.books.next;
    std::vector<RequestId>& previous = board_.books.previous;
    next[static_cast<std::size_t>(previous[i + 1] + 1)] = next[i + 1];
    previous[static_cast<std::size_t>(next[i + 1] + 1)] = previous[i + 1];
    --board_.books.queue_length;
    ++board_.books.outstanding[static_cast<std::size_t>(replica)];
    if (live) ++states[static_cast<std::size_t>(replica)].num_waiting;
  }

 private:
  void enqueue(RequestId id) {
    const auto i = static_cast<std::size_t>(id);
    lifecycle_[i] = detail::Lifecycle::queued;
    std::vector<RequestId>& next = board_.books.next;
    std::vector<RequestId>& previous = board_.books.previous;
    const RequestId last = previous[0];
    next[static_cast<std::size_t>(last + 1)] = id;
    previous[i + 1] = last;
    next[i + 1] = -1;
    previous[0] = id;
    ++board_.books.queue_length;
  }

  void call() {
    for (std::size_t r = 0; r < states.size(); ++r) board_.published.num_waiting[r] = states[r].num_waiting;
    if (board_.books.queue_length == 0) return;
    policy_->schedule(view_);
  }

  void append_names(const std::string& letters, std::int32_t block_size, std::vector<BlockName>& out) {
    const auto known = static_cast<std::int32_t>(letters.size()) * kLetterTokens;
    for (std::int32_t end = block_size; end <= known; end += block_size) {
      const auto begun = static_cast<std::size_t>((end + kLetterTokens - 1) / kLetterTokens);
      const std::string content = letters.substr(0, begun) + std::to_string(end);
      out.push_back(naming_.name(block_size, numbers_.try_emplace(content, numbers_.size()).first->second));
    }
  }

  std::vector<QueuedRequest> requests_;
  std::vector<detail::Lifecycle> lifecycle_;
  std::vector<std::string> prompts_;
  std::vector<std::int32_t> chosen_;
  std::vector<std::int32_t> decode_;
  std::vector<ReplicaLimits> limits_of_;  // by replica, where they have roles
  std::size_t num_requests_ = 0;
  detail::Board board_;
  ClusterView view_{board_, *this};
  detail::BlockNaming naming_;
  std::map<std::string, std::uint64_t> numbers_;
  std::unique_ptr<Policy> policy_;
};

}  // namespace switchyard
