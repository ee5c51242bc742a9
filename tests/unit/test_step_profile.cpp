// Profiles composed of operator tables, and of grids: what is interpolated, what memory is planned, what is said of
// tables and profiles that are broken.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <iterator>

#include "core/cost/attention_grid.hpp"
#include "core/cost/compose.hpp"
#include "core/cost/operator_grid.hpp"
#include "core/cost/profile_draw.hpp"
#include "core/cost/slowed.hpp"
#include "core/cost/source.hpp"
#include "core/cost/tied_roofline.hpp"
#include "tests/support/data.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

using Catch::Matchers::Contains;

// Tables of a GPU whose GEMMs take n k m / 1e6 us, its decode attention b context / 100 us, its prefill attention
// length squared / 1000 us and its all-reduces elements / 1e5 us.
struct Tables {
  Tables() {
    gemm = "dtype,n,k,m,us\n";
    for (const int n : {64, 256, 1024, 4096}) {
      for (const int k : {64, 256, 1024}) {
        for (const int m : {1, 64, 128, 256, 512, 1024, 4096})
          gemm += fmt::format("bfloat16,{},{},{},{}\n", n, k, m, 1e-6 * n * k * m);
      }
    }
    decode = "heads,kv_heads,head_dim,batch,context,us\n";
    prefill = "heads,kv_heads,head_dim,batch,length,us\n";
    reduce = "gpus,mode,elements,us\n";
    for (const char* heads : {"8,2,16", "4,1,16"}) {
      for (const int b : {1, 4, 64}) {
        for (const int k : {16, 1024}) decode += fmt::format("{},{},{},{}\n", heads, b, k, b * k / 100.0);
      }
      for (const int l : {16, 64, 1024}) prefill += fmt::format("{},1,{},{}\n", heads, l, l * l / 1000.0);
    }
    for (const int e : {1, 1000, 10'000'000}) reduce += fmt::format("2,graph,{},{}\n2,eager,{},999\n", e, e / 1e5, e);
  }

  std::filesystem::path write(const std::string& version = "1.0.0") const {
    const auto file = [&](const char* what) { return fmt::format("h100_sxm-vllm{}-{}.csv", version, what); };
    scratch.write(file("gemm"), gemm);
    scratch.write(file("generation-attention"), decode);
    scratch.write(file("context-attention"), prefill);
    scratch.write(file("allreduce"), reduce);
    return scratch.path();
  }

  ScratchFolder scratch;
  std::string gemm, decode, prefill, reduce;
};

Transformer small_model() { return {"small", {2, 8, 2, 16, 64, 512}, 1000}; }

Deployment on_h100(std::int32_t gpus = 1) { return {gpu_by_name("h100"), gpus, "bf16"}; }

double elementwise_us(double tokens, double heads_bytes, double mlp) {
  return tokens * (2 * 64 * 8 + heads_bytes + 3 * mlp * 2) / (0.8 * 3.35e12) * 1e6;
}

