// Made-up requests with prompts in common: what they share, when they come, and that seeds and figures are as stated.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <numeric>

#include "core/scenario/experiment.hpp"
#include "core/scenario/scenario_rows.hpp"
#include "core/workload/arrivals.hpp"
#include "core/workload/generators.hpp"
#include "core/workload/reuse.hpp"
#include "tests/support/errors.hpp"

using namespace switchyard;
using Catch::Contains;

namespace {

WorkloadSpec spec_of(GeneratorKind kind) {
  WorkloadSpec spec;
  spec.generator = kind;
  spec.arrivals = ArrivalKind::poisson;
  spec.lengths = LengthKind::lognormal;
  spec.prompt_median = 70;
  spec.prompt_sigma = 1;
  spec.output_median = 120;
  spec.output_sigma = 0.8;
  spec.qps = 10;
  spec.num_requests = 400;
  return spec;
}

struct Made {
  explicit Made(const WorkloadSpec& spec, std::uint64_t seed = 1) : rows(make_rows(spec, nullptr, seed, 100'000'000)) {
    workload = make_workload(rows.source, rows.rows, *rows.content, spec.concurrency);
  }
  std::vector<std::uint64_t> names(std::size_t row) const {
    std::vector<std::uint64_t> all;
    workload.content.append_block_names(row, 16, all);
    return all;
  }
  std::size_t in_common(std::size_t a, std::size_t b) const {
    const auto x = names(a), y = names(b);
    return static_cast<std::size_t>(std::mismatch(x.begin(), x.end(), y.begin(), y.end()).first - x.begin());
  }
  WorkloadRows rows;
  Workload workload;
};

}  // namespace

TEST_CASE("generators: tenants share their system prompt and nothing else", "[generators]") {
  WorkloadSpec spec = spec_of(GeneratorKind::tenants);
  spec.num_prefixes = 3;
  spec.prefix_lengths = PrefixLengths::even;
  spec.prefix_min = 160;
  spec.prefix_max = 480;
  const Made made(spec);
  REQUIRE(made.rows.rows.size() == 400);
  std::map<std::size_t, int> pairs;
  for (std::size_t i = 1; i < 60; ++i) {
    CHECK(made.rows.rows[i].parent == -1);
    CHECK(made.rows.rows[i].session == -1);
    CHECK(made.workload.content.num_hashed_tokens(i) ==
          made.rows.rows[i].num_prefill_tokens + made.rows.rows[i].num_decode_tokens);
    for (std::size_t j = 0; j < i; ++j) ++pairs[made.in_common(i, j)];
  }
  CHECK(pairs.size() == 4);  // of other tenants, or one of three system prompts
  for (const std::size_t blocks : {0, 10, 20, 30}) CHECK(pairs[blocks] > 10);
  CHECK(pairs[10] > pairs[30]);  // by Zipf's law the first is the most wanted
}

TEST_CASE("generators: a chat's prompt holds all that was said before it", "[generators]") {
  WorkloadSpec spec = spec_of(GeneratorKind::chat);
  spec.num_prefixes = 2;
  spec.document_share = 0.5;
  spec.sessions_at_start = 50;
  const Made made(spec);
  std::size_t later = 0, uncounted = 0;
  std::map<std::int32_t, int> turns;
  for (std::size_t i = 0; i < made.rows.rows.size(); ++i) {
    const RawRequest& row = made.rows.rows[i];
    if (i > 0) CHECK(row.arrived_at_s >= made.rows.rows[i - 1].arrived_at_s);
    uncounted += !row.counted;
    CHECK(++turns[row.session] <= 20);
    if (row.parent < 0) continue;
    ++later;
    const auto p = static_cast<std::size_t>(row.parent);
    const RawRequest& parent = made.rows.rows[p];
    REQUIRE(p < i);
    CHECK(parent.session == row.session);
    CHECK(row.think_s > 0);
    CHECK(row.think_s <= 120);
    const std::int32_t before = parent.num_prefill_tokens + parent.num_decode_tokens;
    CHECK(row.num_prefill_tokens > before);
    CHECK(made.in_common(i, p) == static_cast<std::size_t>(before / 16));
    CHECK(made.workload.requests[i].arrived_at == kNever);
  }
  CHECK(turns.size() == 450);
  CHECK(later > 1000);
  CHECK(uncounted > 50);
  CHECK(uncounted < 300);
  const double mean = static_cast<double>(made.rows.rows.size() - uncounted) / 400;
  CHECK(mean > 4);  // 1 + the mean of a rounded exponential of 4.5, cut at 20
  CHECK(mean < 5.6);
}

