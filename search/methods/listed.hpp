// Methods whose settings depend on no answer.
#pragma once

#include "search/methods/method.hpp"

namespace switchyard {

std::unique_ptr<Method> make_grid(const std::string& policy, const std::vector<ParamSpec>& params,
                                  const MethodOptions& options);
std::unique_ptr<Method> make_random(const std::string& policy, const std::vector<ParamSpec>& params,
                                    const MethodOptions& options);
std::unique_ptr<Method> make_sobol(const std::string& policy, const std::vector<ParamSpec>& params,
                                   const MethodOptions& options);

// Points 0, 1, ... of a Sobol sequence (direction numbers of Joe, Kuo 2008), moved by a random shift of the study seed
// modulo 1 (Cranley, Patterson 1976), as settings.
class SobolSettings {
 public:
  SobolSettings(const std::string& policy, const std::vector<ParamSpec>& params, std::uint64_t study_seed);
  ~SobolSettings();
  SobolSettings(SobolSettings&&) noexcept;
  ParamValues next();

 private:
  struct Engine;
  std::vector<ParamSpec> params_;
  std::vector<double> shift_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace switchyard
