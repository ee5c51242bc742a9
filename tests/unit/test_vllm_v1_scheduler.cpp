// vLLM's V1 scheduler, plan by plan.
#include <catch2/catch.hpp>
#include <random>

#include "tests/support/planned_scheduler.hpp"

using namespace switchyard;

TEST_CASE("vllm_v1: a step computes at most its budget, running requests first", "[vllm_v1]") {
  PlannedScheduler engine(20);
  engine.options.max_num_batched_tokens = 8;
  engine.reset();
  engine.scheduler.add(0, 10, 3);
  engine.scheduler.add(1, 5, 1);
  CHECK(engine.step() == Shares{{0, 8}});
  CHECK(engine.booking.first_tokens.empty());
  CHECK(engine.step() == Shares{{0, 2}, {1, 5}});
  CHECK(engine.booking.first_tokens == std::vector<RequestId>{0, 1});
  CHECK(engine.booking.finished == std::vector<RequestId>{1});
  CHECK(engine.step() == Shares{{0, 1}});
  CHECK(engine.step() == Shares{{0, 1}});
  CHECK(engine.booking.finished == std::vector<RequestId>{0});
  CHECK_FALSE(engine.scheduler.has_requests());
  CHECK(engine.scheduler.pool().num_free() == 20);
  CHECK(engine.scheduler.totals().num_scheduled_tokens == 10 + 5 + 2);
}

TEST_CASE("vllm_v1: a threshold cuts long prompts, a limit keeps requests waiting", "[vllm_v1]") {
  PlannedScheduler engine(20);
  engine.options.long_prefill_token_threshold = 6;
  engine.options.max_num_seqs = 2;
  engine.reset();
  for (RequestId id = 0; id < 3; ++id) engine.scheduler.add(id, 9, 2);
  CHECK(engine.step() == Shares{{0, 6}, {1, 6}});
  CHECK(engine.step() == Shares{{0, 3}, {1, 3}});
  CHECK(engine.step() == Shares{{0, 1}, {1, 1}});
  CHECK(engine.step() == Shares{{2, 6}});
}

TEST_CASE("vllm_v1: without a free block the last one admitted is preempted, and goes to the front", "[vllm_v1]") {
  PlannedScheduler engine(4);
  engine.options.enable_prefix_caching = GENERATE(false, true);
  engine.reset();
  engine.scheduler.add(0, 8, 3);
  engine.scheduler.add(1, 7, 3);
  engine.scheduler.add(2, 1, 1);
  CHECK(engine.step() == Shares{{0, 8}, {1, 7}});
  CHECK(engine.scheduler.pool().num_free() == 0);
  CHECK(engine.step() == Shares{{0, 1}});  // nobody is admitted by a plan that preempts
  CHECK(engine.steps.empty());
  CHECK(engine.preempted == std::vector<RequestId>{1});
  // Request 1 has 8 tokens now. Of its two blocks request 0 took the second, which was not full anyway.
  const int cached = engine.options.enable_prefix_caching ? 4 : 0;
  CHECK(engine.plan() == Shares{{0, 1}});  // three of four blocks are taken
  CHECK(engine.book() == std::vector<RequestId>{0});
  CHECK(engine.plan() == Shares{{1, 8 - cached}, {2, 1}});
  CHECK(engine.steps.back().admitted.front().num_cached_tokens == cached);
  CHECK_FALSE(engine.steps.back().admitted.front().is_first);
  // What was generated before is computed again as if it were prompt.
  for (const VllmV1Scheduler::Member& member : engine.steps.back().members) CHECK(member.is_prefill);
  CHECK(engine.scheduler.totals().hit_tokens_resumed == cached);
  CHECK(engine.scheduler.totals().num_recomputed_tokens == 7 - cached);
  engine.book();
  CHECK(engine.booking.first_tokens == std::vector<RequestId>{2});
}

TEST_CASE("vllm_v1: admission looks at the whole sequence or at the first chunk", "[vllm_v1]") {
  PlannedScheduler engine(5);
  engine.options.max_num_batched_tokens = 9;
  engine.options.reserve_full_prompt = GENERATE(true, false);
  engine.reset();
  engine.scheduler.add(0, 8, 5);
  engine.step();
  engine.scheduler.add(1, 12, 1);  // three blocks; its first chunk of 8 tokens takes the two that are left
  engine.scheduler.add(2, 1, 1);   // would fit, but nobody overtakes the front
  CHECK(engine.step() == (engine.options.reserve_full_prompt ? Shares{{0, 1}} : Shares{{0, 1}, {1, 8}}));
}

