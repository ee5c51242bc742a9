// Workloads from their specs: arrivals, lengths, cuts, seeds.
#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/workload/bootstrap.hpp"
#include "core/workload/inspect.hpp"
#include "core/workload/lengths.hpp"
#include "core/workload/spec.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

using Catch::Matchers::Contains;

constexpr std::int32_t kContext = 4096;

WorkloadSpec synthetic() {
  WorkloadSpec spec;
  spec.arrivals = ArrivalKind::poisson;
  spec.lengths = LengthKind::fixed;
  spec.prompt_min = 100;
  spec.output_min = 10;
  spec.duration_s = 10000;
  return spec;
}

// A trace of 1000 s: request i arrives at i seconds, with i + 1 prompt tokens.
struct Ramp {
  Ramp() {
    std::string text = "arrived_at,num_prefill_tokens,num_decode_tokens\n";
    for (int i = 0; i <= 1000; ++i) text += std::to_string(i) + "," + std::to_string(i + 1) + ",7\n";
    spec.trace = folder.write("ramp.csv", text).string();
  }
  ScratchFolder folder;
  WorkloadSpec spec;
};

TEST_CASE("workload: lengths beyond the context are cut as Vidur cuts them") {
  const auto cut = [](std::int32_t prompt, std::int32_t output) {
    RawRequest row{0, prompt, output};
    cut_to_context(row, kContext);
    return std::pair(row.num_prefill_tokens, row.num_decode_tokens);
  };
  CHECK(cut(4000, 96) == std::pair(4000, 96));
  CHECK(cut(4000, 97) == std::pair(3999, 96));      // 1 in excess: both lose 1
  CHECK(cut(4096, 4096) == std::pair(2048, 2048));  // exact halves: no rounding
  CHECK(cut(10000, 1) == std::pair(4095, 1));       // at least 1 is left
  CHECK(cut(1, 10000) == std::pair(1, 4095));
  for (std::int32_t prompt = 1; prompt < 20000; prompt += 37) {
    for (std::int32_t output = 1; output < 9000; output += 211) {
      const auto [p, o] = cut(prompt, output);
      if (p < 1 || o < 1 || p + o > kContext)
        FAIL("cut of " << prompt << " + " << output << " gives " << p << ", " << o);
    }
  }
}

TEST_CASE("workload: arrival processes have their rate and burstiness") {
  WorkloadSpec spec = synthetic();
  const auto figures = [&spec] { return inspect_workload(make_rows(spec, 5, kContext)); };
  const double clipped = 1 - std::exp(-3.0);  // mean of min(x, 3) for an exponential x
  spec.arrivals = ArrivalKind::vidur_poisson;
  CHECK(figures().rate_qps.value() == Approx(2.0 / clipped).epsilon(0.02));
  spec.arrivals = ArrivalKind::poisson;
  CHECK(figures().rate_qps.value() == Approx(2.0).epsilon(0.02));
  CHECK(figures().gap_cv.value() == Approx(1.0).epsilon(0.03));
  spec.arrivals = ArrivalKind::gamma;
  spec.arrival_cv = 3.0;
  CHECK(figures().rate_qps.value() == Approx(2.0).epsilon(0.06));
  CHECK(figures().gap_cv.value() == Approx(3.0).epsilon(0.06));
  spec.arrivals = ArrivalKind::lognormal;
  spec.arrival_sigma = 1.0;
  CHECK(figures().rate_qps.value() == Approx(2.0).epsilon(0.04));
  CHECK(figures().gap_cv.value() == Approx(std::sqrt(std::exp(1.0) - 1)).epsilon(0.1));
  spec.arrivals = ArrivalKind::fixed;
  CHECK(figures().num_requests == 19999);  // the one at 10000 s is too late
  CHECK(figures().gap_cv.value() == Approx(0.0).margin(1e-9));
}

