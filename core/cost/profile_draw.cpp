#include "core/cost/profile_draw.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/cost/attention_grid.hpp"
#include "core/cost/composed_times.hpp"
#include "core/cost/tied_roofline.hpp"
#include "core/input/error.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

namespace {

// Normal deviates of a draw, one for each part.
struct Deviates {
  double tokens = 0, decode = 0, prefill = 0, requests = 0;

  explicit Deviates(std::uint64_t draw) {
    WorkloadRandom random(draw, WorkloadRandom::Purpose::model);
    for (double* deviate : {&tokens, &decode, &prefill, &requests}) *deviate = random.normal();
  }
};

double factor(double deviation, double deviate) { return std::exp(deviation * deviate); }

void scale(std::vector<double>& values, double by) {
  for (double& value : values) value *= by;
}

std::shared_ptr<const StepTimes> drawn(const ComposedTimes& times, const Deviates& z) {
  OperatorSum sum = times.sum();
  scale(sum.tokens.y, factor(kTokenDeviation, z.tokens));
  scale(sum.requests.y, factor(kTokenDeviation, z.tokens));
  for (Curve& curve : sum.decode.curves) scale(curve.y, factor(kDecodeDeviation, z.decode));
  scale(sum.prefill.y, factor(kPrefillDeviation, z.prefill));
  return std::make_shared<ComposedTimes>(std::move(sum));
}

std::shared_ptr<const StepTimes> drawn(const GridTimes& times, const Deviates& z) {
  GridSum sum = times.sum();
  scale(sum.tokens.y, factor(kTokenDeviation, z.tokens));
  scale(sum.requests.y, factor(kTokenDeviation, z.tokens));
  scale(sum.attention.us, factor(kDecodeDeviation, z.decode));
  return std::make_shared<GridTimes>(std::move(sum));
}

std::shared_ptr<const StepTimes> drawn(const TiedRoofline& times, const Deviates& z) {
  RooflineNumbers numbers = times.numbers();
  const double weights = factor(std::max(kTokenDeviation, numbers.weights_error), z.tokens);
  numbers.weights_ms *= weights;
  numbers.activation_ms *= weights;
  numbers.attention_ms *= weights;
  numbers.context_token_ms *= factor(std::max(kDecodeDeviation, numbers.weights_error), z.decode);
  numbers.token_ms *= factor(std::max(kTokenDeviation, numbers.token_error), z.prefill);
  numbers.prompt_token_ms *= factor(kPrefillDeviation, z.prefill);
  numbers.request_ms *= factor(numbers.request_error, z.requests);
  numbers.request_ms = std::max(0.0, numbers.request_ms + numbers.request_error_ms * z.requests);
  return std::make_shared<TiedRoofline>(numbers);
}

}  // namespace

ProfileName split_draw(std::string_view text) {
  const auto mark = text.rfind('~');
  const std::string_view number = mark == std::string_view::npos ? "" : text.substr(mark + 1);
  if (number.empty() || number.find_first_not_of("0123456789") != std::string_view::npos) return {std::string(text), 0};
  ProfileName name{std::string(text.substr(0, mark)), 0};
  const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), name.draw);
  if (fault != std::errc() || name.draw == 0) {
    throw InputError(fmt::format("--profile: {} is not allowed; draws are numbered from 1", in_quotes(text)));
  }
  return name;
}

std::string name_of_draw(const std::string& name, std::uint64_t draw) { return fmt::format("{}~{}", name, draw); }

void apply_draw(std::uint64_t draw, LayerTimes& times) {
  const Deviates z(draw);
  scale(times.ms.tokens, factor(kTokenDeviation, z.tokens));
  scale(times.ms.decode, factor(kDecodeDeviation, z.decode));
  scale(times.ms.prefill, factor(kPrefillDeviation, z.prefill));
}

void apply_draw(std::uint64_t draw, StepProfile& profile) {
  const Deviates z(draw);
  if (const auto* composed = dynamic_cast<const ComposedTimes*>(profile.times.get())) {
    profile.times = drawn(*composed, z);
  } else if (const auto* grid = dynamic_cast<const GridTimes*>(profile.times.get())) {
    profile.times = drawn(*grid, z);
  } else if (const auto* tied = dynamic_cast<const TiedRoofline*>(profile.times.get())) {
    profile.times = drawn(*tied, z);
  }
}

}  // namespace switchyard
