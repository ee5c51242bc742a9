// GPU profiles: measured operator times, boiled down to curves through a few knots, and compiled to tables.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/cost/layer_times.hpp"
#include "core/input/json_file.hpp"

namespace switchyard {

// A piecewise linear function. Before the first knot it is constant; beyond the last it goes on with the slope of the
// last half, at least 0.
struct Curve {
  std::vector<double> x;  // rising
  std::vector<double> y;  // ms per layer

  double at(double position) const;
};

// Curves along one axis at several positions of another: attn_decode over KV length at batch sizes, attn_prefill over
// chunk length at KV lengths. Between positions it is linear (so bilinear in all), beyond them as a curve is.
struct CurveSet {
  std::vector<double> position;  // rising
  std::vector<Curve> curves;

  double at(double position_wanted, double x) const;
};

struct Profile {
  std::string name;
  std::string source;
  ModelShape shape;
  Curve tokens;  // all token operators, by number of tokens
  Curve save;    // attn_kv_cache_save, by number of tokens
  CurveSet decode;
  CurveSet prefill;
};

// A folder of Vidur's profiling CSVs: mlp.csv and attention.csv or attention_medians.csv; medians of rows with tensor
// parallel 1, averaged where a point was measured more than once. The number of layers comes from model.json beside
// them ({"num_layers": n}) or, for models that we know, from the folder's name. Throws InputError.
Profile read_profile_folder(const std::filesystem::path& folder);

// An embedded profile. Throws InputError.
Profile read_profile_json(const JsonFile& file);

// The profile as JSON, without the knots that a straight line through their neighbours gives within 0.4%: what
// `switchyard profile derive` prints, and how core/data/profile_*.json were made.
std::string profile_json(const Profile& profile);

LayerTimes compile_profile(const Profile& profile);

}  // namespace switchyard