TEST_CASE("step profile: a step is the sum of its operators") {
  const Tables tables;
  const OperatorSum sum = compose_step(OperatorTables(tables.write(), "h100"), small_model(), on_h100());
  const double weights = 192 * 64 + 64 * 128 + 1024 * 64 + 64 * 512;  // of qkv, o, gate and up, down
  CHECK(sum.tokens.at(512) == Approx(2e-3 * (512e-6 * weights + elementwise_us(512, 192 * 4, 512))));
  CHECK(sum.requests.at(10) == Approx(1e-3 * 1e-6 * 1000 * 64 * 10));
  CHECK(sum.overhead_ms == kHostMs);
  OperatorSum plain = sum;
  plain.derate = 0;
  const CostModel model("sum", std::make_shared<ComposedTimes>(plain));
  const double tokens_and_head = sum.tokens.at(32) + sum.requests.at(32);
  // Decodes: at the middle of a step of 64 tokens, however their contexts differ.
  const BatchShape decodes{.num_decodes = 32, .decode_kv_tokens = 32 * 320};
  CHECK(seconds_from_ticks(model.batch_time(decodes).time) * 1e3 ==
        Approx(0.6 + tokens_and_head + 2e-3 * 32 * 288 / 100.0));
  CHECK(model.decode_time(32, 5).time == model.batch_time(decodes).time);
  CHECK_FALSE(model.batch_time(decodes).extrapolated);

  // Two prompts beside them, one of which has 128 tokens already.
  BatchShape mixed = decodes;
  model.add_prefill(mixed, 0, 256);
  model.add_prefill(mixed, 128, 64);
  const double attention = 256 * 256 + (192 * 192 - 128 * 128);
  CHECK(seconds_from_ticks(model.batch_time(mixed).time) * 1e3 ==
        Approx(0.6 + sum.tokens.at(352) + sum.requests.at(34) + 2e-3 * (32 * 320 / 100.0 + attention / 1000)));
  CHECK_FALSE(model.batch_time(mixed).extrapolated);

  // The derate is for what is above 256 tokens.
  const CostModel derated("derated", std::make_shared<ComposedTimes>(sum));
  CHECK(derated.batch_time(decodes).time == model.batch_time(decodes).time);
  CHECK(seconds_from_ticks(derated.batch_time(mixed).time - model.batch_time(mixed).time) * 1e3 ==
        Approx(0.05 * (sum.tokens.at(352) - sum.tokens.at(256))));
}

TEST_CASE("step profile: over two GPUs each has half, and two all-reduces a layer") {
  const Tables tables;
  const OperatorSum sum = compose_step(OperatorTables(tables.write(), "h100_sxm"), small_model(), on_h100(2));
  const double weights = 96 * 64 + 64 * 64 + 512 * 64 + 64 * 256;
  CHECK(sum.tokens.at(512) ==
        Approx(2e-3 * (512e-6 * weights + elementwise_us(512, 96 * 4, 256) + 2 * 512 * 64 / 1e5)).epsilon(1e-4));
  CHECK_THAT(error_of([&] { compose_step(OperatorTables(tables.write(), "h100"), small_model(), on_h100(3)); }),
             Contains("--tp: 3 GPUs cannot share 8 query heads"));
  CHECK_THAT(error_of([&] { compose_step(OperatorTables(tables.write(), "h100"), small_model(), on_h100(4)); }),
             Contains("(known: 2)"));
}

TEST_CASE("step profile: what lies beyond the tables goes on, and is counted") {
  const Tables tables;
  const OperatorSum sum = compose_step(OperatorTables(tables.write(), "h100"), small_model(), on_h100());
  const CostModel model("sum", std::make_shared<ComposedTimes>(sum));
  const auto outside = [&](std::int32_t decodes, std::int64_t kv, std::int64_t processed, std::int64_t chunk) {
    BatchShape step{.num_decodes = decodes, .decode_kv_tokens = decodes * kv};
    if (chunk > 0) model.add_prefill(step, processed, chunk);
    return model.batch_time(step);
  };
  CHECK_FALSE(outside(64, 1000, 0, 0).extrapolated);
  CHECK(outside(65, 500, 0, 0).extrapolated);  // decodes
  CHECK(outside(8, 1100, 0, 0).extrapolated);  // context
  CHECK_FALSE(outside(8, 1000, 960, 64).extrapolated);
  CHECK(outside(8, 1000, 1000, 64).extrapolated);                        // prompt
  CHECK(outside(0, 0, 0, 5000).extrapolated);                            // tokens
  CHECK(outside(0, 0, 0, 2048).time > 3 * outside(0, 0, 0, 1024).time);  // squares go on
  CHECK(outside(128, 1000, 0, 0).time > outside(64, 1000, 0, 0).time);
  CHECK(outside(8, 20'000, 0, 0).time > outside(8, 10'000, 0, 0).time);
}

