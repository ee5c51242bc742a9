#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <iostream>

#include "core/input/error.hpp"
#include "search/cli/command.hpp"
#include "search/cli/format_flag.hpp"
#include "search/cli/out_flags.hpp"
#include "search/cli/progress.hpp"
#include "search/cli/search_flags.hpp"
#include "search/plan_files.hpp"
#include "search/spec_list.hpp"

namespace switchyard {

namespace {

constexpr std::int32_t kMostReplicas = 100'000;

template <class Number>
std::optional<Number> whole_text(std::string_view text) {
  Number number{};
  const auto [at, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || fault != std::errc() || at != text.data() + text.size()) return std::nullopt;
  return number;
}

// One part for each kind of replica, or one for all of them where that says enough.
std::vector<std::string> parts_from(const Options& options, const std::string& flag, std::size_t kinds,
                                    bool one_for_all) {
  std::vector<std::string> parts = list_from(flag, options.text(flag));
  if (one_for_all && parts.size() == 1) parts.resize(kinds, parts[0]);
  if (parts.size() != kinds) {
    throw InputError(fmt::format(
        "--{}: {} has {} parts, but there {} of replica{}", flag, in_quotes(options.text(flag)), parts.size(),
        kinds == 1 ? "is one kind" : fmt::format("are {} kinds", kinds), kinds == 1 ? "" : "s"));
  }
  return parts;
}

// "1-64", or "4".
void set_range(PlannedKind& kind, const std::string& text, std::int32_t lowest) {
  const std::size_t dash = std::min(text.find('-'), text.size());
  const auto least = whole_text<std::int32_t>(std::string_view(text).substr(0, dash));
  const auto most = dash < text.size() ? whole_text<std::int32_t>(std::string_view(text).substr(dash + 1)) : least;
  if (!least || !most || *least < lowest || *least > *most || *most > kMostReplicas || *most < 1) {
    throw InputError(fmt::format("--counts: {} is not allowed; numbers of replicas from {} to {} are wanted, as 1-64",
                                 in_quotes(text), lowest, kMostReplicas));
  }
  kind.least = *least;
  kind.most = *most;
}

void set_kinds(const Options& options, std::vector<PlannedKind>& kinds) {
  if (options.has("counts")) {
    const std::vector<std::string> ranges = parts_from(options, "counts", kinds.size(), false);
    for (std::size_t k = 0; k < kinds.size(); ++k) set_range(kinds[k], ranges[k], kinds.size() > 1 ? 0 : 1);
  }
  if (options.has("gpus")) {
    const std::vector<std::string> gpus = parts_from(options, "gpus", kinds.size(), true);
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      const auto number = whole_text<std::int32_t>(gpus[k]);
      if (!number || *number < 1 || *number > 1024) {
        throw InputError(
            fmt::format("--gpus: {} is not allowed; a whole number from 1 to 1024 is wanted", in_quotes(gpus[k])));
      }
      kinds[k].gpus = *number;
    }
  }
  if (options.has("gpu-price")) {
    const std::vector<std::string> prices = parts_from(options, "gpu-price", kinds.size(), true);
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      const auto price = whole_text<double>(prices[k]);
      if (!price || !(*price > 0) || !(*price <= 1e6)) {
        throw InputError(fmt::format("--gpu-price: {} is not allowed; a number above 0, at most 1e6, is wanted",
                                     in_quotes(prices[k])));
      }
      kinds[k].gpu_price = *price;
    }
  }
}

}  // namespace

Options declare_plan() {
  Options options(
      "plan --scenario NAME --policy SPEC[,SPEC...]|all --constraint LIMITS [--counts RANGE[,RANGE...]] [--out DIR]",
      "Finds the fewest replicas with which a policy keeps limits on held-out seeds, and what they cost: GPUs, GPU "
      "hours "
      "for the workload, and their price with --gpu-price. Of several kinds of replica it finds the cheapest numbers. "
      "Sizes are bisected, and each says whether the limits are kept, broken, or open within the error; the answer "
      "holds "
      "with 95%, and names the least size that was not ruled out. --total asks for the best split of so many replicas "
      "among the kinds instead, by --objective.\n"
      "example: switchyard plan --scenario azure-conv --policy llq,lor --constraint 'p99_ttft_s<=0.5,p99_tpot_s<=0.1'\n"
      "example: switchyard plan --scenario azure-code-v1 --policy llq --constraint 'p99_ttft_s<=2' "
      "--counts 1-16 --gpu-price 2.5 --out out/plan");
  options.value("policy", "policy specs, comma between, or all", policy_names())
      .value("counts", "numbers of replicas that are looked at, for each kind in turn, as 1-64 (default) or 1-8,0-4")
      .value("total", "split so many replicas among the kinds, by --objective among those that keep the limits")
      .value("gpus", "GPUs of a replica, for each kind in turn or for all (default: what the profile says, or 1)")
      .value("gpu-price", "of a GPU hour, for each kind in turn or for all: the cheapest numbers are found by it")
      .toggle("exhaustive", "measure all numbers within --counts, where bisection takes more replicas to be no worse");
  declare_resumable_out(options, "plan.json, plan.csv and plan.md");
  declare_goal(options);
  declare_threads(options).scenario_flags(seeds_of_training({"seed", "replicas"}));
  declare_format(options);
  return options;
}

int command_plan(const Options& options) {
  const TableFormat format = format_from(options);
  if (!options.has("policy")) throw InputError("--policy: is missing: policy specs, comma between, or all");
  const std::vector<PolicySpec> policies = parse_specs(options.text("policy"), "--policy");
  const Scenario scenario = options.scenario();
  Plan plan;
  plan.goal = goal_from(options);
  plan.kinds = kinds_of(scenario);
  set_kinds(options, plan.kinds);
  plan.exhaustive = options.has("exhaustive");
  if (options.has("total")) {
    if (plan.kinds.size() < 2) throw InputError("--total: needs at least two kinds of replicas to split it among");
    plan.total = static_cast<std::int32_t>(options.whole("total", 0, 1, kMostReplicas));
    if (splits_of(plan.kinds, *plan.total).empty()) {
      throw InputError(fmt::format("--total: no split of {} is within --counts", *plan.total));
    }
  } else if (plan.goal.constraints.empty()) {
    throw InputError("--constraint: is missing: the limits to keep, as 'p99_ttft_s<=2,p99_tpot_s<=0.1'");
  }
  const int threads = threads_from(options);
  ResumableFolder folder(options, "a plan");
  run_plan(plan, scenario, policies, threads, progress_for(options), folder.store());
  folder.finish([&](const std::filesystem::path& path) { write_plan(path, plan); });
  std::cout << render(plan, format, style_for(STDOUT_FILENO));
  return 0;
}

}  // namespace switchyard
