#include "search/methods/method.hpp"

#include <algorithm>

#include "core/input/error.hpp"
#include "search/methods/halving.hpp"
#include "search/methods/listed.hpp"
#include "search/methods/race.hpp"

namespace switchyard {

namespace {

struct Entry {
  const char* name;
  const char* summary;
  bool has_width;
  std::unique_ptr<Method> (*make)(const std::string&, const std::vector<ParamSpec>&, const MethodOptions&);
};

constexpr Entry kMethods[] = {
    {"race", "proposals of a random-forest model, raced over training seeds", true, make_race},
    {"forest", "the same proposals, each on all training seeds", true, make_forest},
    {"halving", "successive halving of Sobol points over training seeds", false, make_halving},
    {"sobol", "points of a Sobol sequence", true, make_sobol},
    {"random", "uniform random settings", true, make_random},
    {"grid", "--grid-points values of each number, and all choices", false, make_grid},
};

}  // namespace

const std::vector<MethodInfo>& methods() {
  static const std::vector<MethodInfo> all = [] {
    std::vector<MethodInfo> made;
    for (const Entry& entry : kMethods) made.push_back({entry.name, entry.summary, entry.has_width});
    return made;
  }();
  return all;
}

bool has_width(const std::string& method) {
  return std::any_of(methods().begin(), methods().end(),
                     [&](const MethodInfo& info) { return info.name == method && info.has_width; });
}

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const MethodInfo& method : methods()) names.push_back(method.name);
  return names;
}

std::unique_ptr<Method> make_method(const std::string& method, const std::string& policy,
                                    const std::vector<ParamSpec>& params, const MethodOptions& options) {
  for (const Entry& entry : kMethods) {
    if (entry.name == method) return entry.make(policy, params, options);
  }
  throw unknown_name("--method", "method", method, method_names());
}

}  // namespace switchyard