TEST_CASE("step profile: a broken cell is left out and named, a tile's step is not") {
  Tables tables;
  const auto slow = [&](const char* row, const char* with) {
    tables.gemm.replace(tables.gemm.find(row), std::string(row).size(), with);
  };
  const Curve whole = OperatorTables(tables.write(), "h100").gemm("bfloat16", 256, 256);
  slow("bfloat16,256,256,512,33.554432\n", "bfloat16,256,256,512,77\n");
  slow("bfloat16,1024,256,512,", "bfloat16,1024,256,257,134\nbfloat16,1024,256,512,");
  const OperatorTables cleaned(tables.write(), "h100");
  REQUIRE(cleaned.broken_cells().size() == 1);
  CHECK_THAT(cleaned.broken_cells()[0], Contains("h100_sxm-vllm1.0.0-gemm.csv: bfloat16 n=256 k=256 m=512: 1 TFLOP/s"));
  const Curve curve = cleaned.gemm("bfloat16", 256, 256);
  CHECK(cleaned.gemm("bfloat16", 1024, 256).at(257) == Approx(134));
  CHECK(curve.at(1024) == Approx(whole.at(1024)));
  CHECK(curve.at(512) < 60);
}

TEST_CASE("step profile: the newest version that has an operator is read, or the one asked for") {
  Tables tables;
  tables.write("0.9.0");
  tables.gemm = "dtype,n,k,m,us\nfp8,64,64,1,1\nfp8,64,64,2,1\n";
  const auto folder = tables.write("0.19.0");
  CHECK(OperatorTables(folder, "h100").gemm("fp8", 64, 64).at(1) == 1);
  CHECK(OperatorTables(folder, "h100", "0.9.0").gemm("bfloat16", 64, 64).at(1) > 0);
  CHECK_THAT(error_of([&] { OperatorTables(folder, "h100", "0.19.1"); }), Contains("did you mean '0.19.0'"));
  CHECK_THAT(error_of([&] { OperatorTables(folder, "h10"); }), Contains("did you mean 'h100'"));
  CHECK_THAT(error_of([&] { OperatorTables(folder, "h100").gemm("bf16", 64, 64); }), Contains("known: fp8"));
  CHECK_THAT(error_of([&] { OperatorTables("nowhere", "h100"); }), Contains("'nowhere' is not a folder"));
  CHECK_THAT(error_of([&] { gpu_by_name("h101"); }), Contains("did you mean 'h100'"));
  tables.gemm = "dtype,n,k,m,us\nfp8,64,64,1,0\n";
  CHECK_THAT(error_of([&] { OperatorTables(tables.write(), "h100"); }), Contains("gemm.csv:2:5 'us'"));
}

TEST_CASE("step profile: attention that was not measured is read from other heads") {
  const Tables tables;
  const OperatorTables read(tables.write(), "h100");
  // 4 b sequences of 8 heads are b of 32; with 6 heads and one for KV there is none.
  CHECK(read.decode_attention({32, 8, 16}).at(2, 500) == Approx(8 * 500 / 100.0));
  CHECK(read.prefill_attention({32, 8, 16}).at(64) == Approx(4 * 64 * 64 / 1000.0));
  CHECK_THAT(error_of([&] { read.decode_attention({6, 1, 16}); }), Contains("known are 4/1/16, 8/2/16"));
}

TEST_CASE("step profile: models by name and by config.json") {
  CHECK(load_transformer("llama3.1-8b").layer_parameters() == 6979321856);
  CHECK(load_transformer("meta-llama/Llama-3.1-8B").name == "llama3.1-8b");
  CHECK(load_transformer("Qwen/Qwen3-32B").shape.mlp_dim == 25600);
  const Transformer mixtral = load_transformer("mixtral-8x7b");
  CHECK(mixtral.layer_parameters() + mixtral.embedding_parameters() == Approx(46.7e9).epsilon(0.01));
  CHECK(mixtral.active_parameters() == Approx(12.6e9).epsilon(0.01));
  CHECK_THAT(error_of([] { load_transformer("llama3.1-9b"); }), Contains("did you mean 'llama3.1-8b'"));
  const ScratchFolder folder;
  const std::string config = R"({"hidden_size": 64, "intermediate_size": 512, "num_hidden_layers": 2,
    "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 1000, "model_type": "qwen3"})";
  const Transformer read = load_transformer(folder.write("config.json", config).string());
  CHECK(read.layer_parameters() == small_model().layer_parameters());
  CHECK(read.query_key_norm);
  std::string broken = config;
  broken.replace(broken.find("1000"), 4, "-1");
  CHECK_THAT(error_of([&] { load_transformer(folder.write("config.json", broken).string()); }),
             Contains("config.json:2") && Contains("'vocab_size' must be a whole number"));
}

