// The KV blocks of one replica, as vLLM's block pool has them, kept as runs of blocks instead of one by one.
//
// It computes what BlockPool does (the free list in order of last use, the index of what blocks hold, reference
// counts) at a cost that grows with the requests that come and go and not with their blocks. Three facts allow it:
// - A block that only one request of the workload has can be found by no other. It needs no name: a finished request
//   leaves such blocks behind as a number.
// - Blocks are released from the last one of a request to its first, so they lie in the free list in that order, and
// are
//   taken from it in that order. A run of consecutive blocks of one segment is one entry.
// - So of each prompt the later blocks are forgotten before the earlier ones: what the cache holds of a path through
// the
//   PrefixTree is always a leading part of it, and one number for each segment says how much.
#pragma once

#include <cstdint>
#include <vector>

#include "core/cluster/kv/delayed_cache.hpp"
#include "core/cluster/kv/holder_index.hpp"
#include "core/cluster/kv/line_table.hpp"
#include "core/workload/prefix_tree.hpp"

namespace switchyard {

class RunPool {
 public:
  using Request = std::int32_t;  // its id

  // What the pool keeps of a request that holds blocks. A block is *linked* if it is known to be the one that holds
  // that part of a segment (or was found again after a preemption). The first num_linked blocks of a request are.
  struct Holder {
    std::int32_t num_linked = 0;
    std::int32_t last = -1;  // of its holds
  };

  // `num_blocks` blocks, all free, none with content. `tree` outlives the use of the pool; nullptr if nothing is ever
  // to be found again. Once `holders` is built, the pool keeps it current for `replica`; nullptr: there is none.
  // `known` is told of what can be found of the tree's segments, unless it is nullptr. `rows` of the
  // tree, by request, outlive it too; nullptr: a request is its own row.
  void reset(std::int32_t num_blocks, const PrefixTree* tree, HolderIndex* holders = nullptr, std::int32_t replica = 0,
             DelayedLines* known = nullptr, const std::int32_t* rows = nullptr);

  std::int32_t num_usable() const { return num_usable_; }
  std::int32_t num_free() const { return num_free_; }
  std::int32_t num_used() const { return num_usable_ - num_free_; }
  std::int32_t num_free_cached() const { return num_free_cached_; }  // free, but with content
  std::int64_t num_evicted() const { return num_evicted_; }          // blocks that lost their content since the reset

  // How many leading blocks of a request the cache holds. O(segments).
  std::int32_t num_cached(Request request) const;

  // Adds a replica that has this pool to an index that has just been built.
  void fill(HolderIndex& holders, std::int32_t replica) const;

  // How many leading blocks another request of the workload has as well.
  std::int32_t num_shared(Request request) const { return tree_ ? tree_->num_shared_blocks(row(request)) : 0; }
  // Whether two requests are the same up to the end of a block that another request has as well as `a`.
  bool have_in_common(Request a, Request b, std::int32_t block) const {
    return block < num_shared(b) && tree_->segment_with(row(a), block) == tree_->segment_with(row(b), block);
  }

  // Tells the index and `known` that nothing can be found any more. The pool is to be reset then.
  void tell_all_removed();

  struct Hits {
    std::int32_t num = 0;       // leading blocks found
    std::int32_t num_idle = 0;  // of these, how many nobody holds
  };
  // Looks for at most `most` blocks. Changes nothing.
  Hits find(Request request, std::int32_t most) const;

  // The request, which holds nothing, holds the first `num_hits` blocks from now on, which have been found.
  void hold(Request request, std::int32_t num_hits, Holder& holder);

  // Takes blocks from the front of the free list; they lose their content. At most num_free().
  void take(std::int64_t num_blocks);

  // What the first `num_blocks` blocks of the request hold can be found from now on. All before them were published.
  void publish(Request request, std::int32_t num_blocks, Holder& holder) {
    if (tree_ && holder.num_linked < num_blocks) publish_shared(request, num_blocks, holder);
  }

  // The request gives back the `num_blocks` blocks that it holds, the first `num_published` of which are published. If
  // it will come back, it may find those again that no other request has.
  void release(Request request, std::int32_t num_blocks, std::int32_t num_published, bool comes_back, Holder& holder);

