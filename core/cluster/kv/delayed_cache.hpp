// What routers know of a replica's prefix cache where its KV events take time: the cache as it was that long ago.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/api/time.hpp"
#include "core/cluster/kv/holder_index.hpp"
#include "core/cluster/kv/kv_change.hpp"
#include "core/workload/prefix_tree.hpp"

namespace switchyard {

// Block by block.
class DelayedKeys {
 public:
  // Without a delay nothing is kept.
  void reset(Time delay) {
    delay_ = delay;
    changes_.clear();
    keys_.clear();
  }
  bool is_used() const { return delay_ > 0; }

  // The replica has failed, and its KV events with it: routers know of nothing.
  void forget() {
    changes_.clear();
    keys_.clear();
  }

  void add(Time at, const KvChange& change) {
    changes_.push_back({at, change});
    settle(at);
  }

  // How many leading ones of these keys routers take to be in the cache.
  std::int32_t num_leading(std::span<const BlockKey> keys, Time now) {
    settle(now);
    std::int32_t num = 0;
    for (const BlockKey key : keys) {
      if (!keys_.contains(key)) break;
      ++num;
    }
    return num;
  }

 private:
  void settle(Time now) {
    for (; !changes_.empty() && changes_.front().first + delay_ <= now; changes_.pop_front()) {
      const KvChange& change = changes_.front().second;
      if (change.stored) {
        keys_.insert(change.key);
      } else {
        keys_.erase(change.key);
      }
    }
  }

  Time delay_ = 0;
  std::deque<std::pair<Time, KvChange>> changes_;  // not known to routers yet
  std::unordered_set<BlockKey> keys_;              // looked up, never gone through
};

// When which replica's next change becomes known: so that only those are looked at that have news.
class KvNews {
 public:
  void reset() { news_ = {}; }
  void add(Time at, std::int32_t replica) { news_.emplace(at, replica); }
  // The replica of the earliest change, if routers know of it now; else -1.
  std::int32_t take(Time now) {
    if (news_.empty() || news_.top().first > now) return -1;
    const std::int32_t replica = news_.top().second;
    news_.pop();
    return replica;
  }

 private:
  std::priority_queue<std::pair<Time, std::int32_t>, std::vector<std::pair<Time, std::int32_t>>, std::greater<>> news_;
};

// By segments of a PrefixTree, of which caches hold leading parts.
class DelayedLines {
 public:
  // `holders`: the index that it is to keep current, of what routers know, and `news` likewise; nullptr: there is none.
  void reset(Time delay, const PrefixTree* tree, HolderIndex* holders, KvNews* news, std::int32_t replica) {
    delay_ = tree ? delay : 0;
    tree_ = tree;
    holders_ = holders;
    news_ = news;
    replica_ = replica;
    changes_.clear();
    ends_.clear();
  }
  bool is_used() const { return delay_ > 0; }

  void set_now(Time now) { now_ = now; }

  // The replica has failed, and its KV events with it: routers know of nothing.
  void forget() {
    for (const auto& [segment, end] : ends_) {
      if (holders_ && tree_->segment(segment).parent == PrefixTree::kNone) holders_->remove(segment, replica_);
    }
    changes_.clear();
    ends_.clear();
  }

  // The cache now holds the segment up to a block; 0: none of it.
  void add(PrefixTree::SegmentId segment, std::int32_t end) {
    settle(now_);
    if (changes_.empty() && holders_) news_->add(now_ + delay_, replica_);
    changes_.push_back({now_, segment, end});
  }

  // Takes in what routers know by now.
  void settle(Time now) {
    if (changes_.empty() || changes_.front().at + delay_ > now) return;
    for (; !changes_.empty() && changes_.front().at + delay_ <= now; changes_.pop_front()) {
      const Change& change = changes_.front();
      const bool begins = holders_ && tree_->segment(change.segment).parent == PrefixTree::kNone;
      if (change.end == 0) {
        if (ends_.erase(change.segment) == 1 && begins) holders_->remove(change.segment, replica_);
      } else if (ends_.insert_or_assign(change.segment, change.end).second && begins) {
        holders_->add(change.segment, replica_);
      }
    }
    if (!changes_.empty() && holders_) news_->add(changes_.front().at + delay_, replica_);
  }

  // How many leading blocks of a request routers take to be in the cache.
  std::int32_t num_cached(std::int32_t request, Time now) {
    settle(now);
    for (PrefixTree::SegmentId id = tree_->leaf(request); id != PrefixTree::kNone; id = tree_->segment(id).parent) {
      const auto found = ends_.find(id);
      if (found != ends_.end()) return found->second;
    }
    return 0;
  }

 private:
  struct Change {
    Time at = 0;
    PrefixTree::SegmentId segment = 0;
    std::int32_t end = 0;
  };

  Time delay_ = 0;
  const PrefixTree* tree_ = nullptr;
  HolderIndex* holders_ = nullptr;
  KvNews* news_ = nullptr;
  std::int32_t replica_ = 0;
  Time now_ = 0;
  std::deque<Change> changes_;                                    // not known to routers yet
  std::unordered_map<PrefixTree::SegmentId, std::int32_t> ends_;  // looked up, never gone through
};

}  // namespace switchyard
