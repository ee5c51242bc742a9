#include "core/cluster/kv/run_pool.hpp"

#include <algorithm>
#include <cassert>

namespace switchyard {

void RunPool::reset(std::int32_t num_blocks, const PrefixTree* tree, HolderIndex* holders, std::int32_t replica,
                    DelayedLines* known, const std::int32_t* rows) {
  tree_ = tree;
  rows_ = rows;
  known_ = known;
  holders_ = holders;
  replica_ = replica;
  num_usable_ = num_blocks;
  num_free_ = 0;
  num_free_cached_ = 0;
  num_evicted_ = 0;
  num_publications_ = 0;
  runs_.clear();
  unused_runs_.clear();
  holds_.clear();
  unused_holds_.clear();
  lines_.reset();
  front_ = back_ = kNone;
  append_free(num_blocks, false);
}

RunPool::Index RunPool::new_run(const Run& run) {
  if (unused_runs_.empty()) {
    runs_.push_back(run);
    return static_cast<Index>(runs_.size()) - 1;
  }
  const Index i = unused_runs_.back();
  unused_runs_.pop_back();
  at(i) = run;
  return i;
}

template <class Visit>
void RunPool::visit_lines(Request request, std::int32_t begin, std::int32_t end, Visit visit) const {
  const std::int32_t shared = tree_->num_shared_blocks(row(request));
  if (end > shared) visit(own_line(request), std::max(begin, shared), end);
  for (PrefixTree::SegmentId id = tree_->leaf(row(request)); id != PrefixTree::kNone;) {
    const PrefixTree::Segment& segment = tree_->segment(id);
    if (segment.end <= begin) return;
    if (segment.begin < end) visit(id, std::max(begin, segment.begin), std::min(end, segment.end));
    id = segment.parent;
  }
}

std::int32_t RunPool::num_cached(Request request) const {
  if (!tree_) return 0;
  if (const LineTable::Line* own = lines_.find(own_line(request))) return own->end;
  for (PrefixTree::SegmentId id = tree_->leaf(row(request)); id != PrefixTree::kNone; id = tree_->segment(id).parent) {
    if (const LineTable::Line* line = lines_.find(id)) return line->end;
  }
  return 0;
}

void RunPool::fill(HolderIndex& holders, std::int32_t replica) const {
  if (!tree_) return;
  lines_.visit([&](const LineTable::Line& line) {
    if (begins_prompts(line.id)) holders.add(line.id, replica);
  });
}

void RunPool::tell_all_removed() {
  if (!tree_) return;
  found_.clear();
  lines_.visit([&](const LineTable::Line& line) {
    if (line.id < tree_->num_segments()) found_.push_back(line.id);
  });
  std::sort(found_.begin(), found_.end());
  for (const std::int32_t line : found_) {
    if (holders_ && holders_->built() && begins_prompts(line)) holders_->remove(line, replica_);
    tell_end(line, 0);
  }
}

void RunPool::find_pieces(const LineTable::Line& line, std::int32_t begin, std::int32_t end) const {
  pieces_.clear();
  if (!line.has_twins) {
    for (Index i = line.first_run; i != kNone && at(i).begin < end; i = at(i).next_in_line) {
      if (at(i).end() > begin) pieces_.push_back({i, std::max(begin, at(i).begin), std::min(end, at(i).end())});
    }
    return;
  }
  for (std::int32_t block = begin; block < end;) {
    Index first = kNone;
    for (Index i = line.first_run; i != kNone && at(i).begin <= block; i = at(i).next_in_line) {
      if (at(i).end() > block && (first == kNone || at(i).published < at(first).published)) first = i;
    }
    assert(first != kNone);
    std::int32_t until = std::min(end, at(first).end());
    for (Index i = line.first_run; i != kNone && at(i).begin < until; i = at(i).next_in_line) {
      if (at(i).begin > block && at(i).published < at(first).published) until = at(i).begin;
    }
    pieces_.push_back({first, block, until});
    block = until;
  }
}

RunPool::Hits RunPool::find(Request request, std::int32_t most) const {
  if (!tree_) return {};
  Hits hits;
  hits.num = std::min(most, num_cached(request));
  visit_lines(request, 0, hits.num, [&](std::int32_t line, std::int32_t begin, std::int32_t end) {
    find_pieces(*lines_.find(line), begin, end);
    for (const Piece& piece : pieces_) {
      if (at(piece.run).num_holders == 0) hits.num_idle += piece.end - piece.begin;
    }
  });
  return hits;
}

void RunPool::hold(Request request, std::int32_t num_hits, Holder& holder) {
  assert(holder.num_linked == 0 && holder.last == kNone);
  if (num_hits == 0) return;
  found_.clear();  // from the last to the first
  visit_lines(request, 0, num_hits, [&](std::int32_t line, std::int32_t begin, std::int32_t end) {
    find_pieces(*lines_.find(line), begin, end);
    // A cut leaves the front of a run where it was, so the last pieces come first.
    for (auto piece = pieces_.rbegin(); piece != pieces_.rend(); ++piece) {
      if (piece->end < at(piece->run).end()) cut(piece->run, piece->end);
      found_.push_back(piece->begin > at(piece->run).begin ? cut(piece->run, piece->begin) : piece->run);
    }
  });
  for (auto i = found_.rbegin(); i != found_.rend(); ++i) {
    if (at(*i).num_holders++ == 0) {
      unlink_free(*i);
      num_free_ -= at(*i).count;
      num_free_cached_ -= at(*i).count;
    }
    push_hold(*i, holder);
  }
  assert(holder.num_linked == num_hits);
}

void RunPool::push_hold(Index run, Holder& holder) {
  const Hold hold{.run = run, .count = at(run).count, .below = holder.last};
  holder.num_linked += hold.count;
  if (unused_holds_.empty()) {
    holder.last = static_cast<Index>(holds_.size());
    holds_.push_back(hold);
  } else {
    holder.last = unused_holds_.back();
    unused_holds_.pop_back();
    holds_[static_cast<std::size_t>(holder.last)] = hold;
  }
}

void RunPool::take(std::int64_t num_blocks) {
  assert(num_blocks <= num_free_);
  num_free_ -= static_cast<std::int32_t>(num_blocks);
  while (num_blocks > 0) {
    const Index i = front_;
    Run& run = at(i);
    const auto count = static_cast<std::int32_t>(std::min<std::int64_t>(num_blocks, run.count));
    num_blocks -= count;
    if (run.has_content) {
      num_evicted_ += count;
      num_free_cached_ -= count;
    }
    run.count -= count;
    if (run.count == 0) unlink_free(i);
    if (run.line != kNoLine) shorten_line(i);
    if (run.count == 0) unused_runs_.push_back(i);
  }
}

void RunPool::publish_shared(Request request, std::int32_t num_blocks, Holder& holder) {
  const std::int32_t end = std::min(num_blocks, tree_->num_shared_blocks(row(request)));
  if (holder.num_linked >= end) return;
  parts_.clear();
  visit_lines(request, holder.num_linked, end, [&](std::int32_t line, std::int32_t part_begin, std::int32_t part_end) {
    parts_.push_back({line, part_begin, part_end});
  });
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) publish_part(*part, holder);
  assert(holder.num_linked == end);
}