 private:
  using Index = std::int32_t;
  static constexpr Index kNone = -1;
  static constexpr std::int32_t kNoLine = -1;

  // Consecutive blocks of a line, all alike. A line is a segment, or what a request that was preempted has for itself:
  // lines are numbered so, segments first. Without a line: blocks that nobody can find.
  struct Run {
    std::int32_t line = kNoLine;
    std::int32_t begin = 0;  // block, counted from the start of the request
    std::int32_t count = 0;
    std::int32_t num_holders = 0;
    std::uint64_t published = 0;  // increases
    bool has_content = false;
    Index next_free = kNone, previous_free = kNone;  // free list, from its front; in a run, from its last block down
    Index next_in_line = kNone, previous_in_line = kNone;  // in order of begin
    Index rest = kNone;                                    // what was cut off its end while it was held

    std::int32_t end() const { return begin + count; }
  };
  // A request holds a run, or what it has become by cuts: `count` blocks along `rest`.
  struct Hold {
    Index run = kNone;
    std::int32_t count = 0;
    Index below = kNone;  // the hold on the blocks before these
  };
  // Blocks [begin, end) of a line, and of a run.
  struct Part {
    std::int32_t line = kNoLine;
    std::int32_t begin = 0, end = 0;
  };
  struct Piece {
    Index run = kNone;
    std::int32_t begin = 0, end = 0;
  };

  Run& at(Index i) { return runs_[static_cast<std::size_t>(i)]; }
  const Run& at(Index i) const { return runs_[static_cast<std::size_t>(i)]; }
  std::int32_t row(Request request) const { return rows_ ? rows_[request] : request; }
  std::int32_t own_line(Request request) const { return tree_->num_segments() + request; }
  Index new_run(const Run& run);

  void publish_shared(Request request, std::int32_t num_blocks, Holder& holder);
  void publish_part(const Part& part, Holder& holder);
  void push_hold(Index run, Holder& holder);
  void release_hold(const Hold& hold);
  // visit(line, begin, end) for the parts of blocks [begin, end) of the request, from the last to the first, own ones
  // included.
  template <class Visit>
  void visit_lines(Request request, std::int32_t begin, std::int32_t end, Visit visit) const;
  // Sets pieces_ to the blocks of [begin, end) of a line that a lookup finds: of each the one that was published first.
  void find_pieces(const LineTable::Line& line, std::int32_t begin, std::int32_t end) const;

  void add_to_line(Index i);
  void link_in_line(Index i, Index before, LineTable::Line& line);
  void remove_from_line(Index i, LineTable::Line& line);
  void shorten_line(Index i);
  Index cut(Index i, std::int32_t block);

  void append_free(Index i);
  void append_free(std::int32_t count, bool has_content);
  void link_free(Index i, Index after);  // in front of another; kNone: at the back
  void unlink_free(Index i);

  void tell_end(std::int32_t line, std::int32_t end) {
    if (known_ && line < tree_->num_segments()) known_->add(line, end);
  }
  bool begins_prompts(std::int32_t line) const {
    return line < tree_->num_segments() && tree_->segment(line).parent == PrefixTree::kNone;
  }

  const PrefixTree* tree_ = nullptr;
  const std::int32_t* rows_ = nullptr;
  HolderIndex* holders_ = nullptr;
  std::int32_t replica_ = 0;
  DelayedLines* known_ = nullptr;
  std::int32_t num_usable_ = 0;
  std::int32_t num_free_ = 0;
  std::int32_t num_free_cached_ = 0;
  std::int64_t num_evicted_ = 0;
  std::uint64_t num_publications_ = 0;
  std::vector<Run> runs_;
  std::vector<Index> unused_runs_;
  std::vector<Hold> holds_;
  std::vector<Index> unused_holds_;
  LineTable lines_;  // those of which there is a block
  Index front_ = kNone, back_ = kNone;
  mutable std::vector<Piece> pieces_;
  std::vector<Index> found_;
  std::vector<Part> parts_;
};

}  // namespace switchyard
