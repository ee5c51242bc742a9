#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "core/check/check_policy.hpp"
#include "policies/registry.hpp"
#include "search/python/src/bind.hpp"
#include "search/python/src/python_policy.hpp"
#include "search/python/src/stop.hpp"

namespace nb = nanobind;

namespace switchyard::python {

namespace {

nb::dict describe_param(const ParamSpec& param) {
  nb::dict it;
  it["name"] = param.name;
  it["type"] = param.type == ParamType::real ? "real" : param.type == ParamType::integer ? "integer" : "choice";
  it["default"] = param.type == ParamType::choice    ? nb::cast(param.choices[std::size_t(param.default_value)])
                  : param.type == ParamType::integer ? nb::cast(static_cast<std::int64_t>(param.default_value))
                                                     : nb::cast(param.default_value);
  if (param.type == ParamType::choice) {
    it["choices"] = param.choices;
  } else {
    it["low"] = param.low;
    it["high"] = param.high;
    it["log"] = param.scale == ParamScale::log;
  }
  it["doc"] = param.doc;
  nb::list conditions;  // it matters while one of these holds; empty: always
  for (const ParamCondition& condition : param.active_if) {
    nb::dict one;
    one["name"] = condition.name;
    one["values"] = condition.values;
    conditions.append(one);
  }
  it["active_if"] = conditions;
  return it;
}

}  // namespace

void bind_policy(nb::module_& module) {
  module.def("policy_names", &policy_names, "The built-in policies.");
  module.def(
      "describe_policy",
      [](const std::string& name) {
        const PolicyInfo& info = find_policy(name, "policy");
        nb::dict it;
        it["name"] = info.name;
        it["summary"] = info.summary;
        it["source"] = info.source;
        it["clairvoyant"] = info.clairvoyant;
        nb::list params;
        for (const ParamSpec& param : info.params) params.append(describe_param(param));
        it["params"] = params;
        return it;
      },
      nb::arg("name"), "What is declared of a built-in policy: summary, source, parameters with ranges and scales.");
  module.def(
      "_check_policy",
      [](const std::string& name, const nb::object& make, int rounds) {
        PolicyInfo info;
        info.name = name;
        info.knows_roles = knows_roles(make());
        info.make = [&](const ParamValues&) { return std::make_unique<PythonPolicy>(make()); };
        return check_policy(info, rounds);
      },
      nb::arg("name"), nb::arg("make"), nb::arg("rounds"));
  module.def(
      "_check_spec",
      [](const std::string& text, int rounds) {
        const PolicySpec spec = parse_policy(text, "policy");
        const Unlocked unlocked;
        return check_policy(*spec.info, spec.values, rounds);
      },
      nb::arg("spec"), nb::arg("rounds"));
  module.def(
      "canonical_spec", [](const std::string& spec) { return parse_policy(spec, "policy").text(); }, nb::arg("spec"),
      "A spec as the command line writes it. Raises InputError if it is none.");
}

}  // namespace switchyard::python