TEST_CASE("step profile: KV memory is planned as vLLM plans it, or is what its log says") {
  const Transformer model = load_transformer("llama3.1-8b");
  KvMemory memory = plan_kv_memory(model, 25250627584.0, 2, 1, 2048, 256);  // RTX 4090
  CHECK(memory.kv_bytes_per_token == 131072);
  CHECK(memory.weight_bytes == Approx(16.06e9).epsilon(1e-3));
  CHECK(num_kv_blocks(memory, 0.1, 16) == Approx(2588).epsilon(0.02));  // what vLLM 0.19 logged there
  memory.kv_tokens = 41408;
  CHECK(num_kv_blocks(memory, 0.1, 16) == 2588);
  CHECK(plan_kv_memory(model, 8e10, 2, 8, 2048, 256).kv_bytes_per_token == 16384);
  CHECK(plan_kv_memory(model, 8e10, 2, 16, 2048, 256).kv_bytes_per_token == 16384);  // a head is not halved
  memory = plan_kv_memory(load_transformer("llama3.1-70b"), 8e10, 2, 1, 2048, 256);
  CHECK_THAT(error_of([&] { num_kv_blocks(memory, 0.1, 16); }), Contains("no KV block fits"));
}

std::string profile_of(const StepTimes& times) {
  StepProfile profile;
  profile.name = "mine";
  profile.source = "a \"test\"";
  profile.shape = {2, 8, 2, 16, 64, 512};
  profile.memory = {1e9, 1e6, 1e6, 1024, 0};
  profile.front_end = {6, 22, 3.5};
  profile.times = std::shared_ptr<const StepTimes>(&times, [](const StepTimes*) {});
  return step_profile_json(profile);
}

TEST_CASE("step profile: as JSON it comes back as it was, in each form") {
  const Tables tables;
  const ComposedTimes composed(compose_step(OperatorTables(tables.write(), "h100"), small_model(), on_h100()));
  const TiedRoofline tied(
      RooflineNumbers{0.6, 10, 0.04, 0.03, 6e-5, 0.003, 1e-5, 2048, 64, 0.1, 0.1, 0, 4, 0.01, 0.2, 0.002, 0.005});
  GridSum sum{0.5, 2, 0.1, {{1, 4000}, {1, 300}}, {{1, 300}, {1, 2}}, {}};
  sum.attention.axes = {{{0, 16, 32}, {0, 16}, {0, 1, 2}, {0, 16, 32}}};
  for (int i = 0; i < 54; ++i) sum.attention.us.push_back(10 + i);
  const GridTimes grid(sum);
  const ScratchFolder folder;
  for (const StepTimes* times : {static_cast<const StepTimes*>(&composed), static_cast<const StepTimes*>(&tied),
                                 static_cast<const StepTimes*>(&grid)}) {
    INFO(times->kind());
    const CostSource read = load_profile(folder.write("mine.json", profile_of(*times)).string());
    CHECK(read.front_end.token_us == 22);
    CHECK(read.host_ms > 0);
    CHECK(num_kv_blocks(*read.memory, 0.1, 16) == (900'000'000 - 2'000'000) / 1024 / 16);
    const CostModel model("before", std::shared_ptr<const StepTimes>(times, [](const StepTimes*) {}));
    for (const std::int32_t b : {0, 1, 30}) {
      for (const std::int64_t c : {0, 20, 900}) {
        if (b + c == 0) continue;
        BatchShape step{.num_decodes = b, .decode_kv_tokens = b * 70};
        if (c > 0) model.add_prefill(step, 100, c);
        CHECK(read.model->batch_time(step).time == Approx(model.batch_time(step).time).epsilon(1e-4));
        CHECK(read.model->batch_time(step).extrapolated == model.batch_time(step).extrapolated);
      }
    }
    std::string broken = profile_of(*times);
    broken.replace(broken.find("\"source\""), 8, "\"sauce\"");
    CHECK_THAT(error_of([&] { load_profile(folder.write("mine.json", broken).string()); }),
               Contains("mine.json:3") && Contains("did you mean 'source'"));
    broken = profile_of(*times);
    broken.replace(broken.find("\"overhead_ms\": "), 15, "\"overhead_ms\": -");
    CHECK_THAT(error_of([&] { load_profile(folder.write("mine.json", broken).string()); }),
               Contains("'overhead_ms' must be a number from 0 to 1000"));
  }
}