TEST_CASE("workload: arrivals are sorted, before the duration, at most as many as asked for") {
  WorkloadSpec spec = synthetic();
  spec.arrivals = GENERATE(ArrivalKind::vidur_poisson, ArrivalKind::poisson, ArrivalKind::gamma, ArrivalKind::lognormal,
                           ArrivalKind::fixed);
  spec.duration_s = 50;
  const auto rows = make_rows(spec, 1, kContext);
  REQUIRE_FALSE(rows.empty());
  for (std::size_t i = 1; i < rows.size(); ++i) CHECK(rows[i].arrived_at_s >= rows[i - 1].arrived_at_s);
  CHECK(rows.back().arrived_at_s < 50);
  spec.duration_s = 0;
  spec.num_requests = 17;
  CHECK(make_rows(spec, 1, kContext).size() == 17);
  spec.num_requests = 0;
  CHECK_THAT(error_of([&] { make_rows(spec, 1, kContext); }), Contains("--duration"));
}

TEST_CASE("workload: the seed decides, and arrivals and lengths independently of each other") {
  WorkloadSpec spec = synthetic();
  spec.lengths = LengthKind::lognormal;
  spec.prompt_median = 100;
  spec.output_median = 100;
  spec.prompt_sigma = spec.output_sigma = 1;
  spec.duration_s = 100;
  const auto rows = make_rows(spec, 1, kContext);
  CHECK(rows == make_rows(spec, 1, kContext));
  CHECK_FALSE(rows == make_rows(spec, 2, kContext));
  spec.qps = 4.0;
  const auto faster = make_rows(spec, 1, kContext);
  REQUIRE(faster.size() > rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(faster[i].num_prefill_tokens == rows[i].num_prefill_tokens);
    CHECK(faster[i].arrived_at_s == Approx(rows[i].arrived_at_s / 2));
  }
}

TEST_CASE("workload: synthetic lengths") {
  WorkloadSpec spec = synthetic();
  spec.lengths = LengthKind::uniform;
  spec.prompt_min = 5, spec.prompt_max = 15;
  spec.output_min = 3, spec.output_max = 3;
  WorkloadFigures figures = inspect_workload(make_rows(spec, 1, kContext));
  CHECK(figures.prompts.quantiles.front() == 5);
  CHECK(figures.prompts.quantiles.back() == 15);
  CHECK(figures.prompts.mean == Approx(10).epsilon(0.01));
  CHECK(figures.outputs.mean == 3);

  spec.lengths = LengthKind::lognormal;  // the chat lengths of the pressure scenarios
  spec.prompt_min = 1;
  spec.prompt_median = 33, spec.prompt_sigma = 1.5;
  spec.output_median = 180, spec.output_sigma = 0.95;
  spec.output_min = 2;
  figures = inspect_workload(make_rows(spec, 1, kContext));
  CHECK(figures.prompts.quantiles[3] == Approx(33).margin(2));
  CHECK(figures.outputs.quantiles[3] == Approx(180).epsilon(0.03));
  CHECK(figures.outputs.quantiles.front() >= 2);
  CHECK(figures.outputs.quantiles[5] == Approx(180 * std::exp(0.95 * 1.645)).epsilon(0.05));
}

TEST_CASE("workload: inflation multiplies a share of prompts and of outputs") {
  WorkloadSpec spec = synthetic();
  spec.inflate_prompt_share = 0.05;
  spec.inflate_output_share = 0.2;
  int prompts = 0, outputs = 0, both = 0;
  const auto rows = make_rows(spec, 1, kContext);
  for (const RawRequest& row : rows) {
    CHECK((row.num_prefill_tokens == 100 || row.num_prefill_tokens == 1000));
    prompts += row.num_prefill_tokens == 1000;
    outputs += row.num_decode_tokens == 100;
    both += row.num_prefill_tokens == 1000 && row.num_decode_tokens == 100;
  }
  const auto n = static_cast<double>(rows.size());
  CHECK(prompts / n == Approx(0.05).margin(0.006));
  CHECK(outputs / n == Approx(0.2).margin(0.01));
  CHECK(both / n == Approx(0.01).margin(0.003));
}

TEST_CASE("workload: outputs are raised to their least, within the context") {
  WorkloadSpec spec = synthetic();
  spec.prompt_min = 8000;
  spec.output_min = 2;
  for (const RawRequest& row : make_rows(spec, 1, kContext)) {
    CHECK(row.num_decode_tokens == 2);
    CHECK(row.num_prefill_tokens == kContext - 2);
  }
  spec.output_min = kContext;
  CHECK_THAT(error_of([&] { make_rows(spec, 1, kContext); }), Contains("--output-min"));
}

