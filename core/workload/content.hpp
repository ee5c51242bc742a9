// What the tokens of requests are, as far as that is known: which blocks of tokens they have in common. Outputs are
// part of it, so it is the cluster's to know: no header of core/api includes this one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace switchyard {

// Consecutive names: first, first + 1, ..., `count` of them.
struct NameRun {
  std::uint64_t first = 0;
  std::uint32_t count = 0;

  bool operator==(const NameRun&) const = default;
};

// The tokens of a request are its prompt followed by its output. The first num_hashed_tokens of them are known, in
// blocks of hash_id_tokens; all after these occur in no other request. A block has a name that stands for its tokens
// and all tokens before it: two requests have the same name at some place exactly if they begin with the same tokens up
// to the end of that block. So to compare two requests, compare names one by one from the first; no chain of hashes is
// needed.
//
// Names are kept as runs: a prompt that continues another one takes a few runs, not a number for each block.
class Content {
 public:
  Content() = default;
  explicit Content(std::int32_t hash_id_tokens) : hash_id_tokens_(hash_id_tokens) {}

  bool empty() const { return runs_.empty(); }  // nothing is known of any request
  std::int32_t hash_id_tokens() const { return hash_id_tokens_; }

  // 0: nothing is known of this request, its tokens are its own.
  std::int32_t num_hashed_tokens(std::size_t request) const {
    return request < num_hashed_tokens_.size() ? num_hashed_tokens_[request] : 0;
  }

  // An engine's blocks hold `block_size` tokens. Block j of a request has a name if all its tokens are known, that is
  // for j below this.
  std::int32_t num_named_blocks(std::size_t request, std::int32_t block_size) const {
    return num_hashed_tokens(request) / block_size;
  }

  // All names of an engine's blocks are below this.
  std::uint64_t num_block_names(std::int32_t block_size) const { return num_names_ * parts(block_size); }

  // Calls visit(NameRun) for the names of the request's blocks 0, 1, ..., in order; no run is empty.
  template <class Visit>
  void visit_block_names(std::size_t request, std::int32_t block_size, Visit visit) const;

  // The same, one by one, appended.
  void append_block_names(std::size_t request, std::int32_t block_size, std::vector<std::uint64_t>& names) const;

  // The runs of the names of blocks of hash_id_tokens, the last one perhaps known in part.
  struct StoredRun {
    std::uint32_t first = 0;
    std::uint32_t count = 0;

    bool operator==(const StoredRun&) const = default;
  };
  std::span<const StoredRun> runs(std::size_t request) const {
    if (request >= num_hashed_tokens_.size()) return {};
    return std::span(runs_).subspan(begins_[request], begins_[request + 1] - begins_[request]);
  }

  // The next request: the names of its ceil(num_hashed_tokens / hash_id_tokens) blocks. Throws std::invalid_argument if
  // the runs hold fewer; what they hold more is left out.
  void add(std::span<const StoredRun> runs, std::int32_t num_hashed_tokens);
  void reserve(std::size_t num_requests);

 private:
  // A block of hash_id_tokens holds at most so many ends of an engine's blocks: each gets a name of its own.
  std::uint64_t parts(std::int32_t block_size) const {
    return static_cast<std::uint64_t>((hash_id_tokens_ + block_size - 1) / block_size);
  }

  std::int32_t hash_id_tokens_ = 1;
  std::uint64_t num_names_ = 0;
  std::vector<std::int32_t> num_hashed_tokens_;  // by request
  std::vector<std::size_t> begins_ = {0};        // by request, and one more: its runs are [begins_[i], begins_[i + 1])
  std::vector<StoredRun> runs_;
};

template <class Visit>
void Content::visit_block_names(std::size_t request, std::int32_t block_size, Visit visit) const {
  std::uint32_t left = static_cast<std::uint32_t>(num_named_blocks(request, block_size));
  const std::uint64_t of_each = parts(block_size);
  if (hash_id_tokens_ % block_size == 0) {  // each name stands for as many blocks of the engine: runs stay runs
    for (const StoredRun& run : runs(request)) {
      if (left == 0) return;
      const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, run.count * of_each));
      visit(NameRun{run.first * of_each, count});
      left -= count;
    }
    return;
  }
  // In general a block of the engine is named after its last token: the name of that token's block, and which one of
  // the engine's blocks that end in there it is.
  std::int64_t run_begin = 0;  // the token at which the run begins
  std::int64_t last_token = block_size - 1;
  for (const StoredRun& run : runs(request)) {
    const std::int64_t run_end = run_begin + std::int64_t{run.count} * hash_id_tokens_;
    for (; left > 0 && last_token < run_end; --left, last_token += block_size) {
      const auto in_run = static_cast<std::uint64_t>(last_token - run_begin);
      const auto tokens = static_cast<std::uint64_t>(hash_id_tokens_);
      const std::uint64_t name = run.first + in_run / tokens;
      visit(NameRun{name * of_each + in_run % tokens / static_cast<std::uint64_t>(block_size), 1});
    }
    run_begin = run_end;
  }
}

}  // namespace switchyard
