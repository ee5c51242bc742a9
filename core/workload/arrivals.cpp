#include "core/workload/arrivals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "core/input/error.hpp"
#include "core/workload/python_random.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kMostRequests = 100'000'000;

std::function<double()> gaps(const WorkloadSpec& spec, std::uint64_t seed) {
  const double mean = 1.0 / spec.qps;
  WorkloadRandom random(seed, WorkloadRandom::Purpose::arrivals);
  switch (spec.arrivals) {
    case ArrivalKind::vidur_poisson:  // clipped at three means, as Vidur does, which raises the rate by about 5%
      return [python = PythonRandom(seed), qps = spec.qps]() mutable {
        return std::min(-std::log(1.0 - python.random()) / qps, 3.0 / qps);
      };
    case ArrivalKind::poisson:
      return [random, mean]() mutable { return random.exponential() * mean; };
    case ArrivalKind::gamma: {
      const double shape = 1.0 / (spec.arrival_cv * spec.arrival_cv);
      return [random, mean, shape]() mutable { return random.gamma(shape) * mean / shape; };
    }
    case ArrivalKind::lognormal: {
      const double sigma = spec.arrival_sigma;
      const double mu = std::log(mean) - 0.5 * sigma * sigma;
      return [random, sigma, mu]() mutable { return std::exp(mu + sigma * random.normal()); };
    }
    case ArrivalKind::hyperexponential: {
      const double share = spec.burst_share, longer = spec.burst_gap;
      if (share * longer > 1 || share == 1) {
        throw InputError(
            fmt::format("--burst-gap: is {}; with --burst-share {} the other gaps would have to be shorter "
                        "than nothing for the mean to be 1 / --qps",
                        longer, share));
      }
      const double rest = (1 - share * longer) / (1 - share);
      return [random, mean, share, longer, rest]() mutable {
        const double of = random.uniform() < share ? longer : rest;
        return random.exponential() * mean * of;
      };
    }
    case ArrivalKind::fixed:
      return [mean] { return mean; };
    case ArrivalKind::trace:
      break;
  }
  throw InputError("--arrivals: trace arrivals need a trace (--workload)");
}

// Arrivals whose rate is another one for a part of the time. What is drawn is the time that passes at the plain rate.
class Spike {
 public:
  explicit Spike(const WorkloadSpec& spec) : factor_(spec.spike_factor) {
    if (factor_ <= 1) return;
    if (spec.spike_from >= spec.spike_to) {
      throw InputError(
          fmt::format("--spike-to: is {}; it must be above --spike-from, which is {}", spec.spike_to, spec.spike_from));
    }
    const double more = (spec.spike_to - spec.spike_from) * (factor_ - 1);
    const double duration = spec.duration_s > 0 ? spec.duration_s : spec.num_requests / (spec.qps * (1 + more));
    from_ = spec.spike_from * duration;
    to_ = spec.spike_to * duration;
  }

  double time(double plain) const {
    if (factor_ <= 1 || plain <= from_) return plain;
    const double end = from_ + (to_ - from_) * factor_;
    return plain < end ? from_ + (plain - from_) / factor_ : to_ + (plain - end);
  }

 private:
  double factor_;
  double from_ = 0, to_ = 0;
};

// Arrivals whose rate is qps (1 - wave cos(2 pi t / period)). What is drawn is the integral of the rate, by qps:
// plain = t - k sin(2 pi t / period), k = wave period / (2 pi), which rises with t.
class Wave {
 public:
  explicit Wave(const WorkloadSpec& spec) : wave_(spec.wave), turn_(2 * std::numbers::pi / spec.wave_period_s) {
    if (wave_ > 0 && spec.spike_factor > 1) throw InputError("--wave: contradicts --spike-factor: one of them");
  }

  double time(double plain) const {
    if (wave_ <= 0) return plain;
    const double k = wave_ / turn_;
    double low = plain - k, high = plain + k, time = plain;
    for (int i = 0; i < kSteps; ++i) {  // Newton's steps; where one leaves what is known to hold the root, half of it
      const double excess = time - k * std::sin(turn_ * time) - plain;
      (excess > 0 ? high : low) = time;
      double next = time - excess / (1 - wave_ * std::cos(turn_ * time));
      if (!(next > low && next < high)) next = low + (high - low) / 2;
      if (std::abs(next - time) <= kClose * (1 + time)) return std::max(next, 0.0);
      time = next;
    }
    return std::max(time, 0.0);
  }

 private:
  static constexpr int kSteps = 100;
  static constexpr double kClose = 1e-13;

  double wave_;
  double turn_;  // radians a second
};

}  // namespace

std::vector<double> generate_arrivals(const WorkloadSpec& spec, std::uint64_t seed) {
  if (spec.duration_s <= 0 && spec.num_requests <= 0) {
    throw InputError("--arrivals: synthetic arrivals need an end: --duration or --num-requests");
  }
  const std::function<double()> gap = gaps(spec, seed);
  const Spike spike(spec);
  const Wave wave(spec);
  std::vector<double> times;
  double plain = 0;
  while (spec.num_requests <= 0 || times.size() < static_cast<std::size_t>(spec.num_requests)) {
    plain += gap();
    const double time = wave.time(spike.time(plain));
    if (spec.duration_s > 0 && time >= spec.duration_s) break;
    if (time > kMaxArrivalSeconds) {
      throw InputError(
          fmt::format("--num-requests: arrivals at --qps {} go on beyond {:.0f} s", spec.qps, kMaxArrivalSeconds));
    }
    if (times.size() == kMostRequests) {
      throw InputError(fmt::format("--qps: {} over the duration makes more than {} requests", spec.qps, kMostRequests));
    }
    times.push_back(time);
  }
  return times;
}

}  // namespace switchyard
