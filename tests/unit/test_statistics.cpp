#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "policies/random_stream.hpp"
#include "search/bend.hpp"
#include "search/robust_ratio.hpp"
#include "search/statistics.hpp"
#include "search/student_t.hpp"

using namespace switchyard;
using Catch::Contains;
using Values = std::vector<double>;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Figures with a heavy tail, above 0.
Values drawn(RandomStream& random, std::size_t n, double scale = 1) {
  Values values;
  for (std::size_t i = 0; i < n; ++i) {
    const double u = (random.below(1'000'000) + 1) * 1e-6;
    values.push_back(scale * (1 - 0.7 * std::log(u)));
  }
  return values;
}

Values bound_of(const Values& values) {
  Values bound;
  for (const double value : values) bound.push_back(0.8 * value);
  return bound;
}

}  // namespace

TEST_CASE("Student's t against tables", "[statistics]") {
  CHECK(student_t_quantile(0.975, 1) == Approx(12.7062));
  CHECK(student_t_quantile(0.975, 4) == Approx(2.776445));
  CHECK(student_t_two_sided(-2.776445, 4) == Approx(0.05));
}

TEST_CASE("intervals of means and differences against known values", "[statistics]") {
  const Values values = {1, 2, 3, 4, 5}, none = {0, 0, 0, 0, 0};
  const Interval mean = mean_interval(values);
  CHECK(mean.value == Approx(3));
  CHECK(mean.high == Approx(3 + 2.776445 * 0.70710678));  // t(4, 0.975) * s / sqrt(5)
  CHECK(mean.low == Approx(3 - 2.776445 * 0.70710678));
  CHECK(paired_p_value(values, none) == Approx(0.0132356).epsilon(1e-5));  // t = 3 / sqrt(0.5), 4 degrees of freedom
  CHECK(mean_difference(values, none).low == Approx(mean.low));
  CHECK(distinguishable(values, none));
  CHECK_FALSE(distinguishable(values, Values{5, 4, 3, 2, 1}));
}

TEST_CASE("the interval of a ratio of means is Fieller's", "[statistics]") {
  const Interval ratio = ratio_of_means(Values{1.1, 2.3, 2.9, 4.2, 5.1}, Values{1, 2, 3, 4, 5});
  CHECK(ratio.value == Approx(1.04));
  CHECK(ratio.low == Approx(0.9784979372766986));
  CHECK(ratio.high == Approx(1.1764061860045258));
  const Interval change = relative_change(Values{10, 12, 11}, Values{9, 10, 12});
  CHECK(change.low == Approx(0.7612862056865983 - 1));
  CHECK(change.high == Approx(1.632792437328717 - 1));
  const Interval factor = ratio_of_means(Values{1.1, 2.2, 3.3, 4.4, 5.5}, Values{1, 2, 3, 4, 5});
  CHECK(factor.low == Approx(1.1));  // every pair differs by the same factor
  CHECK(factor.high == Approx(1.1));
}

TEST_CASE("a ratio to a mean that is not told from 0 has an end that is not bounded", "[statistics]") {
  const Interval above = ratio_of_means(Values{3, 5, 4}, Values{1, 9, 2});
  CHECK(above.low == Approx(0.4089317342284624));
  CHECK(above.high == kInfinity);
  CHECK(above.has_interval());
  // The differences are -2 and 9 and -3: no figure can be excluded.
  const Interval anything = ratio_of_means(Values{1, 9, 2}, Values{3, 0, 5});
  CHECK(anything.low == 0);
  CHECK(anything.high == kInfinity);
}

