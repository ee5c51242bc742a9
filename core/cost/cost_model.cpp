#include "core/cost/cost_model.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace switchyard {

namespace {

// No part of a batch takes longer than this: 11 days in ticks. Keeps the sum of parts an integer of 64 bits, whatever
// was asked for.
constexpr double kLongestPart = 1e18;

// The line through (middle, at_middle) and (end, at_end), not falling, at x >= end.
double beyond(double x, double middle, double at_middle, double end, double at_end) {
  const double slope = end > middle ? std::max(0.0, (at_end - at_middle) / (end - middle)) : 0.0;
  return std::min(kLongestPart, at_end + slope * (x - end));
}

// A row of entries 0..last at x, which may lie beyond.
double row_at(const double* row, std::int32_t last, std::int64_t x) {
  if (x <= last) return row[x];
  const std::int32_t middle = last / 2;
  return beyond(static_cast<double>(x), middle, row[middle], last, row[last]);
}

void check(const std::vector<double>& entries, std::size_t expected, const char* name) {
  if (entries.size() != expected) {
    throw std::invalid_argument(
        fmt::format("cost tables: {} has {} entries, expected {}", name, entries.size(), expected));
  }
  for (const double entry : entries) {
    if (!(entry >= 0.0 && entry <= kLongestPart)) {
      throw std::invalid_argument(fmt::format("cost tables: {} has entry {}", name, entry));
    }
  }
}

// `decodes` requests whose mean context lies in the middle of a step of the KV grain.
BatchShape decodes_in_step(std::int64_t decodes, std::int64_t kv_step) {
  const std::int64_t middle = std::max<std::int64_t>(kv_step * kKvGrain - kKvGrain / 2, 0);
  return {.num_decodes = static_cast<std::int32_t>(decodes), .decode_kv_tokens = decodes * middle};
}

void complete_cover(std::vector<std::int32_t>& covered, std::int32_t rows, std::int32_t last, const char* name) {
  if (covered.empty()) covered.assign(static_cast<std::size_t>(rows), last);
  if (covered.size() != static_cast<std::size_t>(rows)) {
    throw std::invalid_argument(fmt::format("cost tables: {} has {} entries, expected {}", name, covered.size(), rows));
  }
  for (std::int32_t& cover : covered) cover = std::min(cover, last);
}

constexpr double kTicksPerMs = 1e9;

// The decodes alone of `steps`, as far as most lookups go; those beyond ask `steps` itself.
CostTables tabulated_decodes(const StepTimes& steps) {
  CostTables tables;
  tables.max_tokens = kTokenGrain;
  tables.max_decodes = 256;
  tables.max_decode_kv_steps = 8192 / kKvGrain;
  tables.max_prefill_kv_steps = 0;
  tables.max_chunk = 1;
  tables.allocate();
  tables.decode_covered.assign(static_cast<std::size_t>(tables.max_decodes) + 1, -1);
  for (std::int32_t b = 1; b <= tables.max_decodes; ++b) {
    bool outside = false;
    for (std::int32_t k = 0; k <= tables.max_decode_kv_steps; ++k) {
      tables.decode_at(b, k) = steps.milliseconds(decodes_in_step(b, k), outside) * kTicksPerMs;
      if (!outside) tables.decode_covered[static_cast<std::size_t>(b)] = k;
    }
  }
  return tables;
}

}  // namespace

void CostTables::allocate() {
  tokens.assign(static_cast<std::size_t>(max_tokens + 1), 0.0);
  decode.assign(decode_index(max_decodes + 1, 0), 0.0);
  prefill.assign(prefill_index(max_prefill_kv_steps + 1, 0), 0.0);
}

CostModel::CostModel(std::string name, CostTables tables) : name_(std::move(name)), tables_(std::move(tables)) {
  const auto rows = [](std::int32_t last) { return static_cast<std::size_t>(last) + 1; };
  if (tables_.max_tokens < kTokenGrain || tables_.max_tokens % kTokenGrain != 0 || tables_.max_decodes < 1 ||
      tables_.max_decode_kv_steps < 1 || tables_.max_prefill_kv_steps < 0 || tables_.max_chunk < 1) {
    throw std::invalid_argument("cost tables: too small");
  }
  check(tables_.tokens, rows(tables_.max_tokens), "tokens");
  check(tables_.decode, rows(tables_.max_decodes) * rows(tables_.max_decode_kv_steps), "decode");
  check(tables_.prefill, rows(tables_.max_prefill_kv_steps) * rows(tables_.max_chunk), "prefill");
  tables_.covered_tokens = std::min(tables_.covered_tokens, tables_.max_tokens);
  complete_cover(tables_.decode_covered, tables_.max_decodes + 1, tables_.max_decode_kv_steps, "decode_covered");
  complete_cover(tables_.prefill_covered, tables_.max_prefill_kv_steps + 1, tables_.max_chunk, "prefill_covered");
  for (std::int32_t b = 0; b <= tables_.max_decodes; ++b) {
    bool outside = false;
    const double tokens = token_part(b, outside);
    decode_rows_.push_back({.tokens = tokens,
                            .first = static_cast<std::size_t>(tables_.decode_row(b) - tables_.decode.data()),
                            .covered = outside ? -1 : tables_.decode_covered[static_cast<std::size_t>(b)]});
  }
}

