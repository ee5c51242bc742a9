// How long a batch takes. Every source of batch times (prediction tables, GPU profiles, embedded fits, the roofline)
// is compiled at load into the same dense tables, so that a lookup is a few array reads.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/api/time.hpp"
#include "core/cost/step_times.hpp"

namespace switchyard {

// What a batch consists of, as far as its time depends on it. Prefilling members join by CostModel::add_prefill.
struct BatchShape {
  std::int32_t num_decodes = 0;
  std::int64_t decode_kv_tokens = 0;  // sum over decoding members of tokens processed before this batch
  std::int32_t num_prefills = 0;
  std::int64_t prefill_tokens = 0;         // sum of chunks
  std::int64_t prefill_kv_tokens = 0;      // sum over prefilling members of processed tokens, each rounded up to 64
  std::int64_t prefill_chunk_squares = 0;  // sum of squares of chunks
  std::int64_t prefill_products = 0;       // sum of chunk times processed tokens
  std::int64_t decode_kv_max = 0;          // of decode_kv_tokens, the largest term; 0: not known, taken as the mean
  double prefill_attention_ms = 0;         // sum of StepTimes::prefill_attention
  bool prefill_outside = false;            // one of these lay beyond what was measured
};

inline constexpr std::int32_t kTokenGrain = 8;  // token operators are read at the total rounded up to this
inline constexpr std::int32_t kKvGrain = 64;    // attention is read at KV lengths rounded up to this

// Dense tables of batch time parts, already multiplied by the number of layers, in ticks (double: the sum of the
// parts is rounded once, to an integer tick). Every entry is finite and not negative.
//   tokens[t]            t = 0..max_tokens: token operators at t rounded up to kTokenGrain + attn_kv_cache_save at t
//   decode[b][k]         b = 0..max_decodes, k = kv / kKvGrain: attn_decode, grouped-query factor included
//   prefill[k][c]        k = kv / kKvGrain, c = 0..max_chunk: attn_prefill for one prefilling member
// Beyond the tables: linear extrapolation, reported per lookup.
struct CostTables {
  std::int32_t max_tokens = 0;  // a multiple of kTokenGrain
  std::int32_t max_decodes = 0;
  std::int32_t max_decode_kv_steps = 0;
  std::int32_t max_prefill_kv_steps = 0;
  std::int32_t max_chunk = 0;
  std::vector<double> tokens;
  std::vector<double> decode;        // row-major, (max_decodes + 1) x (max_decode_kv_steps + 1)
  std::vector<double> prefill;       // row-major, (max_prefill_kv_steps + 1) x (max_chunk + 1)
  double prefill_many_factor = 1.0;  // grouped-query models: 1.1 if more than one member prefills

  // How token operators go on beyond max_tokens, in ticks a token, where the source knows it for each of them: those
  // read at the rounded total, and attn_kv_cache_save. Negative: by the secant of `tokens`.
  double operators_slope = -1.0;
  double cache_save_slope = -1.0;

  // What the source covers, where that is less than the tables hold: entries outside are extrapolated, and lookups of
  // them say so. Empty, or the default: all of the table.
  std::int32_t covered_tokens = INT32_MAX;
  std::vector<std::int32_t> decode_covered;   // by batch size: the highest KV step, -1 for none
  std::vector<std::int32_t> prefill_covered;  // by KV step: the longest chunk, -1 for none

  double& decode_at(std::int32_t b, std::int32_t k) { return decode[decode_index(b, k)]; }
  double decode_at(std::int32_t b, std::int32_t k) const { return decode[decode_index(b, k)]; }
  const double* decode_row(std::int32_t b) const { return decode.data() + decode_index(b, 0); }
  double& prefill_at(std::int32_t k, std::int32_t c) { return prefill[prefill_index(k, c)]; }
  double prefill_at(std::int32_t k, std::int32_t c) const { return prefill[prefill_index(k, c)]; }

  // Makes room for what the max_ fields say, with zeros.
  void allocate();

 private:
  std::size_t decode_index(std::int32_t b, std::int32_t k) const {
    return static_cast<std::size_t>(b) * static_cast<std::size_t>(max_decode_kv_steps + 1) +
           static_cast<std::size_t>(k);
  }
  std::size_t prefill_index(std::int32_t k, std::int32_t c) const {
    return static_cast<std::size_t>(k) * static_cast<std::size_t>(max_chunk + 1) + static_cast<std::size_t>(c);
  }
};

// The square root of n, rounded to the nearest integer, exactly. 0 <= n < 2^62.
inline std::int64_t rounded_sqrt(std::int64_t n) {
  auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(n)));
  while (root * root > n) --root;
  while ((root + 1) * (root + 1) <= n) ++root;
  return n - root * root > root ? root + 1 : root;  // (root + 1/2)^2 = root^2 + root + 1/4
}

class CostModel {
 public:
  struct Lookup {
    Time time = 0;              // ticks, at least 1
    bool extrapolated = false;  // some part lay outside what the source covers
  };

  // `name` says where the times come from, for reports. Throws std::invalid_argument on tables of wrong size, or with
  // entries that are negative or not finite.
  CostModel(std::string name, CostTables tables);

  // Times of steps that are no sum of parts. Batches of decodes alone are tabulated all the same, at the middle of each
  // step of the KV grain, so that the mean of a growing context is met and the time stays constant in between.
  CostModel(std::string name, std::shared_ptr<const StepTimes> steps);