TEST_CASE("generators: agents wait for tools, whose results their prompts hold", "[generators]") {
  WorkloadSpec spec = spec_of(GeneratorKind::agents);
  spec.turns_max = 60;
  spec.tool_median = 1000;
  spec.tool_sigma = 0;
  spec.tool_wait_median_s = 2;
  spec.tool_wait_sigma = 0;
  spec.num_requests = 100;
  const Made made(spec);
  std::size_t tools = 0, others = 0;
  for (const RawRequest& row : made.rows.rows) {
    if (row.parent < 0) continue;
    const RawRequest& parent = made.rows.rows[static_cast<std::size_t>(row.parent)];
    const bool tool = row.think_s == 2;
    const std::int32_t added = row.num_prefill_tokens - parent.num_prefill_tokens - parent.num_decode_tokens;
    if (tool) CHECK(added == 1000);
    ++(tool ? tools : others);
  }
  CHECK(tools > 3 * others);  // 8 calls a turn
}

TEST_CASE("generators: retrieved passages are shared where the same ones come first", "[generators]") {
  WorkloadSpec spec = spec_of(GeneratorKind::retrieval);
  spec.num_prefixes = 1;
  spec.num_passages = 6;
  spec.passages_per_request = 3;
  spec.passage_median = 320;
  spec.passage_sigma = 0;
  spec.prefix_lengths = PrefixLengths::even;
  spec.prefix_min = spec.prefix_max = 160;
  const Made made(spec);
  std::map<std::size_t, int> pairs;
  for (std::size_t i = 1; i < 80; ++i) {
    for (std::size_t j = 0; j < i; ++j) ++pairs[made.in_common(i, j)];
  }
  CHECK(pairs.size() == 4);  // the system prompt, and none, one, two or three passages
  for (const std::size_t blocks : {10, 30, 50, 70}) CHECK(pairs[blocks] > 0);
}

TEST_CASE("generators: another seed is another workload, the same one the same", "[generators]") {
  for (const GeneratorKind kind :
       {GeneratorKind::tenants, GeneratorKind::chat, GeneratorKind::agents, GeneratorKind::retrieval}) {
    const WorkloadSpec spec = spec_of(kind);
    CHECK(Made(spec, 3).rows.rows == Made(spec, 3).rows.rows);
    CHECK_FALSE(Made(spec, 3).rows.rows == Made(spec, 4).rows.rows);
  }
}

TEST_CASE("generators: what users add and outputs can be as long as a trace's", "[generators]") {
  WorkloadSpec spec = spec_of(GeneratorKind::tenants);
  spec.trace = "some.csv";
  spec.lengths = LengthKind::resample;
  spec.num_prefixes = 2;
  spec.prefix_lengths = PrefixLengths::even;
  spec.prefix_min = spec.prefix_max = 1000;
  TraceRows trace;
  trace.source = "some.csv";
  for (const std::int32_t length : {10, 20, 30}) {
    trace.rows.push_back({.num_prefill_tokens = length, .num_decode_tokens = length + 1});
  }
  const WorkloadRows made = make_rows(spec, &trace, 1, 100'000'000);
  CHECK(made.source == "synthetic, lengths of some.csv");
  REQUIRE(made.rows.size() == 400);
  std::map<std::int32_t, int> seen;
  for (const RawRequest& row : made.rows) {
    ++seen[row.num_prefill_tokens - 1000];
    CHECK(row.num_decode_tokens == row.num_prefill_tokens - 1000 + 1);
  }
  REQUIRE(seen.size() == 3);  // each a third of them: 133, standard deviation 9.4
  for (const auto& [length, count] : seen) CHECK(std::abs(count - 133) < 40);
  spec.lengths = LengthKind::shuffle;
  CHECK_THAT(error_of([&] { make_rows(spec, &trace, 1, 1000); }), Contains("--lengths: contradicts --generator"));
}

TEST_CASE("generators: contradictions are errors", "[generators]") {
  WorkloadSpec spec = spec_of(GeneratorKind::chat);
  spec.arrivals = ArrivalKind::trace;
  CHECK_THAT(error_of([&] { Made m(spec); }), Contains("--arrivals"));
  spec = spec_of(GeneratorKind::chat);
  spec.lengths = LengthKind::resample;
  CHECK_THAT(error_of([&] { Made m(spec); }), Contains("--lengths"));
  spec = spec_of(GeneratorKind::chat);
  spec.inflate_output_share = 0.5;
  CHECK_THAT(error_of([&] { Made m(spec); }), Contains("--inflate-output-share: contradicts --generator"));
  spec = spec_of(GeneratorKind::tenants);
  spec.prefix_max = 10;
  CHECK_THAT(error_of([&] { Made m(spec); }), Contains("--prefix-max: is 10"));
  spec = spec_of(GeneratorKind::retrieval);
  spec.num_passages = 2;
  CHECK_THAT(error_of([&] { Made m(spec); }), Contains("--passages-per-request: is 5"));
}

