#include "core/workload/lengths.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/input/error.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

namespace {

constexpr double kMostTokens = 1e8;  // of one request, before it is cut to the context

std::int32_t tokens(double value, double least) {
  return static_cast<std::int32_t>(std::floor(std::clamp(value, least, kMostTokens) + 0.5));
}

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

void check_range(std::string_view what, std::int32_t least, std::int32_t most) {
  if (most < least) {
    throw InputError(fmt::format("--{}-max: is {}; with uniform lengths it must be at least --{}-min, which is {}",
                                 what, most, what, least));
  }
}

void check_median(std::string_view what, double median) {
  if (median <= 0) {
    throw InputError(fmt::format("--{}-median: is {}; lognormal lengths need one above 0", what, median));
  }
}

}  // namespace

void cut_to_context(RawRequest& row, std::int32_t max_tokens) {
  const std::int64_t prompt = row.num_prefill_tokens;
  const std::int64_t output = row.num_decode_tokens;
  const std::int64_t total = prompt + output;
  const std::int64_t excess = total - max_tokens;
  if (excess <= 0) return;
  const auto cut = [&](std::int64_t part) {
    return static_cast<std::int32_t>(std::max<std::int64_t>(part - ceil_divide(excess * part, total), 1));
  };
  set_lengths(row, cut(prompt), cut(output));
}

void draw_lengths(const WorkloadSpec& spec, std::uint64_t seed, std::vector<RawRequest>& rows) {
  if (spec.lengths == LengthKind::lognormal) {
    check_median("prompt", spec.prompt_median);
    check_median("output", spec.output_median);
  }
  if (spec.lengths == LengthKind::uniform) {
    check_range("prompt", spec.prompt_min, spec.prompt_max);
    check_range("output", spec.output_min, spec.output_max);
  }
  WorkloadRandom random(seed, WorkloadRandom::Purpose::lengths);
  const auto lognormal = [&](double median, double sigma, std::int32_t least) {
    return tokens(median * std::exp(sigma * random.normal()), least);
  };
  const auto uniform = [&](std::int32_t least, std::int32_t most) {
    return least + static_cast<std::int32_t>(random.below(static_cast<std::size_t>(most - least) + 1));
  };
  for (RawRequest& row : rows) {
    row = {.arrived_at_s = row.arrived_at_s};  // what a trace's row is about does not fit other lengths
    switch (spec.lengths) {
      case LengthKind::lognormal:
        row.num_prefill_tokens = lognormal(spec.prompt_median, spec.prompt_sigma, spec.prompt_min);
        row.num_decode_tokens = lognormal(spec.output_median, spec.output_sigma, 1);
        break;
      case LengthKind::uniform:
        row.num_prefill_tokens = uniform(spec.prompt_min, spec.prompt_max);
        row.num_decode_tokens = uniform(spec.output_min, spec.output_max);
        break;
      default:
        row.num_prefill_tokens = spec.prompt_min;
        row.num_decode_tokens = spec.output_min;
    }
  }
}

void inflate_lengths(const WorkloadSpec& spec, std::uint64_t seed, std::vector<RawRequest>& rows) {
  if (spec.inflate_prompt_share <= 0 && spec.inflate_output_share <= 0) return;
  WorkloadRandom random(seed, WorkloadRandom::Purpose::inflation);
  for (RawRequest& row : rows) {  // both are drawn for every row, so that one share does not move the other
    const bool prompt = random.uniform() < spec.inflate_prompt_share;
    const bool output = random.uniform() < spec.inflate_output_share;
    const auto inflated = [&](bool drawn, std::int32_t length) {
      return drawn ? tokens(length * spec.inflate_factor, 1) : length;
    };
    set_lengths(row, inflated(prompt, row.num_prefill_tokens), inflated(output, row.num_decode_tokens));
  }
}

}  // namespace switchyard
