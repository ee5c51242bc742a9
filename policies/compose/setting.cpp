#include "policies/compose/setting.hpp"

#include <algorithm>
#include <stdexcept>

#include "policies/compose/compose.hpp"

namespace switchyard {

namespace {

std::size_t index_of(const std::vector<ParamSpec>& params, const std::string& name) {
  const auto found = std::find_if(params.begin(), params.end(), [&](const auto& param) { return param.name == name; });
  if (found == params.end()) throw std::logic_error("compose has no parameter " + name);
  return static_cast<std::size_t>(found - params.begin());
}

}  // namespace

Setting::Setting(std::string name, std::string summary, std::string source) {
  info_.name = std::move(name);
  info_.summary = std::move(summary);
  info_.source = std::move(source);
}

Setting& Setting::fix(std::string param, std::string value) {
  fixed_.emplace_back(std::move(param), std::move(value));
  return *this;
}

Setting& Setting::expose(Exposed param) {
  exposed_.push_back(std::move(param));
  return *this;
}

Setting& Setting::reads(std::vector<Signal> signals, double interval_s) {
  info_.signals = std::move(signals);
  info_.signal_interval = ticks_from_seconds(interval_s);
  return *this;
}

PolicyInfo Setting::done() {
  const PolicyInfo compose = compose_policy();
  ParamValues base = default_values(compose.params);
  std::vector<bool> is_exposed(compose.params.size(), false);
  auto value_of = [&](std::size_t i, const std::string& text) {
    try {
      return parse_value(compose.params[i], text, info_.name);
    } catch (const std::exception& error) {
      throw std::logic_error(error.what());
    }
  };
  for (const auto& [name, value] : fixed_) {
    const std::size_t i = index_of(compose.params, name);
    base[i] = value_of(i, value);
  }
  // Where the value of each exposed parameter goes, and for choices what it stands for there.
  struct Target {
    std::size_t index;
    std::vector<double> values;
  };
  std::vector<Target> targets;
  for (const Exposed& exposed : exposed_) {
    const std::size_t i = index_of(compose.params, exposed.name);
    is_exposed[i] = true;
    if (!exposed.default_value.empty()) base[i] = value_of(i, exposed.default_value);
    ParamSpec param = compose.params[i];
    param.default_value = base[i];
    if (!exposed.as.empty()) param.name = exposed.as;
    if (!exposed.doc.empty()) param.doc = exposed.doc;
    Target target{i, {}};
    if (!exposed.choices.empty()) {
      for (const std::string& choice : exposed.choices) target.values.push_back(value_of(i, choice));
      const auto found = std::find(target.values.begin(), target.values.end(), base[i]);
      if (found == target.values.end()) throw std::logic_error(info_.name + ": default of " + exposed.name);
      param.default_value = static_cast<double>(found - target.values.begin());
      param.high = static_cast<double>(exposed.choices.size()) - 1;
      param.choices = exposed.choices;
    }
    targets.push_back(std::move(target));
    info_.params.push_back(std::move(param));
  }
  const auto shown_name = [this](const std::string& name) {
    const auto found = std::find_if(exposed_.begin(), exposed_.end(), [&](const Exposed& e) { return e.name == name; });
    return found == exposed_.end() || found->as.empty() ? name : found->as;
  };
  // What depends on a fixed choice is decided: it matters always, or not through it.
  for (std::size_t k = 0; k < targets.size(); ++k) {
    const std::vector<ParamCondition> all = compose.params[targets[k].index].active_if;
    std::vector<ParamCondition>& left = info_.params[k].active_if;
    left.clear();
    bool always = all.empty();
    for (const ParamCondition& condition : all) {
      const std::size_t i = index_of(compose.params, condition.name);
      if (is_exposed[i]) {
        left.push_back(condition);
        left.back().name = shown_name(condition.name);
        continue;
      }
      const std::string chosen = format_value(compose.params[i], base[i]);
      const auto& values = condition.values;
      if (is_active(compose.params, base, i) && std::find(values.begin(), values.end(), chosen) != values.end()) {
        always = true;
      }
    }
    if (always) left.clear();
    if (!always && left.empty()) {
      throw std::logic_error(info_.name + ": parameter " + info_.params[k].name + " has no effect");
    }
  }
  info_.composition = base;
  info_.make = [make = compose.make, base, targets](const ParamValues& values) {
    ParamValues full = base;
    for (std::size_t k = 0; k < targets.size(); ++k) {
      const Target& target = targets[k];
      full[target.index] = target.values.empty() ? values[k] : target.values[static_cast<std::size_t>(values[k])];
    }
    return make(full);
  };
  return std::move(info_);
}

}  // namespace switchyard
