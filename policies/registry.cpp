#include "policies/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "core/clairvoyant/clairvoyant.hpp"
#include "core/input/error.hpp"
#include "policies/clairvoyant/clairvoyant_policies.hpp"
#include "policies/compose/compose.hpp"
#include "policies/declarations.hpp"
#include "policies/formula/formula_policy.hpp"
#include "policies/production/production.hpp"

namespace switchyard {

namespace {

// What named policies are as settings of compose, each once.
std::vector<ParamValues> compositions(const std::vector<PolicyInfo>& policies) {
  std::vector<ParamValues> found;
  for (const PolicyInfo& info : policies) {
    const bool is_new = std::find(found.begin(), found.end(), info.composition) == found.end();
    if (!info.composition.empty() && is_new) found.push_back(info.composition);
  }
  return found;
}

std::vector<PolicyInfo>& registry() {
  static std::vector<PolicyInfo> policies = [] {
    std::vector<PolicyInfo> all;
    auto add = [&](PolicyGroup group, std::vector<PolicyInfo> listed) {
      for (PolicyInfo& info : listed) {
        info.group = group;
        all.push_back(std::move(info));
      }
    };
    add(PolicyGroup::baseline, baseline_policies());
    add(PolicyGroup::own, tuned_policies());
    for (const auto& system : {vllm_policies,          vllm_router_policies,  vllm_router_program_policies,
                               vllm_stack_policies,    cache_aware_policies,  sglang_policies,
                               sgl_router_policies,    smg_session_policies,  llmd_policies,
                               llmd_latency_policies,  aibrix_policies,       aibrix_prefix_cache_policies,
                               aibrix_preble_policies, aibrix_multi_policies, aibrix_session_policies,
                               aibrix_slo_policies,    dynamo_policies,       llumnix_policies,
                               preble_policies,        mooncake_policies,     ray_policies,
                               kubeai_policies,        trtllm_policies,       blis_policies,
                               glia_policies,          apart_policies}) {
      add(PolicyGroup::production, system());
    }
    PolicyInfo compose = compose_policy();
    compose.starts = compositions(all);
    add(PolicyGroup::builder, {std::move(compose), compose_split_policy(), formula_policy()});
    add(PolicyGroup::reference, clairvoyant_policies());
    return all;
  }();
  return policies;
}

bool is_name(std::string_view name) {
  return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

}  // namespace

const std::vector<PolicyInfo>& registered_policies() { return registry(); }

std::vector<std::string> policy_names() {
  std::vector<std::string> names;
  for (const PolicyInfo& info : registry()) names.push_back(info.name);
  return names;
}

void add_policies(std::vector<PolicyInfo> policies) {
  for (PolicyInfo& info : policies) {
    if (!is_name(info.name)) {
      throw std::invalid_argument("policy '" + info.name + "': a name has lower-case letters, digits and '_'");
    }
    for (const PolicyInfo& known : registry()) {
      if (known.name == info.name) throw std::invalid_argument("policy '" + info.name + "': the name is taken");
    }
    registry().push_back(std::move(info));
  }
}

const PolicyInfo& find_policy(std::string_view name, std::string_view where) {
  for (const PolicyInfo& info : registry()) {
    if (info.name == name) return info;
  }
  throw unknown_name(where, "policy", name, policy_names());
}

std::unique_ptr<Policy> PolicySpec::make() const {
  std::unique_ptr<Policy> policy = info->make(values);
  if (!info->clairvoyant && dynamic_cast<const Clairvoyant*>(policy.get()) != nullptr) {
    throw std::logic_error(
        "policy '" + info->name +
        "' inherits Clairvoyant, so that it knows output lengths, but its PolicyInfo does not say so "
        "(clairvoyant = true)");
  }
  return policy;
}

std::vector<Signal> PolicySpec::signals() const {
  return info->name == "compose" ? signals_of_composition(values) : info->signals;
}

RoutedBy PolicySpec::routed() const {
  PolicyInfo reader;
  reader.signals = signals();
  return {[this] { return make(); }, info->signal_interval, reads_snapshots(reader), info->knows_roles};
}

PolicySpec parse_policy(std::string_view text, std::string_view where) {
  ParsedSpec parsed = parse_spec(text, where);
  const PolicyInfo& info = find_policy(parsed.name, where);
  if (info.texts.empty()) return {&info, bind_arguments(info.params, parsed, where)};
  PolicyInfo own = info;
  for (TextParam& param : own.texts) {
    const auto is_it = [&](const auto& argument) { return argument.first == param.name; };
    const auto found = std::find_if(parsed.arguments.begin(), parsed.arguments.end(), is_it);
    if (found == parsed.arguments.end()) continue;
    param.value = found->second;
    parsed.arguments.erase(found);
    if (std::any_of(parsed.arguments.begin(), parsed.arguments.end(), is_it)) {
      throw InputError(fmt::format("{}: parameter '{}' is given twice", where, param.name));
    }
  }
  auto made = std::make_shared<const PolicyInfo>(info.with_texts(std::move(own), where));
  for (const auto& [name, value] : parsed.arguments) {
    std::vector<std::string> known;
    for (const TextParam& param : made->texts) known.push_back(param.name);
    for (const ParamSpec& param : made->params) known.push_back(param.name);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw unknown_name(where, fmt::format("parameter of '{}' with these texts", info.name), name, known);
    }
  }
  ParamValues values = bind_arguments(made->params, parsed, where);
  return {made.get(), std::move(values), made};
}

}  // namespace switchyard