TEST_CASE("workload: seed 0 replays a trace as it is, scaled and cut") {
  Ramp ramp;
  std::string source;
  auto rows = make_rows(ramp.spec, 0, kContext, &source);
  CHECK(source == "ramp.csv");
  REQUIRE(rows.size() == 1001);
  CHECK(rows[500] == RawRequest{500.0, 501, 7});
  ramp.spec.time_scale = 4;
  ramp.spec.duration_s = 100;
  rows = make_rows(ramp.spec, 0, kContext);
  REQUIRE(rows.size() == 400);
  CHECK(rows[399] == RawRequest{99.75, 400, 7});
  ramp.spec.num_requests = 10;
  CHECK(make_rows(ramp.spec, 0, kContext).size() == 10);
  ramp.spec.time_scale = 1e-6;
  ramp.spec.duration_s = 0;
  CHECK_THAT(error_of([&] { make_rows(ramp.spec, 0, kContext); }), Contains("--time-scale"));
}

TEST_CASE("workload: training and held-out seeds redraw separate halves of a trace") {
  Ramp ramp;
  const auto check = [&](std::uint64_t seed, std::int32_t least, std::int32_t most) {
    auto rows = make_rows(ramp.spec, seed, kContext);
    CHECK(rows.size() == Approx(1000).margin(20));  // a request a second, for as long as the trace
    CHECK(rows.back().arrived_at_s <= 1000);
    std::size_t in_sequence = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CHECK((rows[i].num_prefill_tokens >= least && rows[i].num_prefill_tokens <= most));
      if (i == 0) continue;
      CHECK(rows[i].arrived_at_s >= rows[i - 1].arrived_at_s);
      in_sequence += rows[i].num_prefill_tokens == rows[i - 1].num_prefill_tokens + 1;
    }
    CHECK(in_sequence >= rows.size() - 18);  // 17 blocks of 60 s
    return rows;
  };
  const auto one = check(1, 1, 501);
  CHECK(one == check(1, 1, 501));
  CHECK_FALSE(one == check(2, 1, 501));
  check(99, 1, 501);
  check(100, 501, 1001);
  check(1000, 501, 1001);
  const std::vector<RawRequest> at_once = {{1, 1, 1}, {1, 2, 2}};
  CHECK_THAT(error_of([&] { bootstrap_trace(at_once, 1, TraceHalf::first); }), Contains("--seed"));
  const std::vector<RawRequest> sparse = {{0, 1, 1}, {100000, 2, 2}};  // its last arrival lies beyond every block
  CHECK_THAT(error_of([&] { bootstrap_trace(sparse, 100, TraceHalf::second); }),
             Contains("--seed") && Contains("too sparse"));
}

TEST_CASE("workload: rows of a trace as lengths") {
  Ramp ramp;
  ramp.spec.arrivals = ArrivalKind::fixed;
  ramp.spec.num_requests = 2002;  // twice the rows
  ramp.spec.lengths = LengthKind::trace;
  auto rows = make_rows(ramp.spec, 3, kContext);
  CHECK(rows[0].num_prefill_tokens == 1);
  CHECK(rows[1000].num_prefill_tokens == 1001);
  CHECK(rows[1001].num_prefill_tokens == 1);

  ramp.spec.lengths = LengthKind::shuffle;
  rows = make_rows(ramp.spec, 3, kContext);
  std::vector<int> seen(1002), early(1002);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ++seen.at(static_cast<std::size_t>(rows[i].num_prefill_tokens));
    if (i < 1001) ++early.at(static_cast<std::size_t>(rows[i].num_prefill_tokens));
  }
  CHECK(std::count(early.begin() + 1, early.end(), 1) == 1001);
  CHECK(std::count(seen.begin() + 1, seen.end(), 2) == 1001);
  CHECK(rows[0].num_prefill_tokens != rows[1001].num_prefill_tokens);
  CHECK_THAT(error_of([&] { make_rows(ramp.spec, 1ULL << 32, kContext); }), Contains("4294967295"));

  ramp.spec.lengths = LengthKind::resample;
  rows = make_rows(ramp.spec, 3, kContext);
  std::fill(seen.begin(), seen.end(), 0);
  for (const RawRequest& row : rows) ++seen.at(static_cast<std::size_t>(row.num_prefill_tokens));
  CHECK(std::count(seen.begin() + 1, seen.end(), 0) == Approx(1001 * std::exp(-2.0)).epsilon(0.25));
}

