// A queued prompt in blocks, as a router's own record of prompts takes it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/api/cluster_view.hpp"

namespace switchyard {

// Systems that cut prompts into characters or bytes count about four of them to a token; workloads here count tokens.
// So their blocks are blocks of tokens here.
class PromptBlocks {
 public:
  // Blocks of so many tokens, of at most the first `max_tokens` of the prompt.
  void read(const ClusterView& view, const QueuedRequest& request, std::int32_t block_size,
            std::int32_t max_tokens = INT32_MAX) {
    const std::int32_t tokens = std::min(request.num_prefill_tokens, max_tokens);
    full_ = tokens / block_size;
    partial_ = tokens % block_size > 0;
    const std::span<const BlockName> all = view.prompt_blocks(request.id, block_size);
    const auto named = all.first(std::min(all.size(), static_cast<std::size_t>(full_)));
    named_.assign(named.begin(), named.end());
  }

  // Those that another prompt may have, too. They stay until the next read.
  std::span<const BlockName> named() const { return named_; }
  // All, and those that no other prompt has; the last one may be a partial block.
  std::int64_t full() const { return full_; }
  std::int64_t with_partial() const { return full_ + partial_; }
  std::int64_t unnamed_full() const { return full_ - static_cast<std::int64_t>(named_.size()); }
  std::int64_t unnamed_with_partial() const { return with_partial() - static_cast<std::int64_t>(named_.size()); }

 private:
  std::vector<BlockName> named_;
  std::int64_t full_ = 0;
  bool partial_ = false;
};

}  // namespace switchyard
