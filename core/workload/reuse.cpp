#include "core/workload/reuse.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

#include "core/workload/lru_stack.hpp"

namespace switchyard {

namespace {

double quantile(const std::vector<double>& sorted, double level) {
  const double at = level * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// One cache, looked into at all sizes at once.
class OneCache {
 public:
  OneCache(std::int32_t block_tokens, std::uint64_t num_names)
      : block_tokens_(block_tokens), used_at_s_(static_cast<std::size_t>(num_names)) {}

  // A prompt looks for its blocks.
  void look_up(const std::vector<std::uint64_t>& names, std::size_t num_prompt_blocks, double now_s) {
    for (std::size_t i = 0; i < num_prompt_blocks; ++i) {
      const auto name = static_cast<std::size_t>(names[i]);
      const std::size_t depth = stack_.depth(name);
      if (depth == 0) break;  // and nothing behind it has been used: its name would stand for this block too
      const auto needed =
          static_cast<std::size_t>(std::bit_width(depth - 1));  // 2^needed is the least power of two from depth up
      if (hits_.size() <= needed) hits_.resize(needed + 1);
      ++hits_[needed];
      reuse_times_s_.push_back(now_s - used_at_s_[name]);
    }
  }

  // A request leaves all its blocks, the first one used last. So a block is never deeper than those behind it, and what
  // is found at a size is always the beginning of the prompt.
  void use(const std::vector<std::uint64_t>& names, double now_s) {
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      stack_.use(static_cast<std::size_t>(*name));
      used_at_s_[static_cast<std::size_t>(*name)] = now_s;
    }
  }

  void report(ReuseFigures& figures) && {
    figures.num_blocks = static_cast<std::int64_t>(stack_.size());
    figures.hit_tokens = static_cast<std::int64_t>(reuse_times_s_.size()) * block_tokens_;
    figures.hit_rate = share(figures.hit_tokens, figures.prompt_tokens);
    std::int64_t hits = 0;
    for (std::size_t i = 0; i < hits_.size(); ++i) {
      hits += hits_[i];
      figures.by_cache_size.push_back(
          {(std::int64_t{1} << i) * block_tokens_, share(hits * block_tokens_, figures.prompt_tokens)});
    }
    if (reuse_times_s_.empty()) return;
    std::sort(reuse_times_s_.begin(), reuse_times_s_.end());
    for (std::size_t i = 0; i < kReuseLevels.size(); ++i) {
      figures.reuse_time_s[i] = quantile(reuse_times_s_, kReuseLevels[i]);
    }
  }

 private:
  static double share(std::int64_t part, std::int64_t all) {
    return static_cast<double>(part) / static_cast<double>(all);
  }

  std::int32_t block_tokens_;
  LruStack stack_;
  std::vector<double> used_at_s_;      // by name
  std::vector<std::int64_t> hits_;     // by power of two: found in caches of 2^i blocks, and in no smaller one
  std::vector<double> reuse_times_s_;  // of each block found
};

void count_first_blocks(std::vector<std::uint64_t> firsts, std::size_t num_requests, ReuseFigures& figures) {
  std::sort(firsts.begin(), firsts.end());
  std::size_t shared = 0, most = 0;
  for (auto group = firsts.begin(); group != firsts.end();) {
    const auto end = std::upper_bound(group, firsts.end(), *group);
    const auto count = static_cast<std::size_t>(end - group);
    ++figures.num_prefixes;
    if (count > 1) shared += count;
    most = std::max(most, count);
    group = end;
  }
  figures.shared_first_share = static_cast<double>(shared) / static_cast<double>(num_requests);
  figures.largest_prefix_share = static_cast<double>(most) / static_cast<double>(num_requests);
}

}  // namespace

ReuseFigures inspect_reuse(const std::vector<RawRequest>& rows, const Content& content) {
  if (rows.empty()) throw std::invalid_argument("a workload without requests has no figures");
  const std::int32_t block = content.hash_id_tokens();
  ReuseFigures figures{.block_tokens = block};
  OneCache cache(block, content.num_block_names(block));
  std::vector<std::uint64_t> names, firsts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    names.clear();
    content.append_block_names(i, block, names);
    const auto num_prompt_blocks = std::min(names.size(), static_cast<std::size_t>(rows[i].num_prefill_tokens / block));
    figures.prompt_tokens += rows[i].num_prefill_tokens;
    figures.named_tokens += static_cast<std::int64_t>(num_prompt_blocks) * block;
    if (num_prompt_blocks > 0) firsts.push_back(names.front());
    cache.look_up(names, num_prompt_blocks, rows[i].arrived_at_s);
    cache.use(names, rows[i].arrived_at_s);
  }
  std::move(cache).report(figures);
  count_first_blocks(std::move(firsts), rows.size(), figures);
  return figures;
}

}  // namespace switchyard
