// GPU profiles: times of one layer as curves through a few knots, and how they are compiled to tables.
#pragma once

#include <string>

#include "core/cost/curve.hpp"
#include "core/cost/layer_times.hpp"
#include "core/input/json_file.hpp"

namespace switchyard {

inline constexpr std::int32_t kLongestProfile = 10'000'000;    // tokens along an axis of a profile
inline constexpr std::int32_t kLargestProfileBatch = 100'000;  // decoding members

inline constexpr double kProfileTolerance = 0.004;

struct Profile {
  std::string name;
  std::string source;
  ModelShape shape;
  Curve tokens;  // all token operators, by number of tokens
  Curve save;    // attn_kv_cache_save, by number of tokens; may be empty
  CurveSet decode;
  CurveSet prefill;
  double grouped_query_factor = kGroupedQueryFactor;  // 1 where what was measured holds it already
};

// A profile's JSON file (README.md). Throws InputError.
Profile read_profile_json(const JsonFile& file);

// The profile as JSON, without the knots and curves that their neighbours give within a relative tolerance: what
// `switchyard profile fit` prints, and how core/data/profile_*.json were made.
std::string profile_json(const Profile& profile, double tolerance = kProfileTolerance);

LayerTimes compile_profile(const Profile& profile);

}  // namespace switchyard