TEST_CASE("arrivals: hyperexponential gaps have the mean and the burstiness that are stated", "[generators]") {
  WorkloadSpec spec;
  spec.arrivals = ArrivalKind::hyperexponential;
  spec.qps = 5;
  spec.num_requests = 200'000;
  const std::vector<double> times = generate_arrivals(spec, 1);
  double sum = 0, squares = 0;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const double gap = (times[i] - times[i - 1]) * spec.qps;
    sum += gap;
    squares += gap * gap;
  }
  const auto n = static_cast<double>(times.size() - 1);
  CHECK(sum / n == Approx(1).epsilon(0.02));
  CHECK(squares / n == Approx(2 * (0.2 * 2.6 * 2.6 + 0.8 * 0.6 * 0.6)).epsilon(0.05));
  spec.burst_gap = 6;
  CHECK_THAT(error_of([&] { generate_arrivals(spec, 1); }), Contains("--burst-gap: is 6"));
}

TEST_CASE("arrivals: a wave has the rates that are stated", "[generators]") {
  WorkloadSpec spec = spec_of(GeneratorKind::none);
  spec.num_requests = 0;
  spec.duration_s = 4000;
  spec.wave = 0.8;
  spec.wave_period_s = 1000;
  const std::vector<double> times = generate_arrivals(spec, 1);
  CHECK(std::is_sorted(times.begin(), times.end()));
  CHECK(times.size() == Approx(40'000).epsilon(0.02));  // whole waves: qps on average
  // Of 10 a second, a tenth of the time about the lowest and the highest point: the integral of 1 - 0.8 cos(2 pi t)
  // from -0.05 to 0.05 is 0.1 - 0.8 sin(0.1 pi) / pi = 0.0213, from 0.45 to 0.55 it is 0.1787.
  std::size_t low = 0, high = 0;
  for (const double time : times) {
    const double part = std::fmod(time, 1000) / 1000;
    low += part < 0.05 || part >= 0.95;
    high += part >= 0.45 && part < 0.55;
  }
  CHECK(static_cast<double>(low) == Approx(40'000 * 0.0213).epsilon(0.1));
  CHECK(static_cast<double>(high) == Approx(40'000 * 0.1787).epsilon(0.05));
  spec.spike_factor = 2;
  CHECK_THAT(error_of([&] { generate_arrivals(spec, 1); }), Contains("--wave: contradicts --spike-factor"));
}

TEST_CASE("arrivals: a spike is where and as high as stated", "[generators]") {
  WorkloadSpec spec;
  spec.arrivals = ArrivalKind::poisson;
  spec.qps = 50;
  spec.duration_s = 1000;
  spec.spike_factor = 2.2;
  const std::vector<double> times = generate_arrivals(spec, 1);
  const auto within = [&](double from, double to) {
    return static_cast<double>(
        std::count_if(times.begin(), times.end(), [&](double t) { return t >= from && t < to; }));
  };
  CHECK(within(0, 400) == Approx(20'000).epsilon(0.03));
  CHECK(within(400, 550) == Approx(2.2 * 7'500).epsilon(0.03));
  CHECK(within(550, 1000) == Approx(22'500).epsilon(0.03));
  spec.spike_to = 0.3;
  CHECK_THAT(error_of([&] { generate_arrivals(spec, 1); }), Contains("--spike-to: is 0.3"));
}

TEST_CASE("scenarios of today: they load, and their workloads have what they promise", "[generators]") {
  const auto figures = [](const char* name) {
    const Scenario scenario = load_scenario(name);
    const WorkloadRows rows = scenario_rows(scenario, trace_of(scenario.workload).get(), 1, scenario.max_model_len);
    const auto counted =
        std::count_if(rows.rows.begin(), rows.rows.end(), [](const RawRequest& row) { return row.counted; });
    return std::pair(rows.rows.size(), static_cast<std::size_t>(counted));
  };
  CHECK(figures("tenants").first + 5 > 6000);
  CHECK(figures("tenants").first - figures("tenants").second == 600);
  const auto [chats, counted] = figures("chat-sessions");
  CHECK(chats > 6000);
  CHECK(counted > 4000);
  CHECK(counted < chats - 1080);
}

TEST_CASE("warm-up: metrics leave the first requests out, the replay does not", "[generators]") {
  Scenario scenario = load_scenario("tenants");
  scenario.workload.num_requests = 50;
  scenario.workload.warm_up_requests = 10;
  scenario.workload.warm_up_share = 0.4;
  const auto made = Experiment(scenario).workload(1);
  for (std::size_t i = 0; i < made->size(); ++i) CHECK(made->is_counted(i) == (i >= 20));
  scenario.workload.warm_up_requests = 50;
  CHECK_THAT(error_of([&] { Experiment(scenario).workload(1); }), Contains("--warm-up-requests: leaves none"));
}
