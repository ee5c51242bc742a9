// How long a batch takes. Every source of batch times (prediction tables, GPU profiles, embedded fits, the roofline)
// is compiled at load into the same dense tables, so that a lookup is a few array reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/api/time.hpp"

namespace switchyard {

// What a batch consists of, as far as its time depends on it.
struct BatchShape {
  std::int32_t num_decodes = 0;
  std::int64_t decode_kv_tokens = 0;  // sum over decoding members of tokens processed before this batch
  std::int32_t num_prefills = 0;
  std::int64_t prefill_tokens = 0;         // sum of chunks
  std::int64_t prefill_kv_tokens = 0;      // sum over prefilling members of processed tokens, each rounded up to 64
  std::int64_t prefill_chunk_squares = 0;  // sum of squares of chunks
};

inline constexpr std::int32_t kTokenGrain = 8;  // token operators are read at the total rounded up to this
inline constexpr std::int32_t kKvGrain = 64;    // attention is read at KV lengths rounded up to this

// Dense tables of batch time parts, already multiplied by the number of layers, in ticks (double: the sum of the
// parts is rounded once, to an integer tick).
//   tokens[t]            t = 0..max_tokens: token operators at t rounded up to kTokenGrain + attn_kv_cache_save at t
//   decode[b][k]         b = 0..max_decodes, k = kv / kKvGrain: attn_decode, grouped-query factor included
//   prefill[k][c]        k = kv / kKvGrain, c = 0..max_chunk: attn_prefill for one prefilling member
// Beyond the tables: linear extrapolation, reported per lookup.
struct CostTables {
  std::int32_t max_tokens = 0;
  std::int32_t max_decodes = 0;
  std::int32_t max_decode_kv_steps = 0;
  std::int32_t max_prefill_kv_steps = 0;
  std::int32_t max_chunk = 0;
  std::vector<double> tokens;
  std::vector<double> decode;        // row-major, (max_decodes + 1) x (max_decode_kv_steps + 1)
  std::vector<double> prefill;       // row-major, (max_prefill_kv_steps + 1) x (max_chunk + 1)
  double prefill_many_factor = 1.0;  // grouped-query models: 1.1 if more than one member prefills
};

class CostModel {
 public:
  struct Lookup {
    Time time = 0;              // ticks, at least 1
    bool extrapolated = false;  // some part lay outside what the source covers
  };

  // `name` says where the times come from, for reports. Throws std::invalid_argument on tables of wrong size.
  CostModel(std::string name, CostTables tables);

  Lookup batch_time(const BatchShape& batch) const;

  const std::string& name() const { return name_; }

 private:
  double token_part(std::int64_t tokens, bool& extrapolated) const;
  double decode_part(std::int64_t decodes, std::int64_t kv, bool& extrapolated) const;
  double prefill_part(std::int64_t kv, std::int64_t chunk, bool& extrapolated) const;

  std::string name_;
  CostTables tables_;
};

}  // namespace switchyard
