// vllm_v1 where prefill and decode are apart: prompts that are held, KV that comes, plan by plan.
#include <catch2/catch.hpp>
#include <numeric>
#include <utility>
#include <vector>

#include "core/cluster/engines/vllm_v1_scheduler.hpp"
#include "core/workload/hash_ids.hpp"

using namespace switchyard;

namespace {

using StagedShares = std::vector<std::pair<RequestId, int>>;  // of a step: who computes how many tokens
using Missing = std::vector<std::pair<RequestId, int>>;       // of a plan: whose blocks it reserves, tokens to come
using Ids = std::vector<RequestId>;

// Blocks of 4 tokens.
struct StagedEngine {
  explicit StagedEngine(std::int32_t usable_blocks) {
    options.num_gpu_blocks = usable_blocks + 1;
    options.block_size = 4;
    options.max_model_len = 64;
    rows.resize(100);
    std::iota(rows.begin(), rows.end(), 0);
  }
  void reset() { scheduler.reset(options, BlockKeys(content, rows, options.block_size)); }

  StagedShares plan() {
    scheduler.plan(steps.emplace_back());
    StagedShares shares;
    for (const VllmV1Scheduler::Member& member : steps.back().members) shares.push_back({member.id, member.num_tokens});
    preempted = steps.back().preempted;
    missing.clear();
    for (const Reservation& reserved : steps.back().reserved) {
      missing.emplace_back(reserved.id, reserved.num_missing_tokens);
    }
    if (shares.empty()) steps.pop_back();
    return shares;
  }
  void book() {
    scheduler.book(steps.front(), booking);
    steps.erase(steps.begin());
  }
  StagedShares step() {
    StagedShares shares = plan();
    if (!shares.empty()) book();
    return shares;
  }
  std::int32_t num_used() const { return scheduler.pool().num_used(); }

  // The KV blocks of a prompt that hold these numbers each.
  void set_content(const std::vector<std::vector<std::int64_t>>& prompts) {
    HashIds hash_ids;
    std::vector<std::int32_t> its_rows;
    for (const auto& prompt : prompts) its_rows.push_back(hash_ids.add(prompt));
    content = Content(4);
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      content.add(hash_ids.runs(its_rows[i]), static_cast<std::int32_t>(4 * prompts[i].size()));
    }
  }

  VllmV1Options options;
  Content content;
  std::vector<std::int32_t> rows;
  VllmV1Scheduler scheduler;
  std::vector<VllmV1Scheduler::Step> steps;
  VllmV1Scheduler::Booking booking;
  Ids preempted;
  Missing missing;
};

}  // namespace

TEST_CASE("stages: a prompt that decodes elsewhere keeps its blocks until its KV has been moved", "[stages]") {
  StagedEngine engine(4);
  engine.set_content({{1, 2}, {3, 4}, {1, 2}});
  engine.options.output_ends = GENERATE(OutputEnds::length, OutputEnds::stop);
  engine.reset();
  engine.scheduler.add(0, 8, 5, Stage::prefill);
  CHECK(engine.step() == StagedShares{{0, 8}});
  CHECK(engine.booking.first_tokens == Ids{0});
  CHECK(engine.booking.held == Ids{0});
  CHECK(engine.booking.finished.empty());
  CHECK(engine.num_used() == 2);
  CHECK_FALSE(engine.scheduler.has_requests());

  engine.scheduler.add(1, 12, 5, Stage::prefill);  // three blocks; two are free
  CHECK(engine.step().empty());
  engine.scheduler.release(0);
  CHECK(engine.num_used() == 0);
  CHECK(engine.scheduler.num_cached_tokens(2, 8) == 8);  // it can still be found
  CHECK(engine.step() == StagedShares{{1, 12}});
  CHECK(engine.booking.held == Ids{1});
}

TEST_CASE("stages: an answer of one token ends where its prompt is computed", "[stages]") {
  StagedEngine engine(4);
  engine.reset();
  engine.scheduler.add(0, 8, 1, Stage::prefill);
  engine.step();
  CHECK(engine.booking.finished == Ids{0});
  CHECK(engine.booking.held.empty());
  CHECK(engine.num_used() == 0);
}

