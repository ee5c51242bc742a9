// BM_PrefixHolders/<index>/replicas:R: who of R replicas holds how much of a prompt of 200 blocks, in each record that
// routers keep. Ten of them hold all, half, ... of it, and every replica holds 500 blocks of its own. Checked: exactly
// these ten are found, with what they were sent. The cost grows with the holders, not with the replicas: that of 1,000
// is at most twice that of 16.
#include <benchmark/benchmark.h>

#include <span>
#include <vector>

#include "core/cluster/block_naming.hpp"
#include "policies/prefix/lru_index.hpp"
#include "policies/prefix/shared_lru_index.hpp"
#include "policies/prefix/tenant_tree.hpp"
#include "policies/prefix/ttl_index.hpp"

namespace switchyard {
namespace {

constexpr std::int32_t kBlocks = 200, kOwn = 500, kHolders = 10;

std::vector<BlockName> names(detail::BlockNaming& naming, std::uint64_t first, std::int32_t count) {
  std::vector<BlockName> all;
  for (std::int32_t i = 0; i < count; ++i) all.push_back(naming.name(16, first + static_cast<std::uint64_t>(i)));
  return all;
}

// Holder i is replica i * (R / 10) and holds 200 / (i + 1) blocks.
std::int32_t held_by(std::int32_t holder) { return kBlocks / (holder + 1); }

// send(replica, blocks) fills an index.
template <class Send>
std::vector<BlockName> fill(std::int32_t num_replicas, Send send) {
  detail::BlockNaming naming;
  std::vector<BlockName> prompt = names(naming, 0, kBlocks);
  for (std::int32_t r = 0; r < num_replicas; ++r) {
    send(r, std::span<const BlockName>(names(naming, static_cast<std::uint64_t>(kBlocks + r * kOwn), kOwn)));
  }
  for (std::int32_t i = 0; i < kHolders; ++i) {
    send(i * (num_replicas / kHolders), std::span<const BlockName>(prompt).first(static_cast<std::size_t>(held_by(i))));
  }
  return prompt;
}

bool found_all(const PrefixMatches& matches, std::int32_t num_replicas) {
  if (matches.holders().size() != kHolders) return false;
  for (std::int32_t i = 0; i < kHolders; ++i) {
    if (matches.blocks(i * (num_replicas / kHolders)) != held_by(i)) return false;
  }
  return true;
}

template <class Match>
void look_up(benchmark::State& state, Match match) {
  const auto num_replicas = static_cast<std::int32_t>(state.range(0));
  PrefixMatches matches;
  matches.reset(num_replicas);
  match(matches);
  if (!found_all(matches, num_replicas)) {
    state.SkipWithError("not these replicas hold the prompt");
    return;
  }
  for (auto _ : state) {
    match(matches);
    benchmark::DoNotOptimize(matches.holders().data());
  }
}

void lru(benchmark::State& state) {
  LruIndex index;
  index.reset(std::vector<std::int64_t>(static_cast<std::size_t>(state.range(0)), 31'250));
  const auto prompt = fill(static_cast<std::int32_t>(state.range(0)),
                           [&](std::int32_t r, std::span<const BlockName> blocks) { index.insert(r, blocks, 0); });
  look_up(state, [&](PrefixMatches& out) { index.match(prompt, MatchRule::bridged, out); });
}

void shared_lru(benchmark::State& state) {
  SharedLruIndex index;
  index.reset(1'000'000, kTicksPerSecond, kTicksPerSecond);
  const auto prompt = fill(static_cast<std::int32_t>(state.range(0)),
                           [&](std::int32_t r, std::span<const BlockName> blocks) { index.insert(r, blocks, 0, 0); });
  look_up(state, [&](PrefixMatches& out) { index.match(prompt, 0, out); });
}

void ttl(benchmark::State& state) {
  TtlIndex index;
  index.reset(kTicksPerSecond, 1 << 20, 0.8);
  const auto prompt = fill(static_cast<std::int32_t>(state.range(0)),
                           [&](std::int32_t r, std::span<const BlockName> blocks) { index.insert(r, blocks, 0, 0); });
  look_up(state, [&](PrefixMatches& out) { index.match(prompt, 0, out); });
}

// A tree has one owner for what it finds: the last holder of all blocks.
void tenant_tree(benchmark::State& state) {
  TenantTree tree;
  tree.reset(static_cast<std::int32_t>(state.range(0)), 8);
  const auto prompt = fill(static_cast<std::int32_t>(state.range(0)),
                           [&](std::int32_t r, std::span<const BlockName> blocks) { tree.insert(blocks, 0, r); });
  if (tree.find(prompt).num_blocks != kBlocks || tree.find(prompt).tenant != 0) {
    state.SkipWithError("the prompt is not found, or on the wrong replica");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(tree.find(prompt).tenant);
}

BENCHMARK(lru)->Name("BM_PrefixHolders/lru")->ArgName("replicas")->Arg(16)->Arg(1000);
BENCHMARK(shared_lru)->Name("BM_PrefixHolders/shared_lru")->ArgName("replicas")->Arg(16)->Arg(1000);
BENCHMARK(ttl)->Name("BM_PrefixHolders/ttl")->ArgName("replicas")->Arg(16)->Arg(1000);
BENCHMARK(tenant_tree)->Name("BM_PrefixHolders/tenant_tree")->ArgName("replicas")->Arg(16)->Arg(1000);

}  // namespace
}  // namespace switchyard