TEST_CASE("step profile: the tied roofline by hand") {
  const TiedRoofline tied(RooflineNumbers{0.6, 10, 0.04, 0.03, 6e-5, 0.003, 1e-5, 512, 8, 0, 0, 0});
  const CostModel model("tied", std::shared_ptr<const StepTimes>(&tied, [](const StepTimes*) {}));
  BatchShape step{.num_decodes = 4, .decode_kv_tokens = 4000};
  model.add_prefill(step, 100, 200);
  bool outside = false;
  CHECK(tied.milliseconds(step, outside) == Approx(0.6 + std::cbrt(1000 + std::pow(0.04 * 204, 3)) + 0.003 * 204 +
                                                   6e-5 * 4000 + 0.04 * 1e-5 * 200 * 200 + 0.03 * 5));
  CHECK_FALSE(outside);
  model.add_prefill(step, 0, 400);
  tied.milliseconds(step, outside);
  CHECK(outside);

  RooflineNumbers more = tied.numbers();
  more.sharpness = 4;
  more.rise = 0.01;
  more.attention_ms = 0.2;
  more.prompt_token_ms = 0.002;
  step = {.num_decodes = 4, .decode_kv_tokens = 4000};
  model.add_prefill(step, 100, 200);
  const double weights = 10 * (1 + 0.01 * std::log2(204)), reads = 6e-5 * 4000;
  CHECK(TiedRoofline(more).milliseconds(step, outside) ==
        Approx(0.6 + std::pow(std::pow(weights, 4) + std::pow(0.04 * 204, 4), 0.25) + 0.003 * 204 + 0.03 * 5 + 0.2 +
               reads * (1 - std::exp(-std::pow(reads / 0.2, 1.5))) + 0.2 + 0.002 * 200 + 0.04 * 1e-5 * 200 * 200));
}

// Attention of c after q beside b at k takes c q + b k + 3 c b us, dense layers T us each.
struct ProfileGrid {
  ProfileGrid() {
    attention = "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n";
    for (const int c : {0, 16, 32, 64}) {
      for (const int q : {0, 16, 32}) {
        for (const int b : {0, 1, 2, 4}) {
          for (const int k : {0, 16, 32}) {
            const bool named_twice = (c == 0 && q > 0) || (b == 0 && k > 0) || (b > 0 && k == 0) || c + b == 0;
            if (named_twice || (c > 0 && b == 4) || (c == 64 && b > 0)) continue;
            attention += fmt::format("{},{},{},{},{}\n", c, q, b, k, c * q + b * k + 3 * c * b);
          }
        }
      }
    }
    dense = "layer,tokens,time_us\n";
    for (const char* layer : {"qkv_proj", "rotary_emb", "o_proj", "gate_up_proj", "act_fn", "down_proj", "layernorm",
                              "embedding", "final_layernorm"}) {
      dense += fmt::format("{},1,1\n{},1000,1000\n", layer, layer);
    }
    sequences = "layer,sequences,time_us\nlm_head,1,5\nlm_head,8,40\nsampler,1,1\nsampler,8,8\n";
    meta = "skew_fit:\n  per_tp:\n    1:\n      alpha_default: 0.25\n    2:\n      alpha_default: 0.5\n";
  }
  std::filesystem::path write() const {
    scratch.write("attention.csv", attention);
    scratch.write("dense.csv", dense);
    scratch.write("per_sequence.csv", sequences);
    scratch.write("meta.yaml", meta);
    return scratch.path();
  }
  ScratchFolder scratch;
  std::string attention, dense, sequences, meta;
};

