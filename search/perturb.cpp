#include "search/perturb.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/input/error.hpp"
#include "core/scenario/experiment.hpp"
#include "core/scenario/groups.hpp"

namespace switchyard {

namespace {

using Variants = std::vector<Scenario>;

Variants with_signals(const Scenario& scenario) {
  Variants variants;
  for (const double age_s : {0.0, 0.05, 1.0, 10.0}) {
    Scenario& variant = variants.emplace_back(scenario);
    variant.name += fmt::format("+signals={}s", age_s);
    variant.signal_interval_s = age_s;
    variant.signal_delay_s = 0;
    variant.kv_delay_s = scenario.replica_scheduler == EngineKind::vllm_v1 ? age_s : 0;
  }
  return variants;
}

Variants with_routers(const Scenario& scenario) {
  Variants variants;
  for (const std::int32_t count : {1, 2, 4}) {
    Scenario& variant = variants.emplace_back(scenario);
    variant.name += fmt::format("+routers={}", count);
    variant.routers = count;
  }
  return variants;
}

// With its last replica at half speed, or not.
Variants with_slow_replica(const Scenario& scenario) {
  Variants variants(2, scenario);
  variants[0].name += "+slow-replica=0";
  Scenario& slow = variants[1];
  slow.name += "+slow-replica=1";
  if (slow.groups.empty()) slow.groups.push_back({.count = slow.replicas, .fields = {}});
  ReplicaGroup one = slow.groups.back();
  one.count = 1;
  const double slowdown = 2 * scenario_of_group(slow, one).slowdown;
  std::erase_if(one.fields, [](const auto& field) { return field.first == "slowdown"; });
  one.fields.emplace_back("slowdown", fmt::format("{}", slowdown));
  std::sort(one.fields.begin(), one.fields.end());
  if (--slow.groups.back().count == 0) slow.groups.pop_back();
  slow.groups.push_back(std::move(one));
  return variants;
}

// The first replica fails when half of the requests have come, for a tenth of their time, and routers know after a
// second.
Variants with_failure(const Scenario& scenario) {
  Variants variants(2, scenario);
  variants[0].name += "+failure=0";
  variants[0].replica_events.clear();
  Scenario& fails = variants[1];
  fails.name += "+failure=1";
  const auto workload = Experiment(variants[0]).workload(scenario.held_out_seeds.seeds().front());
  const double span_s = seconds_from_ticks(workload->requests.back().arrived_at);
  fails.replica_events = fmt::format("fail 0 at {:.0f} for {:.0f}", std::ceil(span_s / 2), std::ceil(span_s / 10));
  fails.detection_s = 1;
  return variants;
}

struct Perturbation {
  std::string name;
  Variants (*of)(const Scenario&);
};
const std::vector<Perturbation>& all_perturbations() {
  static const std::vector<Perturbation> all = {{"signals", with_signals},
                                                {"routers", with_routers},
                                                {"slow-replica", with_slow_replica},
                                                {"failure", with_failure}};
  return all;
}

}  // namespace

const std::vector<std::string>& perturbations() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    for (const Perturbation& perturbation : all_perturbations()) found.push_back(perturbation.name);
    return found;
  }();
  return names;
}

std::vector<Scenario> perturbed(const std::vector<Scenario>& scenarios, std::string_view names,
                                std::string_view where) {
  std::vector<std::string> asked;
  for (std::size_t begin = 0; begin <= names.size();) {
    const std::size_t end = std::min(names.find(',', begin), names.size());
    const std::string name(names.substr(begin, end - begin));
    if (std::find(perturbations().begin(), perturbations().end(), name) == perturbations().end()) {
      throw unknown_name(where, "perturbation", name, perturbations());
    }
    if (std::find(asked.begin(), asked.end(), name) != asked.end()) {
      throw InputError(fmt::format("{}: '{}' is named twice", where, name));
    }
    asked.push_back(name);
    begin = end + 1;
  }
  Variants variants = scenarios;
  for (const Perturbation& perturbation : all_perturbations()) {
    if (std::find(asked.begin(), asked.end(), perturbation.name) == asked.end()) continue;
    Variants more;
    for (const Scenario& scenario : variants) {
      for (Scenario& variant : perturbation.of(scenario)) more.push_back(std::move(variant));
    }
    variants = std::move(more);
  }
  return variants;
}

}  // namespace switchyard
