#include "core/workload/fit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <queue>

#include "core/input/error.hpp"
#include "core/input/json_text.hpp"
#include "core/workload/trace_file.hpp"
#include "core/workload/trace_model.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kEpochs = 8;
constexpr std::size_t kMostKnots = 2048;
constexpr double kKolmogorov = 1.22;  // the test's 10% point: above this a stretch has no constant rate

constexpr std::size_t kBins = TraceModel::kBins;

// Value at a level, by linear interpolation between the middles of the ranks.
std::int32_t quantile(const std::vector<std::int32_t>& sorted, double level) {
  const double last = static_cast<double>(sorted.size() - 1);
  const double at = std::clamp(level * static_cast<double>(sorted.size()) - 0.5, 0.0, last);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double value = sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
  return static_cast<std::int32_t>(value + 0.5);
}

struct Marginal {
  std::vector<std::int32_t> quantiles;
  std::vector<std::size_t> bins;  // of each row, by its rank; rows of equal length rank in order of arrival
};

Marginal marginal(const std::vector<std::int32_t>& lengths) {
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return lengths[a] < lengths[b]; });
  Marginal result;
  result.bins.resize(lengths.size());
  std::vector<std::int32_t> sorted;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    sorted.push_back(lengths[order[rank]]);
    result.bins[order[rank]] = rank * kBins / order.size();
  }
  for (const double level : TraceModel::levels()) result.quantiles.push_back(quantile(sorted, level));
  return result;
}

// A stretch of arrivals, and where it is farthest from a constant rate.
struct Stretch {
  std::size_t begin = 0, end = 0, farthest = 0;  // row numbers
  double excess = 0;                             // that distance by the one that the Kolmogorov test allows

  bool operator<(const Stretch& other) const {  // the worst is the largest; of equals, the first
    return excess != other.excess ? excess < other.excess : begin > other.begin;
  }
};

Stretch stretch(const std::vector<RawRequest>& rows, std::size_t begin, std::size_t end) {
  Stretch found{begin, end, begin, 1};
  const double start = rows[begin].arrived_at_s;
  const double span = rows[end].arrived_at_s - start;
  const auto count = static_cast<double>(end - begin);
  const double allowed = kKolmogorov * std::sqrt(count);
  for (std::size_t i = begin + 1; i < end && span > 0; ++i) {
    const double expected = count * ((rows[i].arrived_at_s - start) / span);
    const double excess = std::abs(static_cast<double>(i - begin) - expected) / allowed;
    if (excess > found.excess) {
      found.excess = excess;
      found.farthest = i;
    }
  }
  return found;
}

// Row numbers between which arrivals have a constant rate: the stretch that is farthest from one is split, until none
// is far or there are as many as a small model may hold.
std::vector<std::size_t> knots_of(const std::vector<RawRequest>& rows) {
  std::priority_queue<Stretch> stretches;
  stretches.push(stretch(rows, 0, rows.size() - 1));
  std::vector<std::size_t> knots = {0, rows.size() - 1};
  while (knots.size() < kMostKnots && stretches.top().farthest != stretches.top().begin) {
    const Stretch worst = stretches.top();
    stretches.pop();
    knots.push_back(worst.farthest);
    stretches.push(stretch(rows, worst.begin, worst.farthest));
    stretches.push(stretch(rows, worst.farthest, worst.end));
  }
  std::sort(knots.begin(), knots.end());
  return knots;
}

// Numbers with commas, as many a line as fit.
template <class Number>
std::string list(const std::vector<Number>& numbers, std::size_t per_line) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : i % per_line == 0 ? ",\n  " : ",", numbers[i]);
  }
  return "[\n  " + text + "]";
}

}  // namespace

std::string fit_trace_model(const std::filesystem::path& trace, const TraceReading& reading) {
  const std::vector<RawRequest> rows = read_trace(trace, reading).rows;
  if (rows.size() < 2) {
    throw InputError(fmt::format("{}: holds 1 request; a model needs at least 2", trace.string()));
  }
  return fit_trace_model(trace.filename().string(), rows);
}

std::string fit_trace_model(const std::string& name, const std::vector<RawRequest>& rows) {
  std::vector<std::int32_t> prompt_lengths, output_lengths;
  for (const RawRequest& row : rows) {
    prompt_lengths.push_back(row.num_prefill_tokens);
    output_lengths.push_back(row.num_decode_tokens);
  }
  const Marginal prompts = marginal(prompt_lengths);
  const Marginal outputs = marginal(output_lengths);
  std::vector<std::vector<int>> epochs(kEpochs, std::vector<int>(kBins * kBins));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ++epochs[i * kEpochs / rows.size()][prompts.bins[i] * kBins + outputs.bins[i]];
  }
  std::vector<std::string> grids;
  for (const std::vector<int>& epoch : epochs) grids.push_back(list(epoch, kBins));

  std::vector<std::string> arrivals;
  for (const std::size_t knot : knots_of(rows)) {
    const double time = std::round(rows[knot].arrived_at_s * 1000) / 1000;  // to the millisecond
    arrivals.push_back(fmt::format("[{},{}]", knot, time));
  }
  return fmt::format(
      "{{\n\"format\": \"{}\",\n\"derived_from\": {},\n\"prompt_quantiles\": {},\n\"output_quantiles\": {},\n"
      "\"counts\": [{}],\n\"arrivals\": {}\n}}\n",
      TraceModel::kFormat, json_quoted(name), list(prompts.quantiles, 20), list(outputs.quantiles, 20),
      fmt::join(grids, ", "), list(arrivals, 8));
}

}  // namespace switchyard