TEST_CASE("stages: blocks for KV that comes are reserved in turn, and it decodes from the second token on",
          "[stages]") {
  StagedEngine engine(4);
  engine.reset();
  engine.scheduler.add(0, 8, 3, Stage::decode);  // blocks for its prompt and the token after it: 3
  engine.scheduler.add(1, 4, 2, Stage::decode);  // 2; 1 is free
  engine.scheduler.add(2, 2, 2, Stage::whole);   // 1, but nobody overtakes
  CHECK(engine.plan().empty());
  CHECK(engine.missing == Missing{{0, 8}});
  CHECK(engine.num_used() == 3);
  CHECK(engine.scheduler.state().num_waiting == 3);
  CHECK(engine.scheduler.state().waiting_prefill_tokens == 2);  // KV that comes has not to be computed
  CHECK(engine.plan().empty());                                 // the KV has not come
  CHECK(engine.missing.empty());

  engine.scheduler.receive(0);
  CHECK(engine.plan() == StagedShares{{0, 1}});
  CHECK_FALSE(engine.steps.back().members.front().is_prefill);
  CHECK(engine.steps.back().members.front().num_computed_before == 8);
  engine.book();
  CHECK(engine.booking.first_tokens.empty());  // that was the second
  CHECK(engine.scheduler.state().generated_tokens == 2);
  CHECK(engine.step() == StagedShares{{0, 1}});
  CHECK(engine.booking.finished == Ids{0});
  CHECK(engine.plan() == StagedShares{{2, 2}});
  CHECK(engine.missing == Missing{{1, 4}});
}

TEST_CASE("stages: only what the prefix cache lacks is moved, and what has come can be found", "[stages]") {
  StagedEngine engine(20);
  engine.set_content({{1, 2, 3}, {1, 2, 9}, {1, 2, 3}});
  engine.reset();
  engine.scheduler.add(0, 12, 1);
  engine.step();
  engine.scheduler.add(1, 12, 4, Stage::decode);
  engine.scheduler.add(2, 12, 4, Stage::decode);
  engine.plan();
  CHECK(engine.missing == Missing{{1, 4}, {2, 0}});  // all 12 tokens of the last are there
  CHECK(engine.num_used() == 3 + 2 + 1);             // 1, 2, 3; 9 and a partial block; another one
  CHECK(engine.scheduler.num_cached_tokens(1, 12) == 8);
  engine.scheduler.receive(1);
  CHECK(engine.scheduler.num_cached_tokens(1, 12) == 12);
}

TEST_CASE("stages: what is preempted after its KV has come is computed again where it is", "[stages]") {
  StagedEngine engine(4);
  engine.options.enable_prefix_caching = false;
  engine.reset();
  engine.scheduler.add(0, 7, 6);  // 2 blocks
  engine.step();
  engine.scheduler.add(1, 4, 8, Stage::decode);  // 2 blocks
  CHECK(engine.step() == StagedShares{{0, 1}});  // computes its 8th token
  engine.scheduler.receive(1);
  CHECK(engine.step().empty());  // the 9th needs a block, and 1 does not run: 0 itself is preempted
  CHECK(engine.preempted == Ids{0});
  CHECK(engine.step() == StagedShares{{1, 1}});
  CHECK(engine.step() == StagedShares{{1, 1}});  // 7 tokens now
  CHECK(engine.step() == StagedShares{{1, 1}});
  CHECK(engine.step() == StagedShares{{1, 1}});  // its 8th; 0 needs 3 blocks
  CHECK(engine.step() == StagedShares{{1, 1}});  // a third block
  CHECK(engine.step() == StagedShares{{1, 1}});
  CHECK(engine.step() == StagedShares{{1, 1}});
  CHECK(engine.booking.finished == Ids{1});
  CHECK(engine.step() == StagedShares{{0, 9}});

  engine.reset();
  engine.scheduler.add(0, 6, 6);
  engine.step();
  engine.scheduler.add(1, 4, 8, Stage::decode);
  CHECK(engine.step() == StagedShares{{0, 1}});  // its 7th
  engine.scheduler.receive(1);
  CHECK(engine.step() == StagedShares{{0, 1}, {1, 1}});
  CHECK(engine.step() == StagedShares{{0, 1}});  // its 9th takes a block of the last one's
  CHECK(engine.preempted == Ids{1});
  CHECK(engine.scheduler.state().waiting_prefill_tokens == 6);  // prompt and two tokens
}

TEST_CASE("stages: a prompt whose last chunk is on its way is not preempted", "[stages]") {
  StagedEngine engine(2);
  engine.options.reserve_full_prompt = false;
  engine.options.long_prefill_token_threshold = 4;
  engine.reset();
  engine.scheduler.add(0, 8, 5, Stage::prefill);
  engine.scheduler.add(1, 4, 5, Stage::prefill);
  CHECK(engine.plan() == StagedShares{{0, 4}, {1, 4}});
  CHECK(engine.plan().empty());  // 0 needs a second block
  CHECK(engine.preempted == Ids{0});
  engine.book();
  CHECK(engine.booking.held == Ids{1});
  CHECK(engine.plan().empty());
  engine.scheduler.release(1);
  CHECK(engine.plan() == StagedShares{{0, 4}});  // its first block was found again
  CHECK(engine.steps.back().members.front().num_computed_before == 4);
}
