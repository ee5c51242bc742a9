// vllm_v1 where prefill and decode are apart: prompts that are held, KV that comes, plan by plan.
#include <catch2/catch.hpp>

#include "tests/support/planned_scheduler.hpp"

using namespace switchyard;

TEST_CASE("stages: a prompt that decodes elsewhere keeps its blocks until its KV has been moved", "[stages]") {
  PlannedScheduler engine(4);
  engine.content = named({{1, 2}, {3, 4}, {1, 2}});
  engine.options.output_ends = GENERATE(OutputEnds::length, OutputEnds::stop);
  engine.reset();
  engine.scheduler.add(0, 8, 5, Stage::prefill);
  CHECK(engine.step() == Shares{{0, 8}});
  CHECK(engine.booking.first_tokens == RequestIds{0});
  CHECK(engine.booking.held == RequestIds{0});
  CHECK(engine.booking.finished.empty());
  CHECK(engine.num_used() == 2);
  CHECK_FALSE(engine.scheduler.has_requests());

  engine.scheduler.add(1, 12, 5, Stage::prefill);  // three blocks; two are free
  CHECK(engine.step().empty());
  engine.scheduler.release(0);
  CHECK(engine.num_used() == 0);
  CHECK(engine.scheduler.num_cached_tokens(2, 8) == 8);  // it can still be found
  CHECK(engine.step() == Shares{{1, 12}});
  CHECK(engine.booking.held == RequestIds{1});
}

TEST_CASE("stages: an answer of one token ends where its prompt is computed", "[stages]") {
  PlannedScheduler engine(4);
  engine.reset();
  engine.scheduler.add(0, 8, 1, Stage::prefill);
  engine.step();
  CHECK(engine.booking.finished == RequestIds{0});
  CHECK(engine.booking.held.empty());
  CHECK(engine.num_used() == 0);
}

TEST_CASE("stages: blocks for KV that comes are reserved in turn, and it decodes from the second token on",
          "[stages]") {
  PlannedScheduler engine(4);
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
  CHECK(engine.plan() == Shares{{0, 1}});
  CHECK_FALSE(engine.steps.back().members.front().is_prefill);
  CHECK(engine.steps.back().members.front().num_computed_before == 8);
  engine.book();
  CHECK(engine.booking.first_tokens.empty());  // that was the second
  CHECK(engine.scheduler.state().generated_tokens == 2);
  CHECK(engine.step() == Shares{{0, 1}});
  CHECK(engine.booking.finished == RequestIds{0});
  CHECK(engine.plan() == Shares{{2, 2}});
  CHECK(engine.missing == Missing{{1, 4}});
}

TEST_CASE("stages: only what the prefix cache lacks is moved, and what has come can be found", "[stages]") {
  PlannedScheduler engine(20);
  engine.content = named({{1, 2, 3}, {1, 2, 9}, {1, 2, 3}});
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
  PlannedScheduler engine(4);
  engine.options.enable_prefix_caching = false;
  engine.reset();
  engine.scheduler.add(0, 7, 6);  // 2 blocks
  engine.step();
  engine.scheduler.add(1, 4, 8, Stage::decode);  // 2 blocks
  CHECK(engine.step() == Shares{{0, 1}});        // computes its 8th token
  engine.scheduler.receive(1);
  CHECK(engine.step().empty());  // the 9th needs a block, and 1 does not run: 0 itself is preempted
  CHECK(engine.preempted == RequestIds{0});
  CHECK(engine.step() == Shares{{1, 1}});
  CHECK(engine.step() == Shares{{1, 1}});  // 7 tokens now
  CHECK(engine.step() == Shares{{1, 1}});
  CHECK(engine.step() == Shares{{1, 1}});  // its 8th; 0 needs 3 blocks
  CHECK(engine.step() == Shares{{1, 1}});  // a third block
  CHECK(engine.step() == Shares{{1, 1}});
  CHECK(engine.step() == Shares{{1, 1}});
  CHECK(engine.booking.finished == RequestIds{1});
  CHECK(engine.step() == Shares{{0, 9}});

  engine.reset();
  engine.scheduler.add(0, 6, 6);
  engine.step();
  engine.scheduler.add(1, 4, 8, Stage::decode);
  CHECK(engine.step() == Shares{{0, 1}});  // its 7th
  engine.scheduler.receive(1);
  CHECK(engine.step() == Shares{{0, 1}, {1, 1}});
  CHECK(engine.step() == Shares{{0, 1}});  // its 9th takes a block of the last one's
  CHECK(engine.preempted == RequestIds{1});
  CHECK(engine.scheduler.state().waiting_prefill_tokens == 6);  // prompt and two tokens
}

TEST_CASE("stages: a prompt whose last chunk is on its way is not preempted", "[stages]") {
  PlannedScheduler engine(2);
  engine.options.reserve_full_prompt = false;
  engine.options.long_prefill_token_threshold = 4;
  engine.reset();
  engine.scheduler.add(0, 8, 5, Stage::prefill);
  engine.scheduler.add(1, 4, 5, Stage::prefill);
  CHECK(engine.plan() == Shares{{0, 4}, {1, 4}});
  CHECK(engine.plan().empty());  // 0 needs a second block
  CHECK(engine.preempted == RequestIds{0});
  engine.book();
  CHECK(engine.booking.held == RequestIds{1});
  CHECK(engine.plan().empty());
  engine.scheduler.release(1);
  CHECK(engine.plan() == Shares{{0, 4}});  // its first block was found again
  CHECK(engine.steps.back().members.front().num_computed_before == 4);
}