TEST_CASE("vllm_v1: a prompt that is cached as a whole computes its last block again", "[vllm_v1]") {
  PlannedScheduler engine(20);
  engine.content = named({{1, 2}, {1, 2}, {1, 2, 3}, {9, 2}});
  engine.reset();
  engine.scheduler.add(0, 8, 1);
  CHECK(engine.scheduler.num_cached_tokens(1, 8) == 0);
  engine.plan();
  CHECK(engine.scheduler.num_cached_tokens(1, 8) == 8);  // as soon as it is planned
  engine.book();
  CHECK(engine.scheduler.num_cached_tokens(1, 8) == 8);
  CHECK(engine.scheduler.num_cached_tokens(3, 8) == 0);
  engine.scheduler.add(1, 8, 1);
  engine.scheduler.add(2, 12, 1);
  engine.scheduler.add(3, 8, 1);
  CHECK(engine.step() == Shares{{1, 4}, {2, 4}, {3, 8}});
  CHECK(engine.scheduler.totals().hit_tokens == 4 + 8);
}

TEST_CASE("vllm_v1: what one request computes, a later one of the same step finds", "[vllm_v1]") {
  PlannedScheduler engine(20);
  engine.content = named({{1, 2, 3}, {1, 2, 4}});
  engine.reset();
  engine.scheduler.add(0, 12, 1);
  engine.scheduler.add(1, 12, 1);
  CHECK(engine.step() == Shares{{0, 12}, {1, 4}});
}

TEST_CASE("vllm_v1: planned ahead, an output that ends by length costs no decode too many", "[vllm_v1]") {
  PlannedScheduler engine(20);
  engine.reset();
  engine.scheduler.add(0, 5, 2);
  CHECK(engine.plan() == Shares{{0, 5}});
  CHECK(engine.plan() == Shares{{0, 1}});  // its token to compute is only under way
  CHECK(engine.book().empty());
  CHECK(engine.booking.first_tokens == std::vector<RequestId>{0});
  CHECK(engine.plan().empty());  // its last token is under way
  CHECK(engine.book() == std::vector<RequestId>{0});
}

TEST_CASE("vllm_v1: planned ahead, a stop token comes a decode too late", "[vllm_v1]") {
  PlannedScheduler engine(20);
  engine.options.output_ends = OutputEnds::stop;
  engine.reset();
  engine.scheduler.add(0, 5, 1);
  CHECK(engine.plan() == Shares{{0, 5}});
  CHECK(engine.plan() == Shares{{0, 1}});
  CHECK(engine.book() == std::vector<RequestId>{0});
  CHECK_FALSE(engine.scheduler.has_requests());
  engine.scheduler.add(1, 3, 1);  // takes the same place
  CHECK(engine.plan() == Shares{{1, 3}});
  CHECK(engine.book().empty());  // the wasted decode
  CHECK(engine.booking.computed.empty());
  CHECK(engine.book() == std::vector<RequestId>{1});
}

TEST_CASE("vllm_v1: who is preempted with the last token under way ends from the waiting ones", "[vllm_v1]") {
  PlannedScheduler engine(3);
  engine.reset();
  engine.scheduler.add(0, 8, 4);
  engine.scheduler.add(1, 4, 1);
  CHECK(engine.plan() == Shares{{0, 8}, {1, 4}});
  CHECK(engine.plan() == Shares{{0, 1}});
  CHECK(engine.preempted == std::vector<RequestId>{1});
  CHECK(engine.scheduler.num_waiting() == 1);
  CHECK(engine.book() == std::vector<RequestId>{1});
  CHECK(engine.scheduler.num_waiting() == 0);
}

TEST_CASE("vllm_v1: an output ends where the context does", "[vllm_v1]") {
  PlannedScheduler engine(20);
  engine.options.max_model_len = 10;
  engine.reset();
  engine.scheduler.add(0, 8, 100);
  engine.step();
  engine.step();
  CHECK(engine.booking.finished == std::vector<RequestId>{0});
}