void RunPool::publish_part(const Part& part, Holder& holder) {
  LineTable::Line* line = lines_.find(part.line);
  ++num_publications_;
  // As a rule a request goes on where it was, and nobody else has a hand in it.
  if (line && holder.last != kNone && !line->has_twins && line->end == part.begin) {
    Hold& hold = holds_[static_cast<std::size_t>(holder.last)];
    Run& run = at(hold.run);
    if (run.line == part.line && run.count == hold.count && run.num_holders == 1 && run.end() == part.begin) {
      run.count += part.end - part.begin;
      run.published = num_publications_;
      hold.count = run.count;
      holder.num_linked = line->end = part.end;
      tell_end(part.line, part.end);
      return;
    }
  }
  const Index i = new_run({.line = part.line,
                           .begin = part.begin,
                           .count = part.end - part.begin,
                           .num_holders = 1,
                           .published = num_publications_,
                           .has_content = true});
  add_to_line(i);
  push_hold(i, holder);
}

void RunPool::release(Request request, std::int32_t num_blocks, std::int32_t num_published, bool comes_back,
                      Holder& holder) {
  assert(holder.num_linked <= num_published && num_published <= num_blocks);
  if (num_blocks > num_published) append_free(num_blocks - num_published, false);
  const std::int32_t own = num_published - holder.num_linked;
  if (own > 0 && comes_back) {
    const Index i = new_run({.line = own_line(request),
                             .begin = holder.num_linked,
                             .count = own,
                             .published = ++num_publications_,
                             .has_content = true});
    add_to_line(i);
    append_free(i);
  } else if (own > 0) {
    append_free(own, true);
  }
  while (holder.last != kNone) {
    const Index last = holder.last;
    const Hold hold = holds_[static_cast<std::size_t>(last)];
    release_hold(hold);
    unused_holds_.push_back(last);
    holder.last = hold.below;
  }
  holder = {};
}