TEST_CASE("intervals leave out what the test rejects, and nothing else", "[statistics]") {
  RandomStream random(1, "intervals and tests");
  int told_apart = 0, unbounded = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::size_t n = 2 + static_cast<std::size_t>(i % 7);
    const Values reference = drawn(random, n);
    Values values = drawn(random, n, 0.4 + 0.3 * (i % 5));
    const bool correlated = i % 2 == 0;
    for (std::size_t k = 0; k < n && correlated; ++k) values[k] = reference[k] * (0.8 + 0.1 * values[k]);
    const Interval ratio = ratio_of_means(values, reference);
    const bool differ = distinguishable(values, reference);
    CHECK(ratio.holds(1) != differ);
    CHECK(mean_difference(values, reference).holds(0) != differ);
    CHECK(ratio.holds(ratio.value));
    CHECK(ratio.low >= 0);
    told_apart += differ;
    unbounded += std::isinf(ratio.high);
    // Its finite ends are where the test turns.
    for (const double end : {ratio.low, ratio.high}) {
      if (end <= 0 || std::isinf(end)) continue;
      Values scaled;
      for (const double value : reference) scaled.push_back(end * value);
      CHECK(paired_p_value(values, scaled) == Approx(0.05).epsilon(1e-6));
    }
  }
  CHECK(told_apart > 400);
  CHECK(told_apart < 3600);
  CHECK(unbounded > 100);
}

TEST_CASE("one seed gives no interval and no verdict, two a warning", "[statistics]") {
  const Values one = {1}, two = {2};
  for (const Interval& interval : {mean_interval(two), mean_difference(two, one), ratio_of_means(two, one),
                                   ratio_of_means(one, one), optimism(two, one, one, one), gap_closed(two, two, one)}) {
    CHECK(std::isfinite(interval.value));
    CHECK_FALSE(interval.has_interval());
  }
  CHECK_FALSE(optimism(two, one, Values{1, 2, 3}, Values{2, 3, 4}).has_interval());  // one training seed
  CHECK(ratio_of_means(two, one).value == 2);
  CHECK(paired_p_value(one, two) == 1);
  CHECK_FALSE(simultaneous_changes({two}, one)[0].has_interval());
  CHECK_FALSE(robust_ratio({two, two}, {one, one}, {0, 0}).worst.has_interval());
  CHECK_FALSE(robust_ratio({two, two}, {one, one}, {0, 0}).geometric_mean.has_interval());
  CHECK_FALSE(robustly_distinguishable({two, two}, {one, one}, {0, 0}));
  CHECK_THAT(interval_method(1), Contains("no intervals, and no verdicts"));
  CHECK_THAT(interval_method(2), Contains("Warning: two seeds"));
  CHECK(few_seeds_warning(3).empty());
}

TEST_CASE("differences of one same amount are judged by the sign test", "[statistics]") {
  const Values five = {1, 2, 3, 4, 5}, above = {2, 3, 4, 5, 6};
  CHECK(paired_p_value(five, five) == 1);
  CHECK(paired_p_value(five, above) == Approx(1.0 / 16));  // counts often differ by 1 on a few seeds
  CHECK_FALSE(mean_difference(five, above).has_interval());
  CHECK_FALSE(ratio_of_means(five, above).has_interval());
  const Values six = {1, 2, 3, 4, 5, 6}, more = {1.1, 2.1, 3.1, 4.1, 5.1, 6.1};  // the same but for rounding
  CHECK(distinguishable(six, more));
  CHECK(mean_difference(six, more).high < 0);
  CHECK(ratio_of_means(six, six).low == 1);
  CHECK(ratio_of_means(six, six).high == 1);
}

TEST_CASE("a change relative to nothing is no figure", "[statistics]") {
  const Values nothing = {0, 0, 0}, some = {1, 2, 4};
  CHECK(std::isnan(relative_change(some, nothing).value));
  CHECK(relative_change(nothing, nothing).value == 0);
  CHECK(relative_change(nothing, some).value == -1);
  CHECK(std::isnan(gap_closed(some, some, some).value));
}

TEST_CASE("intervals for all rows together are wider, and count only rows that differ", "[statistics]") {
  const Values reference = {10, 11, 12, 10.5}, a = {10.5, 11.2, 12.9, 10.9}, b = {9, 9.9, 11, 9.7};
  const auto together = simultaneous_changes({a, reference, b}, reference);
  CHECK(together[0].high == Approx(relative_change(a, reference, 0.025).high));
  CHECK(together[2].low == Approx(relative_change(b, reference, 0.025).low));
  CHECK(together[1].low == 0);
  CHECK(together[1].high == 0);
  CHECK(together[0].high > relative_change(a, reference).high);
}

