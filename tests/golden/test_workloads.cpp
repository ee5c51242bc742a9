// Our workloads against those that real Vidur made.
#include <catch2/catch.hpp>
#include <cmath>

#include "core/workload/embedded_models.hpp"
#include "core/workload/fit.hpp"
#include "core/workload/inspect.hpp"
#include "core/workload/session_model.hpp"
#include "core/workload/spec.hpp"
#include "core/workload/trace_file.hpp"
#include "core/workload/trace_model.hpp"
#include "tests/support/data.hpp"

namespace switchyard {
namespace {

WorkloadSpec vidur_generator(const std::string& trace, double duration_s) {
  WorkloadSpec spec;
  spec.trace = trace;
  spec.arrivals = ArrivalKind::vidur_poisson;
  spec.lengths = LengthKind::shuffle;
  spec.qps = 2.0;
  spec.duration_s = duration_s;
  return spec;
}

TEST_CASE("workload: seed 42 gives Vidur's requests to the last digit") {
  const auto data = data_folder();
  const auto reference = reference_folder();
  if (!data || !reference) {
    WARN("SKIPPED: neither trace nor reference workload is there");
    return;
  }
  const auto [duration_s, file, size] = GENERATE(table<double, std::string, std::size_t>(
      {{1000, "conv_poisson2_seed42.csv", 2072}, {300, "conv_poisson2_seed42_300s.csv", 0}}));
  const std::vector<RawRequest> expected = read_trace(*reference / "vidur" / "workloads" / file).rows;
  const WorkloadSpec spec = vidur_generator((*data / "traces" / "splitwise_conv.csv").string(), duration_s);
  const std::vector<RawRequest> made = make_rows(spec, 42, 4096);
  REQUIRE(made.size() == expected.size());
  if (size > 0) CHECK(made.size() == size);
  std::size_t different = 0;
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (made[i].arrived_at_s != expected[i].arrived_at_s ||
        made[i].num_prefill_tokens != expected[i].num_prefill_tokens ||
        made[i].num_decode_tokens != expected[i].num_decode_tokens) {
      ++different;
    }
  }
  CHECK(different == 0);
}

TEST_CASE("workload: deriving the embedded models from the traces gives the committed bytes") {
  const auto data = data_folder();
  if (!data) {
    WARN("SKIPPED: no traces");
    return;
  }
  for (const EmbeddedModel& embedded : embedded_models()) {
    const JsonFile json(embedded.file, embedded.text);
    if (SessionModel::is_model(json)) continue;  // tests/unit/test_session_model.cpp
    const TraceModel model(json);
    CHECK(fit_trace_model(*data / "traces" / model.derived_from()) == embedded.text);
  }
}

TEST_CASE("workload: the embedded models are close to their traces") {
  const auto data = data_folder();
  if (!data) {
    WARN("SKIPPED: no traces");
    return;
  }
  for (const EmbeddedModel& embedded : embedded_models()) {
    const JsonFile json(embedded.file, embedded.text);
    if (SessionModel::is_model(json)) continue;  // tests/unit/test_session_model.cpp
    const TraceModel model(json);
    const WorkloadFigures real = inspect_workload(read_trace(*data / "traces" / model.derived_from()).rows);
    const WorkloadFigures ours = inspect_workload(model.rows());
    INFO(embedded.name);
    CHECK(ours.num_requests == real.num_requests);
    CHECK(ours.duration_s == Approx(real.duration_s).margin(0.001));
    CHECK(ours.prompts.mean == Approx(real.prompts.mean).epsilon(0.005));
    CHECK(ours.outputs.mean == Approx(real.outputs.mean).epsilon(0.005));
    CHECK(ours.length_correlation.value() == Approx(real.length_correlation.value()).margin(0.02));
    CHECK(ours.gap_cv.value() == Approx(real.gap_cv.value()).epsilon(0.05));
    CHECK(ours.peak_minute_qps == Approx(real.peak_minute_qps).epsilon(0.05));
    for (std::size_t i = 1; i + 1 < kInspectedLevels.size(); ++i) {
      INFO("level " << kInspectedLevels[i]);
      CHECK(ours.prompts.quantiles[i] == Approx(real.prompts.quantiles[i]).epsilon(0.01).margin(1));
      CHECK(ours.outputs.quantiles[i] == Approx(real.outputs.quantiles[i]).epsilon(0.04).margin(1));
    }
  }
}

}  // namespace
}  // namespace switchyard