void RunPool::release_hold(const Hold& hold) {
  if (at(hold.run).count == hold.count) {
    if (--at(hold.run).num_holders == 0) append_free(hold.run);
    return;
  }
  found_.clear();
  std::int32_t count = 0;
  for (Index i = hold.run; count < hold.count; i = at(i).rest) {
    found_.push_back(i);
    count += at(i).count;
  }
  assert(count == hold.count);
  for (auto i = found_.rbegin(); i != found_.rend(); ++i) {
    if (--at(*i).num_holders == 0) append_free(*i);
  }
}

void RunPool::add_to_line(Index i) {
  const Run& run = at(i);
  LineTable::Line* line = lines_.find(run.line);
  if (!line) {
    line = &lines_.insert(run.line);
    if (holders_ && holders_->built() && begins_prompts(run.line)) holders_->add(run.line, replica_);
  }
  line->has_twins |= run.begin < line->end;
  if (run.end() > line->end) {
    line->end = run.end();
    tell_end(run.line, run.end());
  }
  link_in_line(i, kNone, *line);
}

// `before` begins no later than the run; kNone: look from the front.
void RunPool::link_in_line(Index i, Index before, LineTable::Line& line) {
  Index after = before == kNone ? line.first_run : at(before).next_in_line;
  while (after != kNone && at(after).begin <= at(i).begin) {
    before = after;
    after = at(after).next_in_line;
  }
  at(i).previous_in_line = before;
  at(i).next_in_line = after;
  if (after != kNone) at(after).previous_in_line = i;
  (before == kNone ? line.first_run : at(before).next_in_line) = i;
}

void RunPool::remove_from_line(Index i, LineTable::Line& line) {
  const Run& run = at(i);
  (run.previous_in_line == kNone ? line.first_run : at(run.previous_in_line).next_in_line) = run.next_in_line;
  if (run.next_in_line != kNone) at(run.next_in_line).previous_in_line = run.previous_in_line;
}

// The last blocks of a run have lost their content, maybe all.
void RunPool::shorten_line(Index i) {
  const std::int32_t id = at(i).line;
  LineTable::Line& line = *lines_.find(id);
  if (at(i).count == 0) remove_from_line(i, line);
  if (line.first_run == kNone) {
    lines_.erase(id);
    if (holders_ && holders_->built() && begins_prompts(id)) holders_->remove(id, replica_);
    tell_end(id, 0);
    return;
  }
  const std::int32_t end_before = line.end;
  line.end = 0;
  line.has_twins = false;
  for (Index j = line.first_run; j != kNone; j = at(j).next_in_line) {
    line.has_twins |= j != line.first_run && at(j).begin < line.end;
    line.end = std::max(line.end, at(j).end());
  }
  if (line.end != end_before) tell_end(id, line.end);
}

// Cuts a run in two before a block. The first part keeps its index; returns the second.
RunPool::Index RunPool::cut(Index i, std::int32_t block) {
  assert(at(i).begin < block && block < at(i).end());
  const Index second = new_run(Run(at(i)));
  Run& first = at(i);
  Run& rest = at(second);
  rest.begin = block;
  rest.count = first.end() - block;
  first.count = block - first.begin;
  first.rest = second;
  link_in_line(second, i, *lines_.find(first.line));
  if (first.num_holders == 0) link_free(second, i);
  return second;
}

// Nobody holds the run any more.
void RunPool::append_free(Index i) {
  Run& run = at(i);
  num_free_ += run.count;
  num_free_cached_ += run.count;
  // The blocks before those at the back of the list become one run with them.
  if (back_ != kNone && at(back_).line == run.line && at(back_).begin == run.end()) {
    LineTable::Line& line = *lines_.find(run.line);
    if (!line.has_twins) {
      Run& back = at(back_);
      remove_from_line(i, line);
      back.begin = run.begin;
      back.count += run.count;
      back.published = std::max(back.published, run.published);
      unused_runs_.push_back(i);
      return;
    }
  }
  link_free(i, kNone);
}

// Blocks that nobody can find.
void RunPool::append_free(std::int32_t count, bool has_content) {
  num_free_ += count;
  if (has_content) num_free_cached_ += count;
  if (back_ != kNone && at(back_).line == kNoLine && at(back_).has_content == has_content) {
    at(back_).count += count;
  } else {
    link_free(new_run({.count = count, .has_content = has_content}), kNone);
  }
}

void RunPool::link_free(Index i, Index after) {
  const Index before = after == kNone ? back_ : at(after).previous_free;
  at(i).previous_free = before;
  at(i).next_free = after;
  (before == kNone ? front_ : at(before).next_free) = i;
  (after == kNone ? back_ : at(after).previous_free) = i;
}

void RunPool::unlink_free(Index i) {
  const Run& run = at(i);
  (run.previous_free == kNone ? front_ : at(run.previous_free).next_free) = run.next_free;
  (run.next_free == kNone ? back_ : at(run.next_free).previous_free) = run.previous_free;
}

}  // namespace switchyard
