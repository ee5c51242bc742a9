// Prediction tables: what becomes of a folder of them.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <string>

#include "core/api/batch_time.hpp"
#include "core/cost/source.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;

TEST_CASE("cost tables: each token operator goes on by its own slope, and never falls") {
  const ScratchFolder scratch;
  scratch.write(
      "model.json",
      R"({"num_layers": 1, "num_q_heads": 1, "num_kv_heads": 1, "head_dim": 1, "embedding_dim": 1, "mlp_dim": 1})");
  std::string operators =
      "num_tokens,attn_pre_proj,attn_post_proj,mlp_up_proj,mlp_down_proj,mlp_act,attn_rope,input_layernorm,"
      "post_attention_layernorm,add,attn_kv_cache_save\n";
  std::string prefill = "kv_cache_size,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n";
  for (int t = 1; t <= 16; ++t) {  // one operator rises by 2 ms a token, one falls by 1 ms, saving rises by 0.1 ms
    operators += fmt::format("{},{},{},0,0,0,0,0,0,0,{}\n", t, 2 * t, 20 - t, 0.1 * t);
  }
  for (int kv = 0; kv <= 64; kv += 64) prefill += fmt::format("{},0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n", kv);
  scratch.write("token_ops.csv", operators);
  scratch.write("attn_decode.csv", "batch_size,0,64\n1,0,0\n2,0,0\n");
  scratch.write("attn_prefill.csv", prefill);
  const CostSource source = load_cost_tables(scratch.path());
  const auto ms = [&](std::int64_t tokens) {
    const BatchShape shape = {.num_prefills = 1, .prefill_tokens = tokens, .prefill_chunk_squares = tokens * tokens};
    const CostModel::Lookup lookup = source.model->batch_time(shape);
    CHECK(lookup.extrapolated == (tokens > 16));
    return seconds_from_ticks(lookup.time) * 1e3;
  };
  CHECK(ms(16) == Approx(32 + 4 + 1.6));
  CHECK(ms(15) == Approx(32 + 4 + 1.5));
  CHECK(ms(17) == Approx(32 + 2 * 8 + 4 + 1.7));  // operators as at 24 tokens, saving as at 17
  CHECK(ms(24) == Approx(32 + 2 * 8 + 4 + 2.4));
}

TEST_CASE("cost tables: what policies are told of a batch is its time, within the tables and beyond") {
  for (const char* name : {"a100-llama2-7b", "a30-qwen2-7b", "h100-llama3.1-8b"}) {  // tables, twice, and operators
    INFO(name);
    const CostSource source = load_profile(name);
    const CostModel& model = *source.model;
    const BatchTimes told(model);
    for (const std::int32_t decodes : {0, 1, 17, 128, 129, 700}) {
      for (const std::int64_t kv : {0L, 1L, 64L * decodes, 64L * decodes + 1, 5000L * decodes, 5'000'000'000L}) {
        for (const std::int64_t prompt : {0L, 1L, 500L, 4096L, 40'000L}) {
          INFO(prompt << " prompt tokens, " << decodes << " decodes of " << kv << " tokens");
          BatchShape shape;
          if (prompt > 0) model.add_prefill(shape, 0, prompt);
          shape.num_decodes = decodes;
          shape.decode_kv_tokens = kv;
          const Time expected = decodes > 0 || prompt > 0 ? model.batch_time(shape).time : 0;
          CHECK(told.mixed(prompt, decodes, kv) == expected);
          if (prompt == 0) CHECK(told.decode(decodes, kv) == expected);
          if (decodes == 0) CHECK(told.prefill(prompt) == expected);
        }
      }
    }
    CHECK(told.mixed(-1, -1, 0) == 0);
    CHECK(told.mixed(100, -1, 1000) == told.prefill(100));
  }
}
