// How a search chooses the settings to try. Batch-synchronous: a method is asked for a batch, told the answers, asked
// again; so a study is the same for any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/api/params.hpp"

namespace switchyard {

// A setting, to be run on the first `num_seeds` training seeds (those that it has run on already cost nothing).
struct Query {
  ParamValues values;
  std::size_t num_seeds = 0;
};

struct Answer {
  bool failed = false;  // then nothing else holds
  // The cost over the first num_seeds training seeds, relative to that of the policy's default setting on the same
  // seeds; lower is better. 1: as good as the default; -1, if more is better. Broken constraints are in it.
  double relative = 0;
  // The cost on each of these seeds, in units of the default's mean over all training seeds: to be compared seed by
  // seed. Constraints are not in it.
  std::vector<double> by_seed;
};

class Method {
 public:
  virtual ~Method() = default;

  // The next queries, which cost at most `replays` if all are new; none when the method has no more.
  virtual std::vector<Query> ask(std::size_t replays) = 0;

  // The answers, in the same order.
  virtual void tell(std::span<const Answer> answers) = 0;
};

struct MethodOptions {
  std::size_t grid_points = 5;           // grid: points per numeric parameter, ends included; choices are all taken
  std::uint64_t study_seed = 1;          // all random numbers derive from this and the policy's name
  std::size_t num_seeds = 1;             // training seeds
  std::size_t replays = 800;             // the whole budget; halving sizes its rounds by it
  std::size_t width = 0;                 // replays that a round should have at least; 0: as the method likes
  std::vector<ParamValues> starts = {};  // race and forest: settings to begin with, besides the default one
};

struct MethodInfo {
  std::string name;
  std::string summary;
  bool has_width = false;  // its rounds can be made wider
};
const std::vector<MethodInfo>& methods();
bool has_width(const std::string& method);  // whether MethodOptions::width changes what it does
std::vector<std::string> method_names();
inline constexpr const char* kDefaultMethod = "race";

// Throws InputError for an unknown method, or a grid of more than a million settings.
std::unique_ptr<Method> make_method(const std::string& method, const std::string& policy,
                                    const std::vector<ParamSpec>& params, const MethodOptions& options);

}  // namespace switchyard