TEST_CASE("workload: contradictory specs are refused") {
  const auto error = [](auto change) {
    WorkloadSpec spec = synthetic();
    change(spec);
    return error_of([&] { make_rows(spec, 1, kContext); });
  };
  CHECK(error([](WorkloadSpec&) {}).empty());
  CHECK_THAT(error([](WorkloadSpec& s) { s.arrivals = ArrivalKind::trace; }), Contains("--arrivals"));
  CHECK_THAT(error([](WorkloadSpec& s) { s.lengths = LengthKind::shuffle; }), Contains("--lengths"));
  CHECK_THAT(error([](WorkloadSpec& s) { s.trace = "azure-conv"; }), Contains("--workload") && Contains("azure-conv"));
  CHECK_THAT(error([](WorkloadSpec& s) { s.lengths = LengthKind::lognormal; }), Contains("--prompt-median"));
  CHECK_THAT(error([](WorkloadSpec& s) { s.lengths = LengthKind::uniform; }), Contains("--prompt-max"));
  CHECK_THAT(error([](WorkloadSpec& s) { s.qps = 1e-6, s.duration_s = 0, s.num_requests = 10; }), Contains("--qps"));
}

TEST_CASE("workload: what policies may see is split from what they may not") {
  const Workload workload = make_workload("made", {{0.25, 10, 3}, {1e-12, 20, 4}});
  REQUIRE(workload.size() == 2);
  CHECK(workload.requests[0].arrived_at == kTicksPerSecond / 4);
  CHECK(workload.requests[0].id == 0);
  CHECK(workload.requests[0].num_prefill_tokens == 10);
  CHECK(workload.requests[1].arrived_at == 1);
  CHECK(workload.requests[1].id == 1);
  CHECK(workload.hidden.num_decode_tokens == std::vector<std::int32_t>{3, 4});
}

TEST_CASE("workload: a request that could never run is refused, by row") {
  ReplicaLimits limits{.num_blocks = 100, .block_size = 16, .watermark_blocks = 1};  // 1584 tokens usable
  const auto error = [&limits](std::int32_t prompt, std::int32_t output) {
    return error_of([&] { check_fits(make_workload("w.csv", {{0, 1, 1}, {1, prompt, output}}), limits); });
  };
  CHECK(error(1583, 1).empty());
  CHECK_THAT(error(1584, 1), Contains("w.csv") && Contains("row 2") && Contains("1584") && Contains("--num-blocks"));
  limits.batch_tokens = 1000;
  CHECK(error(900, 100).empty());
  CHECK_THAT(error(900, 101), Contains("--max-tokens-in-batch"));
  limits.engine = EngineKind::sarathi;
  CHECK(error(900, 101).empty());
  limits.max_tokens = 1000;
  CHECK_THAT(error(900, 101), Contains("--max-tokens"));
}

TEST_CASE("workload: arrivals by a Poisson process disperse as one") {
  WorkloadSpec spec = synthetic();
  const WorkloadFigures poisson = inspect_workload(make_rows(spec, 1, kContext));
  CHECK(poisson.dispersion_1s.value() == Approx(1).margin(0.05));
  CHECK(poisson.dispersion_60s.value() == Approx(1).margin(0.35));
  spec.arrivals = ArrivalKind::fixed;
  CHECK(inspect_workload(make_rows(spec, 1, kContext)).dispersion_1s.value() < 0.01);
  spec.arrivals = ArrivalKind::lognormal;
  CHECK(inspect_workload(make_rows(spec, 1, kContext)).dispersion_1s.value() > 2);
}

TEST_CASE("workload: plots") {
  CHECK(sparkline({0, 1, 4, 8, -1}, PlotStyle::ascii) == " .=@ ");
  CHECK(sparkline({0, 1, 4, 8, -1}, PlotStyle::unicode) == " ▁▄█ ");
  CHECK(sparkline({0, 0}, PlotStyle::unicode) == "  ");
  CHECK(sparkline({}, PlotStyle::ascii).empty());
  CHECK(bar(0.5, 10, PlotStyle::ascii) == "#####");
  CHECK(bar(0.55, 10, PlotStyle::unicode) == "█████▌");
  CHECK(bar(7, 2, PlotStyle::unicode) == "██");
  CHECK(bar(0, 10, PlotStyle::unicode).empty());
}

