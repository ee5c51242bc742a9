#include "core/cost/cost_model.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace switchyard {

namespace {

// Nearest integer to the square root of n, by integers.
std::int64_t rounded_sqrt(std::int64_t n) {
  auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(n)));
  while (root * root > n) --root;
  while ((root + 1) * (root + 1) <= n) ++root;
  return n - root * root > root ? root + 1 : root;
}

// The slope by which an axis goes on beyond its end: of the secant over its last half, which noise in single entries
// hardly moves; never negative.
double end_slope(double middle, double end, std::int64_t steps) {
  return steps > 0 ? std::max(0.0, (end - middle) / static_cast<double>(steps)) : 0.0;
}

}  // namespace

CostModel::CostModel(std::string name, CostTables tables) : name_(std::move(name)), tables_(std::move(tables)) {
  const CostTables& t = tables_;
  auto cells = [](std::int32_t a, std::int32_t b) {
    return (static_cast<std::size_t>(a) + 1) * (static_cast<std::size_t>(b) + 1);
  };
  if (t.max_tokens < 1 || t.max_decodes < 1 || t.max_chunk < 1 || t.max_decode_kv_steps < 0 ||
      t.max_prefill_kv_steps < 0 || t.tokens.size() != cells(t.max_tokens, 0) ||
      t.decode.size() != cells(t.max_decodes, t.max_decode_kv_steps) ||
      t.prefill.size() != cells(t.max_prefill_kv_steps, t.max_chunk)) {
    throw std::invalid_argument("cost tables of inconsistent size");
  }
}

double CostModel::token_part(std::int64_t tokens, bool& extrapolated) const {
  const std::int64_t last = tables_.max_tokens;
  if (tokens <= last) return tables_.tokens[static_cast<std::size_t>(tokens)];
  extrapolated = true;
  const double end = tables_.tokens[static_cast<std::size_t>(last)];
  const double middle = tables_.tokens[static_cast<std::size_t>(last / 2)];
  return end + end_slope(middle, end, last - last / 2) * static_cast<double>(tokens - last);
}

double CostModel::decode_part(std::int64_t decodes, std::int64_t kv, bool& extrapolated) const {
  const std::int64_t step = (kv + kKvGrain - 1) / kKvGrain;
  const std::int64_t width = std::int64_t{tables_.max_decode_kv_steps} + 1;
  auto row_at = [&](std::int64_t row) {
    const double* values = tables_.decode.data() + row * width;
    if (step < width) return values[step];
    const std::int64_t last = width - 1;
    return values[last] + end_slope(values[last / 2], values[last], last - last / 2) * static_cast<double>(step - last);
  };
  const std::int64_t last = tables_.max_decodes;
  extrapolated |= step >= width || decodes > last;
  if (decodes <= last) return row_at(decodes);
  const double end = row_at(last);
  return end + end_slope(row_at(last / 2), end, last - last / 2) * static_cast<double>(decodes - last);
}

double CostModel::prefill_part(std::int64_t kv, std::int64_t chunk, bool& extrapolated) const {
  const std::int64_t step = (kv + kKvGrain - 1) / kKvGrain;
  const std::int64_t width = std::int64_t{tables_.max_chunk} + 1;
  auto row_at = [&](std::int64_t row) {
    const double* values = tables_.prefill.data() + row * width;
    if (chunk < width) return values[chunk];
    const std::int64_t last = width - 1;
    return values[last] +
           end_slope(values[last / 2], values[last], last - last / 2) * static_cast<double>(chunk - last);
  };
  const std::int64_t last = tables_.max_prefill_kv_steps;
  extrapolated |= chunk >= width || step > last;
  if (step <= last) return row_at(step);
  const double end = row_at(last);
  return end + end_slope(row_at(last / 2), end, last - last / 2) * static_cast<double>(step - last);
}

CostModel::Lookup CostModel::batch_time(const BatchShape& batch) const {
  Lookup lookup;
  double ticks = token_part(batch.num_decodes + batch.prefill_tokens, lookup.extrapolated);
  if (batch.num_decodes > 0) {
    ticks += decode_part(batch.num_decodes, batch.decode_kv_tokens / batch.num_decodes, lookup.extrapolated);
  }
  if (batch.num_prefills > 0) {
    const std::int64_t chunk =
        batch.num_prefills == 1 ? batch.prefill_tokens : rounded_sqrt(batch.prefill_chunk_squares);
    const double part = prefill_part(batch.prefill_kv_tokens, chunk, lookup.extrapolated);
    ticks += batch.num_prefills > 1 ? part * tables_.prefill_many_factor : part;
  }
  lookup.time = std::max<Time>(1, static_cast<Time>(ticks + 0.5));
  return lookup;
}

}  // namespace switchyard
