// GPU profiles: Vidur's CSVs and our JSON; what is read, and what is said of a file that is broken in any of its
// fields.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "core/cost/embedded_profiles.hpp"
#include "core/cost/source.hpp"
#include "core/cost/vidur_profile.hpp"
#include "core/input/json_file.hpp"
#include "core/scenario/experiment.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

using Catch::Matchers::Contains;

constexpr std::array kOperators = {
    "attn_pre_proj",   "attn_post_proj",           "mlp_up_proj", "mlp_down_proj", "mlp_act", "attn_rope",
    "input_layernorm", "post_attention_layernorm", "add"};

// A folder of CSVs as Vidur's profiler writes them, of a machine on which every operator takes n / 1000 ms at n tokens,
// decode attention b * k / 1e6 and prefill attention c * (k + c / 2) / 1e7.
struct Folder {
  Folder() {
    std::string header = "num_tokens,num_tensor_parallel_workers,n_head,n_kv_head,n_embd,n_expanded_embd";
    for (const char* name : kOperators) header += fmt::format(",time_stats.{}.median", name);
    mlp = header + "\n";
    for (const int tokens : {1, 8, 64, 512, 1024, 2048, 4096}) {
      mlp += fmt::format("{},1,4,2,256,512", tokens);
      for (std::size_t i = 0; i < kOperators.size(); ++i) mlp += fmt::format(",{}", tokens / 1000.0);
      mlp += "\n";
    }
    mlp += "64,2,4,2,256,512,9,9,9,9,9,9,9,9,9\n";  // of two workers: not ours
    attention =
        "batch_size,prefill_chunk_size,kv_cache_size,is_prefill,num_tensor_parallel_workers,"
        "time_stats.attn_prefill.median,time_stats.attn_decode.median,time_stats.attn_kv_cache_save.median\n";
    for (const int batch : {1, 4, 64, 128}) {
      for (int kv = 0; kv <= 4000; kv += 500)
        attention += fmt::format("{},0,{},False,1,,{},0.01\n", batch, kv, batch * kv / 1e6);
    }
    for (const int kv : {0, 1024, 2048}) {
      for (int chunk = 1; chunk <= 2001; chunk += 100) {
        attention += fmt::format("1,{},{},True,1,{},,0.01\n", chunk, kv, chunk * (kv + chunk / 2.0) / 1e7);
      }
    }
    attention += "1,77,3000,True,1,5,,\n";  // a scattered sample
    model = "{\"num_layers\": 3}";
  }

  std::filesystem::path write() const {
    scratch.write("mlp.csv", mlp);
    scratch.write("attention.csv", attention);
    scratch.write("model.json", model);
    return scratch.path();
  }
  std::string error() const {
    return error_of([&] { load_profile(write().string()); });
  }
  // The error of the folder with the first `from` in a file replaced.
  std::string error(std::string Folder::*file, const std::string& from, const std::string& to) const {
    const Folder other;
    std::string& text = const_cast<Folder&>(other).*file;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    return other.error();
  }

  ScratchFolder scratch;
  std::string mlp, attention, model;
};

TEST_CASE("profile: a folder without attention.csv is told that name") {
  const Folder folder;
  const std::filesystem::path path = folder.write();
  std::filesystem::remove(path / "attention.csv");
  CHECK_THAT(error_of([&] { load_profile(path.string()); }), Contains(": attention.csv is missing"));
}

