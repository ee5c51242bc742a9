// Profiles fitted to measured batch times and to Vidur's CSVs: what comes out, how good it is said to be, and errors.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "core/cost/fit_batches.hpp"
#include "core/cost/non_negative.hpp"
#include "core/cost/source.hpp"
#include "core/workload/random.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

using Catch::Matchers::Contains;

double milliseconds(const CostModel& model, const BatchShape& shape) {
  return seconds_from_ticks(model.batch_time(shape).time) * 1e3;
}

BatchShape shape_of(std::int32_t decodes, std::int64_t kv, std::int64_t chunk, std::int64_t prefill_kv) {
  return {.num_decodes = decodes,
          .decode_kv_tokens = decodes * kv,
          .num_prefills = chunk > 0 ? 1 : 0,
          .prefill_tokens = chunk,
          .prefill_kv_tokens = prefill_kv,
          .prefill_chunk_squares = chunk * chunk};
}

// Batches of all kinds as an engine might log them: sizes spread over orders of magnitude, times with noise.
std::vector<MeasuredBatch> measure(const CostModel& model, std::size_t count, double noise) {
  WorkloadRandom random(11, WorkloadRandom::Purpose::model);
  const auto spread = [&random](double low, double high) {
    return static_cast<std::int64_t>(std::exp(std::log(low) + random.uniform() * std::log(high / low)));
  };
  std::vector<MeasuredBatch> batches;
  while (batches.size() < count) {
    const std::size_t kind = random.below(3);  // 0: decodes, 1: prefills, 2: both
    const auto decodes = static_cast<std::int32_t>(kind == 1 ? 0 : spread(1, 129));
    const std::int64_t chunk = kind == 0 ? 0 : spread(16, 4097 - decodes);
    const std::int64_t prefill_kv =
        chunk == 0 || random.below(2) ? 0 : static_cast<std::int64_t>(random.below(64)) * 64;
    const BatchShape shape = shape_of(decodes, spread(16, 4096), chunk, prefill_kv);
    batches.push_back({shape, milliseconds(model, shape) * (1 + noise * random.normal())});
  }
  return batches;
}

std::string as_csv(const std::vector<MeasuredBatch>& batches) {
  std::string csv = "batch_tokens,decode_batch_size,mean_kv_tokens,prefill_tokens,prefill_kv_tokens,milliseconds\n";
  for (const auto& [shape, ms] : batches) {
    csv += fmt::format("{},{},{},{},{},{}\n", shape.num_decodes + shape.prefill_tokens, shape.num_decodes,
                       shape.num_decodes > 0 ? shape.decode_kv_tokens / shape.num_decodes : 0, shape.prefill_tokens,
                       shape.prefill_kv_tokens, ms);
  }
  return csv;
}

// The largest relative difference over a grid of batches that the fit has not seen.
double worst_on_grid(const CostModel& truth, const CostModel& fitted) {
  double worst = 0;
  const auto check = [&](const BatchShape& shape) {
    const double error = std::abs(milliseconds(fitted, shape) / milliseconds(truth, shape) - 1);
    if (error > worst) {
      worst = error;
      UNSCOPED_INFO("b " << shape.num_decodes << " kv " << shape.decode_kv_tokens << " c " << shape.prefill_tokens
                         << " q " << shape.prefill_kv_tokens << ": " << error);
    }
  };
  for (const std::int32_t b : {0, 1, 2, 5, 11, 24, 50, 100, 128}) {
    for (const std::int64_t k : {40, 130, 500, 1100, 2500, 4000}) {
      for (const std::int64_t c : {0, 20, 70, 200, 333, 512, 900, 2048, 3900}) {
        for (const std::int64_t q : {0, 256, 1500, 3000}) {
          if (b + c > 0) check(shape_of(b, b > 0 ? k : 0, c, c > 0 ? q : 0));
        }
      }
    }
  }
  return worst;
}

const ModelShape kUnknown{.num_layers = 1, .num_q_heads = 1, .num_kv_heads = 1};

CostModel fitted_model(const std::vector<MeasuredBatch>& batches, const ModelShape& shape = kUnknown) {
  return CostModel("fitted", whole_model(compile_profile(fit_batches("batches.csv", batches, shape))));
}