TEST_CASE("optimism is made of both changes, and the gap of differences", "[statistics]") {
  const Values training = {9, 9.8, 11}, training_reference = {10, 11, 12.5};
  const Values held_out = {9.7, 10.9, 11.6, 10.1}, reference = {10, 11, 12, 10.5};
  const Interval before = relative_change(training, training_reference), after = relative_change(held_out, reference);
  const Interval luck = optimism(training, training_reference, held_out, reference);
  CHECK(luck.value == Approx(after.value - before.value));
  // Both at once are told from 0 less often than either alone, but more often than if each had its own t.
  CHECK(luck.high - luck.low > after.high - after.low);
  CHECK(luck.high - luck.low < std::hypot(after.high - after.low, before.high - before.low));
  const Interval none = optimism(training_reference, training_reference, held_out, reference);
  CHECK(none.low == Approx(after.low));  // nothing is uncertain about the training seeds
  CHECK(none.high == Approx(after.high));
  CHECK(optimism(reference, reference, bound_of(reference), bound_of(reference)).high == 0);
  const Values bound = {8, 8.5, 9.9, 8.4};
  const Interval gap = gap_closed(held_out, reference, bound);
  CHECK(gap.value == Approx(1.2 / 8.7));
  CHECK(gap.low < gap.value);
  CHECK(gap.high > gap.value);
  CHECK(gap_closed(reference, reference, bound).value == 0);
  CHECK(gap_closed(bound, reference, bound).value == Approx(1));
}

TEST_CASE("p-values adjusted by Holm's method", "[statistics]") {
  const Values adjusted = holm_adjusted(Values{0.04, 0.01, 0.03, 0.005});
  CHECK(adjusted[3] == Approx(0.02));
  CHECK(adjusted[1] == Approx(0.03));
  CHECK(adjusted[2] == Approx(0.06));
  CHECK(adjusted[0] == Approx(0.06));  // not below what came before it
  CHECK(holm_adjusted(Values{0.9, 0.8})[1] == 1);
}

TEST_CASE("the geometric mean of ratios against known values", "[statistics]") {
  const BySeed values = {{1.1, 2.3, 2.9, 4.2, 5.1}, {9, 11, 10, 12, 10.5}};
  const BySeed references = {{1, 2, 3, 4, 5}, {10, 10.5, 11, 11, 10}};
  const RobustRatio same_seeds = robust_ratio(values, references, {0, 0});
  CHECK(same_seeds.geometric_mean.value == Approx(1.019803902718557));
  CHECK(same_seeds.geometric_mean.low == Approx(0.9460202769802852));
  CHECK(same_seeds.geometric_mean.high == Approx(1.0993421867443474));
  // Other seeds: errors add up; 6.49 degrees of freedom.
  const RobustRatio other_seeds = robust_ratio(values, references, {0, 1});
  const double half = student_t_quantile(0.975, 6.490246054714596) * std::sqrt(0.0005359211745786755);
  CHECK(other_seeds.geometric_mean.high == Approx(1.019803902718557 * std::exp(half)));
  // The ratios hold together: each at 97.5%.
  CHECK(same_seeds.ratios[0].high == Approx(ratio_of_means(values[0], references[0], 0.025).high));
  CHECK(same_seeds.worst_scenario == 0);
  CHECK(same_seeds.worst.value == Approx(1.04));
  CHECK(same_seeds.worst.low == Approx(std::max(same_seeds.ratios[0].low, same_seeds.ratios[1].low)));
  CHECK(same_seeds.worst.high == Approx(std::max(same_seeds.ratios[0].high, same_seeds.ratios[1].high)));
  const RobustRatio least = robust_ratio(values, references, {0, 0}, true);
  CHECK(least.worst_scenario == 1);
  CHECK(least.worst.high == Approx(std::min(same_seeds.ratios[0].high, same_seeds.ratios[1].high)));
  const RobustRatio alone = robust_ratio({values[0]}, {references[0]}, {0});
  CHECK(alone.geometric_mean.low == Approx(ratio_of_means(values[0], references[0]).low));
}