  // One more prefilling member: `chunk` tokens after `processed` ones.
  void add_prefill(BatchShape& batch, std::int64_t processed, std::int64_t chunk) const {
    ++batch.num_prefills;
    batch.prefill_tokens += chunk;
    batch.prefill_kv_tokens += kv_step(processed) * kKvGrain;
    batch.prefill_chunk_squares += chunk * chunk;
    if (steps_) [[unlikely]]
      add_prefill_step(batch, processed, chunk);
  }

  // A batch of decodes alone. `kv_step`: the mean KV length, truncated, in units of kKvGrain, rounded up.
  Lookup decode_time(std::int32_t num_decodes, std::int64_t kv_step) const {
    if (num_decodes > tables_.max_decodes || kv_step > tables_.max_decode_kv_steps) {
      return decode_time_beyond(num_decodes, kv_step);
    }
    const DecodeRow& row = decode_rows_[static_cast<std::size_t>(num_decodes)];
    return {to_ticks(row.tokens + tables_.decode[row.first + static_cast<std::size_t>(kv_step)]),
            kv_step > row.covered};
  }

  // No count may be negative. A batch of one prefilling member has prefill_chunk_squares = prefill_tokens squared.
  Lookup batch_time(const BatchShape& batch) const {
    return batch_time(batch, batch.num_decodes, batch.decode_kv_tokens);
  }
  // The same of a shape whose decodes are counted elsewhere, which then need not be written and read again.
  Lookup batch_time(const BatchShape& prefills, std::int32_t num_decodes, std::int64_t decode_kv_tokens) const {
    if (steps_) [[unlikely]]
      return step_time(prefills, num_decodes, decode_kv_tokens);
    return table_time(prefills, num_decodes, decode_kv_tokens);
  }
  // The same if the tables are all there is. Inline, and shows the shape to nobody: it can stay in registers.
  Lookup table_time(const BatchShape& prefills, std::int32_t num_decodes, std::int64_t decode_kv_tokens) const {
    bool outside = false;
    double ticks = token_part(prefills.prefill_tokens + num_decodes, outside);
    if (num_decodes > 0) {
      ticks += decode_part(num_decodes, kv_step(mean_kv(decode_kv_tokens, num_decodes)), outside);
    }
    if (prefills.num_prefills > 0) {
      const bool many = prefills.num_prefills > 1;
      const std::int64_t chunk = many ? rounded_sqrt(prefills.prefill_chunk_squares) : prefills.prefill_tokens;
      const double part = prefill_part(prefills.prefill_kv_tokens, chunk, outside);
      ticks += many ? part * tables_.prefill_many_factor : part;
    }
    return {to_ticks(ticks), outside};
  }

  // The mean, truncated. Divisions of 32 bits take a third of the time, and these nearly always do.
  static std::int64_t mean_kv(std::int64_t sum, std::int32_t count) {
    if (sum <= UINT32_MAX) return static_cast<std::uint32_t>(sum) / static_cast<std::uint32_t>(count);
    return sum / count;
  }
  static std::int64_t kv_step(std::int64_t kv) {
    return static_cast<std::int64_t>((static_cast<std::uint64_t>(kv) + kKvGrain - 1) / kKvGrain);
  }

  const std::string& name() const { return name_; }
  const CostTables& tables() const { return tables_; }
  const StepTimes* steps() const { return steps_.get(); }  // null: the tables are all there is

 private:
  Lookup step_time(const BatchShape& prefills, std::int32_t num_decodes, std::int64_t decode_kv_tokens) const;
  void add_prefill_step(BatchShape& batch, std::int64_t processed, std::int64_t chunk) const;
  static Time to_ticks(double ticks) { return std::max<Time>(static_cast<Time>(ticks + 0.5), 1); }
  Lookup decode_time_beyond(std::int32_t decodes, std::int64_t step) const;
  double token_part(std::int64_t tokens, bool& outside) const {
    outside |= tokens > tables_.covered_tokens;
    if (tokens <= tables_.max_tokens) return tables_.tokens[static_cast<std::size_t>(tokens)];
    return tokens_beyond(tokens);
  }
  double decode_part(std::int64_t decodes, std::int64_t step, bool& outside) const {
    if (decodes <= tables_.max_decodes && step <= tables_.max_decode_kv_steps) {
      const auto b = static_cast<std::int32_t>(decodes);
      outside |= step > tables_.decode_covered[static_cast<std::size_t>(b)];
      return tables_.decode_at(b, static_cast<std::int32_t>(step));
    }
    outside = true;
    return decode_beyond(decodes, step);
  }
  double prefill_part(std::int64_t kv, std::int64_t chunk, bool& outside) const {
    const std::int64_t step = kv_step(kv);
    if (step <= tables_.max_prefill_kv_steps && chunk <= tables_.max_chunk) {
      const auto k = static_cast<std::int32_t>(step);
      outside |= chunk > tables_.prefill_covered[static_cast<std::size_t>(k)];
      return tables_.prefill_at(k, static_cast<std::int32_t>(chunk));
    }
    outside = true;
    return prefill_beyond(step, chunk);
  }

  // Linear extrapolation along each axis, by the secant over the upper half of the table's axis, never downwards.
  double tokens_beyond(std::int64_t tokens) const;
  double decode_beyond(std::int64_t decodes, std::int64_t kv_step) const;
  double prefill_beyond(std::int64_t kv_step, std::int64_t chunk) const;

  // What the times of batches of decodes alone have in common, by their number.
  struct DecodeRow {
    double tokens = 0.0;        // token operators
    std::size_t first = 0;      // entry of tables_.decode
    std::int32_t covered = -1;  // the last KV step within what the source covers
  };

  std::string name_;
  CostTables tables_;
  std::shared_ptr<const StepTimes> steps_;
  std::vector<DecodeRow> decode_rows_;
};

}  // namespace switchyard
