#include "search/cli/single_run.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/input/error.hpp"

namespace switchyard {

void check_seed_flags_matter(const Options& options, const Scenario& scenario) {
  if (options.has("held-out-seeds"))
    throw InputError("--held-out-seeds: has no effect: this is about one seed, --seed");
  const auto lists = [&](const SeedRange& range) {
    const std::vector<std::uint64_t> seeds = range.seeds();
    return std::binary_search(seeds.begin(), seeds.end(), scenario.seed);
  };
  const bool listed = lists(scenario.train_seeds) || lists(scenario.validation_seeds);
  for (const std::string flag : {"train-overload", "train-seeds", "validation-seeds"}) {
    if (!options.has(flag)) continue;
    if (scenario.train_overload == 0) {
      throw InputError(
          fmt::format("--{}: has no effect: it matters to one seed only if --train-overload is above 0", flag));
    }
    if (!listed) {
      throw InputError(fmt::format(
          "--{}: has no effect: --seed {} is neither in --train-seeds {} nor in --validation-seeds {}", flag,
          scenario.seed, format_seed_range(scenario.train_seeds), format_seed_range(scenario.validation_seeds)));
    }
  }
}

}  // namespace switchyard