TEST_CASE("step profile: a grid's share of skew is a number from 0 to 1") {
  for (const char* given : {"abc", "0,5", "1.5", "-0.1", "0.5x", "", "nan"}) {
    ProfileGrid files;
    files.meta = fmt::format("skew_fit:\n  per_tp:\n    1:\n      alpha_default: {}\n", given);
    CHECK_THROWS_WITH(read_operator_grid(files.write(), small_model(), 1, {}),
                      Catch::Contains(fmt::format("meta.yaml:4: 'alpha_default' is '{}'; it must be", given)));
  }
  ProfileGrid files;
  files.meta = "skew_fit:\n  per_tp:\n    1:\n      alpha_default: 0.25  # of two runs\n";
  CHECK_NOTHROW(read_operator_grid(files.write(), small_model(), 1, {}));
}

TEST_CASE("step profile: a grid is interpolated, its holes filled") {
  const ProfileGrid files;
  REQUIRE(is_operator_grid(files.write()));
  const GridSum sum = read_operator_grid(files.write(), small_model(), 1, {});
  const AttentionGrid& grid = sum.attention;
  CHECK(grid.at(0, 0, 2, 24) == Approx(48));
  CHECK(grid.at(24, 8, 2, 20) == Approx(24 * 8 + 40 + 3 * 24 * 2));
  CHECK(grid.at(16, 0, 1.5, 16) == Approx(24 + 3 * 16 * 1.5));
  CHECK(grid.at(0, 0, 2, 3) == Approx(grid.at(0, 0, 2, 16)));
  CHECK(grid.at(64, 16, 2, 32) ==
        Approx(64 * 16 + 64 + 3 * 32 * 2));  // a hole: as half of the chunk, and the rest alone
  CHECK(grid.at(16, 16, 4, 16) == Approx(16 * 16 + 64 + 3 * 16 * 2));  // a hole: as fewer decodes, and the rest alone
  CHECK(grid.at(0, 0, 2, 64) == Approx(128));                          // beyond the end
  CHECK(sum.tokens.at(100) == Approx(1e-3 * (2 * 8 * 100 + 200)));
  CHECK(sum.requests.at(4) == Approx(1e-3 * 24));

  const GridTimes times(sum);
  BatchShape step{.num_decodes = 2, .decode_kv_tokens = 40};
  const CostModel model("grid", std::shared_ptr<const StepTimes>(&times, [](const StepTimes*) {}));
  model.add_prefill(step, 0, 8);
  model.add_prefill(step, 24, 16);
  bool outside = false;
  const double dense = sum.tokens.at(26) + sum.requests.at(4);
  CHECK(times.milliseconds(step, outside) == Approx(dense + 2e-3 * grid.at(24, 16, 2, 20)));
  step.decode_kv_max = 32;
  CHECK(times.milliseconds(step, outside) ==
        Approx(dense + 2e-3 * (0.75 * grid.at(24, 16, 2, 20) + 0.25 * grid.at(24, 16, 2, 32))));
  CHECK_FALSE(outside);
  step.decode_kv_tokens = 100;
  times.milliseconds(step, outside);
  CHECK(outside);
}

TEST_CASE("step profile: a grid over two GPUs needs the link between them") {
  const ProfileGrid files;
  CHECK_THAT(error_of([&] { read_operator_grid(files.write(), small_model(), 2, {}); }), Contains("--link-gb-s"));
  const GridSum one = read_operator_grid(files.write(), small_model(), 1, {});
  const GridSum two = read_operator_grid(files.write(), small_model(), 2, {20, 16e9});
  CHECK(one.skew == 0.25);
  CHECK(two.skew == 0.5);
  CHECK(two.tokens.at(1000) - one.tokens.at(1000) == Approx(4 * (0.020 + 2 * 1000 * 64 / 16e9 * 1e3)));
  ProfileGrid without;
  for (int row = 0; row < 2; ++row) without.dense.replace(without.dense.find("o_proj"), 6, "p_proj");
  CHECK_THAT(error_of([&] { read_operator_grid(without.write(), small_model(), 1, {}); }), Contains("'o_proj'"));
  ProfileGrid odd;
  odd.attention.replace(odd.attention.find("0,0,2,16"), 8, "0,0,2,17");
  CHECK_THAT(error_of([&] { read_operator_grid(odd.write(), small_model(), 1, {}); }), Contains("no row for"));
}

