// Where trial settings come from. Batch-synchronous: a sampler is asked for a batch, told its scores, asked again; so a
// study is the same for any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/api/params.hpp"

namespace switchyard {

class Sampler {
 public:
  virtual ~Sampler() = default;

  // The next settings, or none when the method has no more.
  virtual std::vector<ParamValues> ask() = 0;

  // Their scores in the same order: lower is better, infinity for a failed one.
  virtual void tell(std::span<const double> scores) = 0;
};

struct SamplerOptions {
  std::size_t trials = 100;      // random: settings in all
  std::size_t grid_points = 5;   // grid: points per numeric parameter, ends included; choices are all taken
  std::uint64_t study_seed = 1;  // a trial's random numbers derive from this, the policy's name and its number
};

// The methods by name.
std::vector<std::string> sampler_names();

// Throws InputError for an unknown method, or a grid of more than a million settings.
std::unique_ptr<Sampler> make_sampler(const std::string& method, const std::string& policy,
                                      const std::vector<ParamSpec>& params, const SamplerOptions& options);

}  // namespace switchyard
