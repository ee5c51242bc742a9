// Random numbers: Python's and NumPy's to the bit, and ours by their moments.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "core/input/error.hpp"
#include "core/workload/python_random.hpp"
#include "core/workload/random.hpp"

namespace switchyard {
namespace {

TEST_CASE("random: Python's random.random() for seeds of one and of two words") {
  // python3 -c 'import random; r = random.Random(SEED); print([r.random().hex() for _ in range(3)])'
  PythonRandom small(42);
  CHECK(small.random() == 0x1.4762f307200c5p-1);
  CHECK(small.random() == 0x1.99c6b5eeb2060p-6);
  CHECK(small.random() == 0x1.19a1491f589dcp-2);
  PythonRandom large(123456789012345);
  CHECK(large.random() == 0x1.5954c9ce1c7cbp-1);
  CHECK(large.random() == 0x1.2b57ebb482db4p-2);
  PythonRandom late(7);
  double last = 0;
  for (int i = 0; i < 1000; ++i) last = late.random();
  CHECK(last == 0x1.82ee6bd38d2b6p-2);
}

TEST_CASE("random: NumPy's permutation") {
  // numpy.random.RandomState(42).permutation(10), as many a tutorial prints it
  CHECK(NumpyRandom(42).permutation(10) == std::vector<std::uint32_t>{8, 1, 5, 0, 7, 2, 9, 4, 3, 6});
  CHECK(NumpyRandom(0).permutation(10) == std::vector<std::uint32_t>{2, 8, 4, 9, 1, 6, 7, 3, 0, 5});
  CHECK(NumpyRandom(1).permutation(1) == std::vector<std::uint32_t>{0});
  CHECK(NumpyRandom(1).permutation(0).empty());
  NumpyRandom random(5);
  const auto first = random.permutation(50), second = random.permutation(50);
  CHECK(first != second);
  CHECK(std::set<std::uint32_t>(second.begin(), second.end()).size() == 50);
  CHECK_THROWS_AS(NumpyRandom(1ULL << 32), InputError);
}

using Purpose = WorkloadRandom::Purpose;

TEST_CASE("random: our own numbers never change") {
  WorkloadRandom random(42, Purpose::arrivals);
  CHECK(random.next() == 10777338646690196946ULL);
  CHECK(random.next() == 6095996383461710907ULL);
  WorkloadRandom other(42, Purpose::lengths);
  CHECK(other.next() == 2332309968674945429ULL);
}

struct Moments {
  double mean = 0, variance = 0;
};

template <class Draw>
Moments moments(Draw draw) {
  constexpr int kDraws = 200000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  const double mean = sum / kDraws;
  return {mean, squares / kDraws - mean * mean};
}

TEST_CASE("random: our distributions have the moments that they should") {
  WorkloadRandom random(3, Purpose::lengths);
  const Moments uniform = moments([&] { return random.uniform(); });
  CHECK(uniform.mean == Approx(0.5).margin(0.003));
  CHECK(uniform.variance == Approx(1.0 / 12).epsilon(0.01));
  const Moments exponential = moments([&] { return random.exponential(); });
  CHECK(exponential.mean == Approx(1).epsilon(0.01));
  CHECK(exponential.variance == Approx(1).epsilon(0.03));
  const Moments normal = moments([&] { return random.normal(); });
  CHECK(normal.mean == Approx(0).margin(0.01));
  CHECK(normal.variance == Approx(1).epsilon(0.015));
  const double shape = GENERATE(0.1, 0.5, 1.0, 4.0);
  const Moments gamma = moments([&] { return random.gamma(shape); });
  INFO("shape " << shape);
  CHECK(gamma.mean == Approx(shape).epsilon(0.03));
  CHECK(gamma.variance == Approx(shape).epsilon(0.05));
}

TEST_CASE("random: streams of different seeds and purposes have nothing in common") {
  const auto correlation = [](WorkloadRandom a, WorkloadRandom b) {
    double sum = 0;
    for (int i = 0; i < 20000; ++i) sum += (a.uniform() - 0.5) * (b.uniform() - 0.5);
    return sum / 20000 * 12;
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CHECK(std::abs(correlation({seed, Purpose::arrivals}, {seed, Purpose::lengths})) < 0.04);
    CHECK(std::abs(correlation({seed, Purpose::arrivals}, {seed + 1, Purpose::arrivals})) < 0.04);
  }
}

TEST_CASE("random: below() covers its range evenly") {
  WorkloadRandom random(1, Purpose::blocks);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts.at(random.below(7));
  for (const int count : counts) CHECK(count == Approx(10000).epsilon(0.05));
}

}  // namespace
}  // namespace switchyard
