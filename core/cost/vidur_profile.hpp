// GPU profiles in Vidur's CSV format: measured times of operators, one row a measurement.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "core/cost/fit_error.hpp"
#include "core/cost/profile.hpp"

namespace switchyard {

inline constexpr std::size_t kNumTokenOperators = 9;

struct VidurMeasurements {
  struct TokenOperators {
    double tokens = 0;
    std::array<double, kNumTokenOperators> ms{};  // NaN: not measured there
  };
  struct Attention {
    bool prefill = false;
    double position = 0;  // decode: batch size; prefill: KV length
    double x = 0;         // decode: KV length; prefill: chunk
    double ms = 0;
  };
  struct CacheSave {
    double tokens = 0;
    double ms = 0;
  };

  std::string folder;
  std::string name;
  ModelShape shape;
  std::vector<TokenOperators> token_operators;
  std::vector<Attention> attention;
  std::vector<CacheSave> cache_save;
};

// Reads mlp.csv and attention.csv or attention_medians.csv of a folder: medians of rows with tensor parallel 1. The
// number of layers comes from model.json beside them ({"num_layers": n}) or, for models that we know, from the folder's
// name. Throws InputError.
VidurMeasurements read_vidur_profile(const std::filesystem::path& folder);

// Curves through the measurements, averaged where a point was measured more than once. Attention needs at least 5
// points along a curve: scattered ones are left out. Throws InputError if too little is left.
Profile profile_of(const VidurMeasurements& measured);

// Errors of the token operators together, of decode attention and of prefill attention.
std::vector<FitError> cross_validate(const VidurMeasurements& measured);

}  // namespace switchyard