TEST_CASE("a geometric mean of 0 has no logarithm to make an interval of", "[statistics]") {
  const BySeed some = {{10, 11, 12, 10.5}, {1, 2, 3, 2}}, none = {{10, 11, 12, 10.5}, {0, 0, 0, 0}};
  CHECK(robust_ratio(none, some, {0, 0}).geometric_mean.value == 0);
  CHECK_FALSE(robust_ratio(none, some, {0, 0}).geometric_mean.has_interval());
  CHECK(robustly_distinguishable(none, some, {0, 0}));
  CHECK(robustly_distinguishable(some, none, {0, 0}));
  CHECK_FALSE(robustly_distinguishable(none, none, {0, 0}));
  const BySeed rarely = {{10, 11, 12, 10.5}, {0, 0, 0, 0.1}};
  CHECK_FALSE(robustly_distinguishable(none, rarely, {0, 0}));
}

TEST_CASE("a curve bends where its mean reaches twice its first value", "[statistics]") {
  const Values loads = {1, 2, 4};
  const auto bend = [&](double a, double b, double c, bool higher = false) {
    return bend_of(loads, {{a}, {b}, {c}}, higher).value;
  };
  CHECK(bend(1, 1.5, 2.5) == Approx(3));
  CHECK(bend(1, 2, 3) == Approx(2));
  CHECK(bend(1, 3, 1) == Approx(1.5));  // the first crossing counts
  CHECK(bend(1, 1.5, 1.9) == kInfinity);
  CHECK(bend(0, 0, 1) == kInfinity);  // nothing is twice 0
  // Rates grow with the load: what counts is how much of it they keep up with.
  CHECK(bend(1, 2, 2.1, true) == kInfinity);
  CHECK(bend(1, 2, 2, true) == Approx(4));
  CHECK(bend(1, 2, 0, true) == Approx(3));
  CHECK(bend(0, 0, 1, true) == kInfinity);
  CHECK_FALSE(bend_of(loads, {{1}, {1.5}, {2.5}}).has_interval());
}

TEST_CASE("the interval of a bend ends where the test turns", "[statistics]") {
  const Values loads = {1, 2, 4};
  // Each seed's curve has the same shape: nothing is uncertain.
  const Interval even = bend_of(loads, {{1, 1.1, 1.2}, {1.5, 1.65, 1.8}, {2.5, 2.75, 3}});
  CHECK(even.value == Approx(3));
  CHECK(even.low == Approx(3));
  CHECK(even.high == Approx(3));
  const BySeed curves = {{1, 1.2, 0.9, 1.1}, {1.4, 1.7, 1.6, 1.5}, {4, 5.5, 3.9, 4.4}};
  const Interval bend = bend_of(loads, curves);
  CHECK(bend.low < bend.value);
  CHECK(bend.value < bend.high);
  CHECK(bend.high < 4);
  for (const double load : {bend.low, bend.high}) {
    REQUIRE(load > 2);
    const double share = (load - 2) / 2;
    Values there, twice;
    for (std::size_t i = 0; i < 4; ++i) {
      there.push_back(curves[1][i] + share * (curves[2][i] - curves[1][i]));
      twice.push_back(2 * curves[0][i]);
    }
    CHECK(paired_p_value(there, twice) == Approx(0.05).epsilon(1e-6));
  }
  // Two seeds that disagree: it may bend at once, or not at all.
  const Interval unknown = bend_of(loads, {{1, 1}, {1, 4}, {1, 20}});
  CHECK(unknown.low == Approx(1).margin(0.5));
  CHECK(unknown.high == kInfinity);
  CHECK(bend_of(loads, {{1, 1.1}, {1, 1.1}, {1, 1.1}}).low == kInfinity);
}
