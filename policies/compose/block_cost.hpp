// The cost of Dynamo's KV router, in blocks: prompts to be computed and blocks of prompts in flight, by the router's
// own books.
#pragma once

#include <algorithm>
#include <vector>

#include "policies/compose/part.hpp"
#include "policies/prefix/held_tokens.hpp"
#include "policies/production/active_blocks.hpp"
#include "policies/production/prompt_blocks.hpp"

namespace switchyard {

class BlockCost final : public Scoring {
 public:
  unsigned reads() const override { return signal_bits({Signal::outstanding, Signal::first_tokens, Signal::cache}); }
  void ask(Subscription& asked) const override { asked.first_tokens = true; }
  void start(Scene& scene, std::uint64_t seed) override {
    Part::start(scene, seed);
    const std::int32_t n = scene.cluster().num_replicas();
    held_.reset(n);
    active_.start(n);
    prefills_.assign(static_cast<std::size_t>(n), 0);
    sent_.clear();
  }
  void watch(std::vector<Part*>& watchers) override { watchers.push_back(this); }

  void assigned(const QueuedRequest& request, std::int32_t replica) override {
    const std::int64_t uncached = std::max(0, request.num_prefill_tokens - held_.of(replica));
    prefills_[static_cast<std::size_t>(replica)] += uncached;
    if (static_cast<std::size_t>(request.id) >= sent_.size()) sent_.resize(std::size_t(request.id) + 1);
    sent_[static_cast<std::size_t>(request.id)] = uncached;
    active_.add(request.id, replica, prompt_.named(), prompt_.unnamed_with_partial());
  }
  void first_token(const FirstToken& token) override { begun(token.id, token.replica); }
  void completed(const CompletedRequest& request) override {
    begun(request.id, request.replica);
    active_.remove(request.id);
  }

  void look(const QueuedRequest& request, std::span<const std::int32_t> candidates) override {
    held_.read(scene_->cluster(), request.id);
    block_size_ = scene_->cluster().limits(candidates.front()).block_size;
    prompt_.read(scene_->cluster(), request, block_size_);
    active_.match(prompt_.named());
  }
  Score score(const QueuedRequest& request, std::int32_t replica) override {
    const double size = block_size_;
    const auto prefill = static_cast<double>(prefills_[std::size_t(replica)] + request.num_prefill_tokens) / size;
    const double uncached = std::max(prefill - credit_ * held_.of(replica) / size, 0.0);
    const auto blocks = static_cast<double>(active_.blocks(replica) + prompt_.with_partial() - active_.shared(replica));
    return {prefill_ * uncached + blocks + requests_ * scene_->cluster().outstanding(replica), 0};
  }

  double prefill_ = 1.0;
  double credit_ = 1.0;
  double requests_ = 0.0;

 private:
  void begun(RequestId id, std::int32_t replica) {
    if (static_cast<std::size_t>(id) >= sent_.size()) return;
    prefills_[static_cast<std::size_t>(replica)] -= sent_[static_cast<std::size_t>(id)];
    sent_[static_cast<std::size_t>(id)] = 0;
  }

  HeldTokens held_;
  ActiveBlocks active_;
  PromptBlocks prompt_;  // of the request that is being placed
  std::int32_t block_size_ = 16;
  std::vector<std::int64_t> prefills_;  // by replica: uncached tokens sent there whose answers have not begun
  std::vector<std::int64_t> sent_;      // by request: its own among them
};

}  // namespace switchyard