TEST_CASE("step profile: a draw scales the parts of a profile, the same parts in each") {
  for (const char* name : {"h100-qwen3-14b", "a100-llama2-7b", "h100-llama3-8b"}) {
    INFO(name);
    const CostSource plain = load_profile(name), one = load_profile(name_of_draw(name, 1));
    const CostSource again = load_profile(name_of_draw(name, 1)), two = load_profile(name_of_draw(name, 2));
    CHECK_THAT(one.description, Contains("draw 1"));
    const auto time = [](const CostSource& source, std::int32_t decodes, std::int64_t prompt) {
      BatchShape step{.num_decodes = decodes, .decode_kv_tokens = 1000 * decodes};
      if (prompt > 0) source.model->add_prefill(step, 0, prompt);
      return static_cast<double>(source.model->batch_time(step).time);
    };
    for (const std::int64_t prompt : {0, 1000}) {
      CHECK(time(one, 16, prompt) == time(again, 16, prompt));
      CHECK(time(one, 16, prompt) != time(two, 16, prompt));
      CHECK(time(one, 16, prompt) / time(plain, 16, prompt) == Approx(1).margin(0.12));
    }
    CHECK(one.shape.num_parameters() == plain.shape.num_parameters());
  }
  double squares = 0;  // of the logarithms of what a step without contexts takes
  const CostSource plain = load_profile("h100-qwen3-14b");
  const BatchShape step{.num_decodes = 1, .decode_kv_tokens = 1};
  constexpr int kDraws = 60;
  for (int draw = 1; draw <= kDraws; ++draw) {
    const CostSource drawn = load_profile(name_of_draw("h100-qwen3-14b", static_cast<std::uint64_t>(draw)));
    squares += std::pow(std::log(static_cast<double>(drawn.model->batch_time(step).time) /
                                 static_cast<double>(plain.model->batch_time(step).time)),
                        2);
  }
  CHECK(std::sqrt(squares / kDraws) == Approx(kTokenDeviation).epsilon(0.3));
  CHECK_THAT(error_of([] { load_profile("h100-qwen3-14b~0"); }), Contains("draws are numbered from 1"));
  CHECK_THAT(error_of([] { load_profile("h100-qwen3-14~3"); }), Contains("did you mean 'h100-qwen3-14b'"));
  CHECK(split_draw("a~b.json").name == "a~b.json");
}

TEST_CASE("a slowed model takes as many times as long for every batch, whatever its times are made of", "[cost]") {
  for (const char* name : {"a100-llama2-7b", "h100-llama3-8b", "h100-llama3.1-8b"}) {
    const std::shared_ptr<const CostModel> model = load_profile(name).model;
    CHECK(slowed(model, 1) == model);
    const auto slow = slowed(model, 2.5);
    for (const std::int32_t decodes : {0, 1, 40, 400}) {
      for (const std::int64_t chunk : {0, 100, 3000}) {
        if (decodes == 0 && chunk == 0) continue;
        BatchShape batch = {.num_decodes = decodes, .decode_kv_tokens = std::int64_t{decodes} * 700};
        BatchShape same = batch;
        if (chunk > 0) {
          model->add_prefill(batch, 512, chunk);
          slow->add_prefill(same, 512, chunk);
        }
        const auto expected = model->batch_time(batch), got = slow->batch_time(same);
        CHECK(static_cast<double>(got.time) == Approx(2.5 * static_cast<double>(expected.time)).epsilon(1e-9));
        CHECK(got.extrapolated == expected.extrapolated);
      }
    }
    CHECK(static_cast<double>(slow->decode_time(8, 20).time) ==
          Approx(2.5 * static_cast<double>(model->decode_time(8, 20).time)).epsilon(1e-9));
  }
}

}  // namespace
}  // namespace switchyard