TEST_CASE("profile fit: a known analytic profile with 2% noise is recovered within 2%") {
  const ScratchFolder folder;
  const std::size_t count = GENERATE(1000, 4000);
  const CostSource truth = load_profile("h100-llama3-8b");  // a roofline
  const auto file = folder.write("batches.csv", as_csv(measure(*truth.model, count, 0.02)));
  const std::vector<MeasuredBatch> batches = read_measured_batches(file);
  REQUIRE(batches.size() == count);
  Profile profile = fit_batches("batches.csv", batches, kUnknown);
  profile.name = "mine";
  profile.source = "a \"test\"";
  const std::string json = profile_json(profile);
  CHECK(json.size() < 5'000);
  const CostSource fitted = load_profile(folder.write("mine.json", json).string());
  CHECK_FALSE(fitted.shape_complete);
  CHECK(worst_on_grid(*truth.model, *fitted.model) < 0.02);
  for (const FitError& error : cross_validate("batches.csv", batches, kUnknown)) {  // noise of a normal distribution
    INFO(error.kind << ", " << error.count);
    CHECK(error.median == Approx(0.0135).epsilon(0.2));
    CHECK(error.p95 == Approx(0.039).epsilon(0.2));
  }
}

TEST_CASE("profile fit: a few stalled batches do not bend the fit") {
  const CostSource truth = load_profile("h100-llama3-8b");
  std::vector<MeasuredBatch> batches = measure(*truth.model, 4000, 0.02);
  for (std::size_t i = 0; i < batches.size(); i += 50) batches[i].milliseconds *= 6;
  CHECK(worst_on_grid(*truth.model, fitted_model(batches)) < 0.025);
}

TEST_CASE("profile fit: times are the measured ones whatever the model's shape") {
  const CostSource truth = load_profile("h100-llama3-8b");
  const std::vector<MeasuredBatch> batches = measure(*truth.model, 500, 0);
  const CostModel one = fitted_model(batches);
  const CostModel many = fitted_model(batches, truth.shape);  // of 32 layers, grouped queries
  REQUIRE(truth.shape.grouped_query());
  for (const auto& [shape, ms] : batches) {
    const double difference = milliseconds(one, shape) / milliseconds(many, shape) - 1;
    if (std::abs(difference) > 1e-9) FAIL("differs by " << difference);
  }
  const ScratchFolder folder;
  Profile profile = fit_batches("batches.csv", batches, truth.shape);
  profile.name = profile.source = "known";
  const CostSource loaded = load_profile(folder.write("known.json", profile_json(profile)).string());
  CHECK(loaded.shape_complete);
  CHECK(loaded.shape.num_parameters() == truth.shape.num_parameters());
  CHECK(loaded.model->tables().prefill_many_factor == 1);
}

TEST_CASE("profile fit: least squares without negative parts") {
  // x - y fits best, but y must not be below 0: the best multiple of the first column alone.
  CHECK(non_negative_least_squares({1, 0, 1, 1, 1, 2}, {3, 2, 1}, {1, 1, 1}, 2) == std::vector<double>{2, 0});
  const auto weighted = non_negative_least_squares({1, 1, 1}, {1, 1, 7}, {1, 1, 0}, 1);
  CHECK(weighted[0] == Approx(1));
  CHECK(non_negative_least_squares({0, 1, 0, 2}, {1, 2}, {1, 1}, 2)[0] == 0);
  CHECK(non_negative_least_squares({1, 2}, {-1, -2}, {1, 1}, 1)[0] == 0);

  // Karush, Kuhn, Tucker: no slope along what is above 0, none downhill along what is 0.
  WorkloadRandom random(5, WorkloadRandom::Purpose::model);
  constexpr std::size_t kRows = 60, kColumns = 12;
  for (int problem = 0; problem < 50; ++problem) {
    std::vector<double> a, b, weights;
    for (std::size_t i = 0; i < kRows * kColumns; ++i) a.push_back(random.normal());
    for (std::size_t i = 0; i < kRows; ++i) {
      b.push_back(random.normal());
      weights.push_back(random.uniform());
    }
    const std::vector<double> x = non_negative_least_squares(a, b, weights, kColumns);
    for (std::size_t j = 0; j < kColumns; ++j) {
      double slope = 0;
      for (std::size_t i = 0; i < kRows; ++i) {
        double miss = -b[i];
        for (std::size_t k = 0; k < kColumns; ++k) miss += a[i * kColumns + k] * x[k];
        slope += weights[i] * miss * a[i * kColumns + j];
      }
      CHECK(x[j] >= 0);
      if (x[j] > 0) {
        CHECK(slope == Approx(0).margin(1e-8));
      } else {
        CHECK(slope >= -1e-8);
      }
    }
  }
}

TEST_CASE("profile fit: errors of measured batches name the field") {
  const ScratchFolder folder;
  const auto error = [&](std::string_view header, std::string_view rows) {
    return error_of([&] { read_measured_batches(folder.write("b.csv", fmt::format("{}\n{}", header, rows))); });
  };
  constexpr std::string_view kHeader = "batch_tokens,decode_batch_size,mean_kv_tokens,prefill_tokens,milliseconds";
  CHECK(error(kHeader, "108,8,512.5,100,9.5\n").empty());
  CHECK(error("x,milliseconds,prefill_tokens,mean_kv_tokens,decode_batch_size,batch_tokens", "?,9,0,77,8,8\n").empty());
  for (const std::string name :
       {"batch_tokens", "decode_batch_size", "mean_kv_tokens", "prefill_tokens", "milliseconds"}) {
    std::string header(kHeader);
    header.replace(header.find(name), name.size(), "else");
    CHECK_THAT(error(header, ""), Contains("b.csv:1: column '" + name + "' is missing"));
  }
  const auto check = [&](std::string_view row, std::string_view place, std::string_view found) {
    INFO(row);
    CHECK_THAT(error(kHeader, row),
               Contains(fmt::format("b.csv:2:{}", place)) && Contains(fmt::format("(found '{}')", found)));
  };
  for (const std::string value : {"", "x", "nan", "1.5", "-1", "99999999999999999999"}) {
    check(fmt::format("{},8,512,100,9", value), "1 'batch_tokens'", value);
    check(fmt::format("108,{},512,100,9", value), "2 'decode_batch_size'", value);
    check(fmt::format("108,8,512,{},9", value), "4 'prefill_tokens'", value);
  }
  for (const std::string value : {"", "x", "nan", "inf", "-1", "1e999", "1e8"}) {
    check(fmt::format("108,8,{},100,9", value), "3 'mean_kv_tokens'", value);
    check(fmt::format("108,8,512,100,{}", value), "5 'milliseconds'", value);
  }
  check("108,8,512,100,0", "5 'milliseconds'", "0");
  check("107,8,512,100,9", "1 'batch_tokens'", "107");
  check("0,0,0,0,9", "4 'prefill_tokens'", "0");
  check("100,0,512,100,9", "3 'mean_kv_tokens'", "512");
  check("200001,200000,1,1,9", "2 'decode_batch_size'", "200000");
  CHECK_THAT(error(kHeader, "108,8,512"), Contains("b.csv:2:3") && Contains("truncated"));
  const std::string more = fmt::format("{},num_prefills,prefill_kv_tokens", kHeader);
  CHECK(error(more, "108,8,512,100,9,2,64\n8,8,512,0,9,0,0\n").empty());
  CHECK_THAT(error(more, "108,8,512,100,9,0,64"), Contains("b.csv:2:6 'num_prefills'") && Contains("'0'"));
  CHECK_THAT(error(more, "108,8,512,100,9,101,64"), Contains("b.csv:2:6 'num_prefills'"));
  CHECK_THAT(error(more, "8,8,512,0,9,1,0"), Contains("b.csv:2:6 'num_prefills'"));
  CHECK_THAT(error(more, "108,8,512,100,9,2,-1"), Contains("b.csv:2:7 'prefill_kv_tokens'"));
  CHECK_THAT(error(more, "8,8,512,0,9,0,5"), Contains("b.csv:2:7 'prefill_kv_tokens'"));

  const CostSource truth = load_profile("h100-llama3-8b");
  std::vector<MeasuredBatch> batches = measure(*truth.model, 49, 0);
  CHECK_THAT(error_of([&] { fit_batches("b.csv", batches, kUnknown); }), Contains("b.csv: has 49 batches"));
  batches = measure(*truth.model, 500, 0);
  std::erase_if(batches, [](const MeasuredBatch& batch) { return batch.shape.num_prefills > 0; });
  CHECK_THAT(error_of([&] { fit_batches("b.csv", batches, kUnknown); }), Contains("0 that prefill"));
  CHECK_THAT(error_of([&] { fit_batches("b.csv", {}, kUnknown); }), Contains("has 0 batches"));
}

}  // namespace
}  // namespace switchyard