TEST_CASE("vllm_v1: the state that policies see is the sum over requests", "[vllm_v1]") {
  std::mt19937 random(GENERATE(1, 2, 3, 4));
  const auto below = [&](int n) { return static_cast<std::int32_t>(random() % static_cast<unsigned>(n)); };
  PlannedScheduler engine(18);
  engine.options.max_num_batched_tokens = 1 + below(20);
  engine.options.output_ends = below(2) == 0 ? OutputEnds::length : OutputEnds::stop;
  engine.reset();
  bool preempted = false;
  RequestId next = 0;
  for (int i = 0; i < 400; ++i) {
    if (below(4) == 0) engine.scheduler.add(next++, 1 + below(30), 1 + below(25));
    if (engine.steps.size() < 2) {
      engine.plan();
      preempted |= !engine.preempted.empty();
    }
    if (!engine.steps.empty() && below(2) == 0) engine.book();
    if (engine.steps.size() == 2) engine.book();

    ReplicaState sum;
    engine.scheduler.visit_waiting([&](const ResidentRequest& request) {
      ++sum.num_waiting;
      sum.waiting_prefill_tokens += request.num_prefill_tokens;
    });
    engine.scheduler.visit_running([&](const ResidentRequest& request) {
      ++sum.num_running;
      if (request.prefill_complete) {
        sum.decoding_kv_tokens += request.num_processed_tokens;
        sum.generated_tokens += request.num_generated_tokens();
      } else {
        ++sum.num_prefilling;
        sum.remaining_prefill_tokens += request.num_prefill_tokens - request.num_processed_tokens;
      }
    });
    const ReplicaState state = engine.scheduler.state();
    CHECK(state.num_waiting == sum.num_waiting);
    CHECK(state.num_running == sum.num_running);
    CHECK(state.num_prefilling == sum.num_prefilling);
    CHECK(state.waiting_prefill_tokens == sum.waiting_prefill_tokens);
    CHECK(state.remaining_prefill_tokens == sum.remaining_prefill_tokens);
    CHECK(state.decoding_kv_tokens == sum.decoding_kv_tokens);
    CHECK(state.generated_tokens == sum.generated_tokens);
    CHECK(state.num_blocks == 18);
  }
  CHECK(preempted);
}

TEST_CASE("vllm_v1: every request ends, however small the memory, and gives back its blocks", "[vllm_v1]") {
  std::mt19937 random(5);
  const auto below = [&](int n) { return static_cast<std::int32_t>(random() % static_cast<unsigned>(n)); };
  std::int64_t num_preempted = 0, num_empty_plans = 0, hit_tokens = 0, hit_tokens_resumed = 0;
  for (int run = 0; run < 300; ++run) {
    PlannedScheduler engine(8 + below(12));  // the longest request takes 8 blocks
    engine.options.max_num_batched_tokens = 1 + below(40);
    engine.options.max_num_seqs = 1 + below(6);
    engine.options.long_prefill_token_threshold = below(2) * (1 + below(10));
    engine.options.reserve_full_prompt = below(2) == 0;
    engine.options.enable_prefix_caching = below(4) != 0;
    engine.options.output_ends = below(2) == 0 ? OutputEnds::length : OutputEnds::stop;
    const std::size_t depth = 1 + static_cast<std::size_t>(below(2));
    std::vector<std::pair<std::int32_t, std::int32_t>> lengths;
    std::vector<std::vector<std::int64_t>> ids;
    for (int i = 0; i < 30; ++i) {
      lengths.emplace_back(1 + below(20), 1 + below(12));
      const std::int32_t tokens = lengths.back().first + lengths.back().second;
      for (std::int32_t j = 0; 4 * (j + 1) <= tokens; ++j) {
        if (j == 0) ids.emplace_back();
        ids.back().push_back(10 * j + below(2));
      }
      if (tokens < 4) ids.emplace_back();
    }
    engine.content = named(ids);
    engine.reset();
    std::size_t num_added = 0, num_finished = 0;
    int plans = 0;
    while (num_finished < lengths.size()) {
      REQUIRE(++plans < 20000);
      while (num_added < lengths.size() && below(3) == 0) {
        const auto [prompt, outputs] = lengths[num_added];
        engine.scheduler.add(static_cast<RequestId>(num_added++), prompt, outputs);
      }
      const bool nothing_runs = engine.steps.empty();
      const bool empty = engine.plan().empty();
      REQUIRE((!empty || !nothing_runs || !engine.scheduler.has_requests()));
      num_empty_plans += empty;
      num_preempted += static_cast<std::int64_t>(engine.preempted.size());
      if (engine.steps.size() == depth || (empty && !engine.steps.empty())) num_finished += engine.book().size();
    }
    while (!engine.steps.empty()) CHECK(engine.book().empty());  // wasted decodes
    CHECK_FALSE(engine.scheduler.has_requests());
    CHECK(engine.scheduler.pool().num_used() == 0);
    CHECK(engine.scheduler.state().waiting_prefill_tokens == 0);
    CHECK(engine.scheduler.state().decoding_kv_tokens == 0);
    hit_tokens += engine.scheduler.totals().hit_tokens;
    hit_tokens_resumed += engine.scheduler.totals().hit_tokens_resumed;
  }
  CHECK(num_preempted > 100);
  CHECK(num_empty_plans > 100);
  CHECK(hit_tokens > 1000);
  CHECK(hit_tokens_resumed > 100);
}