TEST_CASE("profile: Vidur's CSVs become batch times") {
  const Folder folder;
  const CostSource source = load_profile(folder.write().string());
  CHECK(source.shape.num_layers == 3);
  CHECK(source.shape.num_q_heads == 4);
  CHECK(source.shape.num_kv_heads == 2);
  CHECK(source.shape.head_dim == 64);
  CHECK(source.shape.mlp_dim == 512);
  const auto ms = [&](const BatchShape& shape) {
    const CostModel::Lookup lookup = source.model->batch_time(shape);
    return std::pair(seconds_from_ticks(lookup.time) * 1e3, lookup.extrapolated);
  };
  const double tokens = 9 * 800 / 1000.0 + 0.01;
  CHECK(ms({.num_prefills = 1, .prefill_tokens = 800, .prefill_chunk_squares = 640000}).first ==
        Approx(3 * (tokens + 800 * 400 / 1e7)).epsilon(0.01));
  const auto [decode, outside] = ms({.num_decodes = 16, .decode_kv_tokens = 16 * 1024});
  CHECK(decode == Approx(3 * (9 * 16 / 1000.0 + 0.01 + 1.1 * 16 * 1024 / 1e6)));  // grouped queries: times 1.1
  CHECK_FALSE(outside);
  CHECK(ms({.num_decodes = 200, .decode_kv_tokens = 200}).second);  // the samples end at 128
  CHECK(ms({.num_prefills = 1, .prefill_tokens = 3000, .prefill_chunk_squares = 9000000}).second);

  const VidurMeasurements measured = read_vidur_profile(folder.write());
  for (const FitError& error : cross_validate(measured)) {
    INFO(error.kind);
    CHECK(error.count > 6);
    CHECK(error.median < 0.02);
  }
}

TEST_CASE("profile: errors of Vidur's CSVs name the field") {
  const Folder folder;
  CHECK(folder.error().empty());
  for (const std::string name : {"num_tokens", "num_tensor_parallel_workers", "n_head", "n_kv_head", "n_embd",
                                 "n_expanded_embd", "time_stats.add.median", "time_stats.mlp_act.median"}) {
    CHECK_THAT(folder.error(&Folder::mlp, name, "else"), Contains("mlp.csv:1: column '" + name + "' is missing"));
  }
  for (const std::string name :
       {"batch_size", "prefill_chunk_size", "kv_cache_size", "is_prefill", "num_tensor_parallel_workers",
        "time_stats.attn_prefill.median", "time_stats.attn_decode.median", "time_stats.attn_kv_cache_save.median"}) {
    CHECK_THAT(folder.error(&Folder::attention, name, "else"),
               Contains("attention.csv:1: column '" + name + "' is missing"));
  }
  for (const std::string value : {"x", "nan", "-1", "1e9", ""}) {
    const std::string found = fmt::format("(found '{}')", value);
    CHECK_THAT(folder.error(&Folder::mlp, "\n1,1,4", fmt::format("\n{},1,4", value)),
               Contains("mlp.csv:2:1 'num_tokens'") && Contains(found));
    CHECK_THAT(folder.error(&Folder::mlp, "\n1,1,4", fmt::format("\n1,1,{}", value)),
               Contains("mlp.csv:2:3 'n_head'") && Contains(found));
    CHECK_THAT(folder.error(&Folder::attention, "\n1,0,500", fmt::format("\n{},0,500", value)),
               Contains("attention.csv:3:1 'batch_size'") && Contains(found));
    CHECK_THAT(folder.error(&Folder::attention, "\n1,0,500", fmt::format("\n1,0,{}", value)),
               Contains("attention.csv:3:3 'kv_cache_size'") && Contains(found));
    CHECK_THAT(folder.error(&Folder::attention, "\n1,1,0,True", fmt::format("\n1,{},0,True", value)),
               Contains("'prefill_chunk_size'") && Contains(found));
    if (value.empty()) continue;  // blank: an operator that was not measured there
    CHECK_THAT(folder.error(&Folder::mlp, ",0.001\n", fmt::format(",{}\n", value)),
               Contains("mlp.csv:2:15 'time_stats.add.median'") && Contains(found));
  }
  CHECK_THAT(folder.error(&Folder::attention, "1,,0.0005,0.01", "1,,-3,0.01"),
             Contains("attention.csv:3:7 'time_stats.attn_decode.median'"));
  CHECK_THAT(folder.error(&Folder::attention, "False", "Maybe"),
             Contains("attention.csv:2:4 'is_prefill': must be True or False (found 'Maybe')"));
  CHECK_THAT(folder.error(&Folder::mlp, ",0.001,0.001\n", "\n"), Contains("mlp.csv:2") && Contains("truncated"));
  CHECK_THAT(folder.error(&Folder::model, "num_layers", "layers"),
             Contains("model.json:1:1") && Contains("'num_layers' is missing"));
  CHECK_THAT(folder.error(&Folder::model, "3", "0"), Contains("model.json:1:2") && Contains("'0'"));
  Folder few;
  few.attention = few.attention.substr(0, few.attention.find("\n1,1,0,True") + 1);
  CHECK_THAT(few.error(), Contains("too few prefill samples"));
  few.mlp = few.mlp.substr(0, few.mlp.find("\n8,1") + 1);
  CHECK_THAT(few.error(), Contains("mlp.csv") && Contains("too few rows"));
  few.write();
  std::filesystem::remove(few.scratch.path() / "mlp.csv");
  CHECK_THAT(error_of([&] { load_profile(few.scratch.path().string()); }), Contains("mlp.csv: cannot read the file"));
  Folder unnamed;
  unnamed.write();
  std::filesystem::remove(unnamed.scratch.path() / "model.json");
  CHECK_THAT(error_of([&] { load_profile(unnamed.scratch.path().string()); }), Contains("how many layers"));
}

