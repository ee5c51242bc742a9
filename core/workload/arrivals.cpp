#include "core/workload/arrivals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

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
    case ArrivalKind::fixed:
      return [mean] { return mean; };
    case ArrivalKind::trace:
      break;
  }
  throw InputError("--arrivals: trace arrivals need a trace (--workload)");
}

}  // namespace

std::vector<double> generate_arrivals(const WorkloadSpec& spec, std::uint64_t seed) {
  if (spec.duration_s <= 0 && spec.num_requests <= 0) {
    throw InputError("--arrivals: synthetic arrivals need an end: --duration or --num-requests");
  }
  const std::function<double()> gap = gaps(spec, seed);
  std::vector<double> times;
  double time = 0;
  while (spec.num_requests <= 0 || times.size() < static_cast<std::size_t>(spec.num_requests)) {
    time += gap();
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