CostModel::CostModel(std::string name, std::shared_ptr<const StepTimes> steps)
    : CostModel(std::move(name), tabulated_decodes(*steps)) {
  steps_ = std::move(steps);
  for (std::size_t b = 0; b < decode_rows_.size(); ++b) decode_rows_[b].covered = tables_.decode_covered[b];
}

void CostModel::add_prefill_step(BatchShape& batch, std::int64_t processed, std::int64_t chunk) const {
  batch.prefill_products += chunk * processed;
  batch.prefill_attention_ms += steps_->prefill_attention(processed, chunk, batch.prefill_outside);
}

CostModel::Lookup CostModel::step_time(const BatchShape& prefills, std::int32_t num_decodes,
                                       std::int64_t decode_kv_tokens) const {
  BatchShape batch = prefills;
  batch.num_decodes = num_decodes;
  batch.decode_kv_tokens = decode_kv_tokens;
  // The longest context is known to engines that look at every member; the others keep to the grain.
  const bool by_longest = steps_->uneven() && batch.decode_kv_max > 0;
  if (batch.num_prefills == 0 && !by_longest) {
    return decode_time(batch.num_decodes, kv_step(mean_kv(batch.decode_kv_tokens, batch.num_decodes)));
  }
  bool outside = batch.prefill_outside;
  const double ticks = steps_->milliseconds(batch, outside) * kTicksPerMs;
  return {to_ticks(std::min(kLongestPart, ticks)), outside};
}

CostModel::Lookup CostModel::decode_time_beyond(std::int32_t decodes, std::int64_t step) const {
  bool outside = false;
  if (steps_) {
    const double ticks = steps_->milliseconds(decodes_in_step(decodes, step), outside) * kTicksPerMs;
    return {to_ticks(std::min(kLongestPart, ticks)), outside};
  }
  const double ticks = token_part(decodes, outside) + decode_part(decodes, step, outside);
  return {to_ticks(ticks), outside};
}

double CostModel::tokens_beyond(std::int64_t tokens) const {
  const std::int64_t read_at = (tokens + kTokenGrain - 1) / kTokenGrain * kTokenGrain;
  if (tables_.operators_slope >= 0.0) {
    const double at_end = tables_.tokens.back();
    return std::min(kLongestPart, at_end + tables_.operators_slope * static_cast<double>(read_at - tables_.max_tokens) +
                                      tables_.cache_save_slope * static_cast<double>(tokens - tables_.max_tokens));
  }
  return row_at(tables_.tokens.data(), tables_.max_tokens, read_at);
}

double CostModel::decode_beyond(std::int64_t decodes, std::int64_t kv_step) const {
  const auto row = [&](std::int32_t b) {
    return row_at(tables_.decode.data() + std::ptrdiff_t{b} * (tables_.max_decode_kv_steps + 1),
                  tables_.max_decode_kv_steps, kv_step);
  };
  const std::int32_t last = tables_.max_decodes;
  if (decodes <= last) return row(static_cast<std::int32_t>(decodes));
  return beyond(static_cast<double>(decodes), last / 2, row(last / 2), last, row(last));
}

double CostModel::prefill_beyond(std::int64_t kv_step, std::int64_t chunk) const {
  const auto row = [&](std::int32_t k) {
    return row_at(tables_.prefill.data() + std::ptrdiff_t{k} * (tables_.max_chunk + 1), tables_.max_chunk, chunk);
  };
  const std::int32_t last = tables_.max_prefill_kv_steps;
  if (kv_step <= last) return row(static_cast<std::int32_t>(kv_step));
  return beyond(static_cast<double>(kv_step), last / 2, row(last / 2), last, row(last));
}

}  // namespace switchyard