TEST_CASE("profile: JSON is read as it was written, and its errors say where") {
  const Folder folder;
  Profile profile = profile_of(read_vidur_profile(folder.write()));
  profile.name = "a \"name\"";
  const std::string good = profile_json(profile);
  CHECK(profile_json(read_profile_json(JsonFile("p.json", good))) == good);
  const auto error = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    return error_of([&] { read_profile_json(JsonFile("p.json", text)); });
  };
  CHECK(error("name", "name").empty());
  CHECK_THAT(error("\"name\"", "\"nom\""), Contains("p.json:2:3: unknown key 'nom'; did you mean 'name'"));
  CHECK_THAT(error("\"source\": \"Vidur profile CSVs\"", "\"source\": 7"),
             Contains("p.json:3:3: 'source' must be text"));
  CHECK_THAT(error("\"num_layers\": 3", "\"num_layers\": 0"), Contains("p.json:4:13") && Contains("'num_layers'"));
  CHECK_THAT(error("\"num_kv_heads\": 2", "\"num_kv_heads\": 5"), Contains("at most 'num_q_heads'"));
  CHECK_THAT(error("\"head_dim\": 64, ", ""), Contains("'head_dim' is missing"));
  CHECK_THAT(error("\"attn_decode\"", "\"grouped_query_factor\""), Contains("'/attn_decode' is missing"));
  CHECK_THAT(error("[[1,0.009]", "[[1,-0.009]"), Contains("p.json:5:26") && Contains("(found '-0.009')"));
  CHECK_THAT(error("[[1,0.009]", "[[1]"), Contains("p.json:5:23") && Contains("pair"));
  CHECK_THAT(error("[[1,0.009]", "[[1,null]"), Contains("p.json:5:26") && Contains("null"));
  CHECK_THAT(error("[[1,0.009]", "[[5000,0.009]"), Contains("above the one before it"));
  CHECK_THAT(error("[[1,0.009]", "[[1e9,0.009]"), Contains("a number from 0 to 10000000"));
  CHECK_THAT(error("\"at\": 1,", "\"at\": 128,"), Contains("'at' must be") && Contains("above the one before it"));
  CHECK_THAT(error("\"at\": 128,", "\"at\": 1e6,"), Contains("'at' must be a number from 1 to 100000"));
  CHECK_THAT(error("\"at\": 128,", ""), Contains("must be an object with 'at'"));
  CHECK_THAT(error_of([] { read_profile_json(JsonFile("p.json", "[]")); }), Contains("must be an object"));
}

TEST_CASE("profile: an engine's context is by default that of the profile's model, and what is given goes before it") {
  for (const EmbeddedProfile& profile : embedded_profiles()) {
    INFO(profile.name);
    const std::int32_t of_model = JsonFile(profile.file, profile.json).root().at("model").at("max_model_len");
    Scenario scenario;
    scenario.profile = profile.name;
    scenario.num_gpu_blocks = 20000;
    CHECK(Experiment(scenario).cluster().kind(0).limits().max_tokens == of_model);
    scenario.max_model_len = 2000;
    CHECK(Experiment(scenario).cluster().kind(0).limits().max_tokens == 2000);
  }
}

}  // namespace
}  // namespace switchyard