TEST_CASE("workload: inspection") {
  const WorkloadFigures figures = inspect_workload({{1, 10, 40}, {2, 20, 30}, {4, 30, 20}, {121, 40, 10}});
  CHECK(figures.num_requests == 4);
  CHECK(figures.first_arrival_s == 1);
  CHECK(figures.duration_s == 120);
  CHECK(figures.rate_qps.value() == Approx(3.0 / 120));
  CHECK(figures.gap_cv.value() == Approx(std::sqrt((39.0 * 39 + 38 * 38 + 77 * 77) / 3) / 40));
  CHECK(figures.peak_minute_qps == Approx(3.0 / 60));
  CHECK(figures.prompts.mean == 25);
  CHECK(figures.prompts.quantiles[3] == 25);
  CHECK(figures.length_correlation.value() == Approx(-1));
  CHECK(figures.peak_to_mean.value() == Approx(3.0 / 60 * 120 / 4));
  CHECK_FALSE(figures.dispersion_60s);  // two windows
  CHECK(figures.prompts.total == 100);
  CHECK(figures.prompts.histogram == std::vector<std::size_t>{0, 0, 0, 1, 2, 1});  // 8-15, 16-31, 32-63
  CHECK(figures.rates_qps[0] == Approx(2.0 / 2));
  CHECK(figures.rates_qps[1] == Approx(1.0 / 2));
  CHECK(figures.rates_qps[kRateBins - 1] == Approx(1.0 / 2));
  const std::string text = describe_workload("w.csv", figures, PlotStyle::ascii);
  CHECK_THAT(text, Contains("w.csv") && Contains("over 120.000 s") && Contains("p99"));
  CHECK_THAT(text, Contains("|@=" + std::string(57, ' ') + "=|\n"));
  CHECK_THAT(text, Contains("                 16-31  50.00% " + std::string(50, '#') + "\n"));
  CHECK(std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
  CHECK_THAT(describe_workload("w.csv", figures, PlotStyle::unicode), Contains("|█▄ ") && Contains(" ▄|\n"));
  const auto json = nlohmann::json::parse(workload_json("w\"\xFF.csv", figures));
  CHECK(json["num_requests"] == 4);
  CHECK(json["dispersion_60s"].is_null());
  CHECK(json["dispersion_1s"].get<double>() == Approx(0.975));  // 3 of 120 windows hold one each
  CHECK(json["rates_over_time"]["qps"].size() == kRateBins);
  CHECK(json["prompt_tokens"]["p50"] == 25);
  CHECK(json["output_tokens"]["histogram"][4] == nlohmann::json({{"from", 16}, {"below", 32}, {"count", 2}}));
  CHECK_NOTHROW(describe_workload("one", inspect_workload({{5, 1, 1}}), PlotStyle::ascii));
  CHECK_THROWS_AS(inspect_workload({}), std::invalid_argument);
}

TEST_CASE("workload: a figure that does not exist is not shown as 0") {
  const WorkloadFigures at_once = inspect_workload({{5, 10, 7}, {5, 10, 9}});
  const std::string text = describe_workload("w.csv", at_once, PlotStyle::ascii);
  CHECK_THAT(text, Contains("rate                     - per second (0.033 in the busiest minute, - times the mean)\n"));
  CHECK_THAT(text, Contains("burstiness               - (") && Contains("correlation              - ("));
  CHECK_THAT(text, Contains("tokens per second        - prompt, - output\n") && !Contains("rate over time"));
  const auto json = nlohmann::json::parse(workload_json("w.csv", at_once));
  for (const char* figure : {"rate_qps", "gap_cv", "peak_to_mean", "length_correlation", "rates_over_time"}) {
    INFO(figure);
    CHECK(json.at(figure).is_null());
  }
  CHECK(json["prompt_tokens"].at("per_second").is_null());
  CHECK(json["output_tokens"].at("per_second").is_null());
  CHECK(json["output_tokens"]["mean"] == 8);
  // Where there is a duration, a rate; lengths that do vary together correlate.
  const WorkloadFigures apart = inspect_workload({{5, 10, 7}, {7, 20, 9}});
  CHECK(apart.rate_qps == 0.5);
  CHECK(apart.length_correlation.value() == Approx(1));
}

}  // namespace
}  // namespace switchyard
