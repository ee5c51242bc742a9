#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/input/error.hpp"
#include "core/input/json_text.hpp"
#include "policies/registry.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"

namespace switchyard {

namespace {

struct Group {
  PolicyGroup group;
  const char* name;
  const char* title;
};
constexpr std::array kGroups = {
    Group{PolicyGroup::baseline, "baseline", "Baselines"},
    Group{PolicyGroup::own, "own", "Ours, and your own"},
    Group{PolicyGroup::production, "production", "Routers of serving systems"},
    Group{PolicyGroup::builder, "builder", "Made of parts that you choose"},
    Group{PolicyGroup::reference, "reference",
          "Clairvoyant references: they know output lengths and can never be deployed"},
};
static_assert(kGroups.size() == static_cast<std::size_t>(PolicyGroup::reference) + 1);
static_assert(kGroups[0].group == PolicyGroup::baseline && kGroups[1].group == PolicyGroup::own &&
                  kGroups[2].group == PolicyGroup::production && kGroups[3].group == PolicyGroup::builder &&
                  kGroups[4].group == PolicyGroup::reference,
              "a group is found by its number");

std::string range_of(const ParamSpec& param) {
  if (param.type == ParamType::choice) return fmt::format("{}", fmt::join(param.choices, "|"));
  return fmt::format("{} to {}{}", format_value(param, param.low), format_value(param, param.high),
                     param.scale == ParamScale::log ? ", log" : "");
}

// As it is by default, or with these values.
void describe(const PolicySpec& policy) {
  const PolicyInfo& info = *policy.info;
  const ParamValues& values = policy.values;
  std::cout << policy.text() << "\n  " << info.summary << "\n";
  if (info.clairvoyant) std::cout << "  Knows output lengths: a reference, never deployable.\n";
  if (!info.source.empty()) std::cout << "  Source: " << info.source << "\n";
  for (const Signal signal : policy.signals()) {
    std::cout << fmt::format("  Reads {:<12} {}\n", signal_name(signal), signal_text(signal));
  }
  if (info.signal_interval > 0) {
    std::cout << fmt::format("  Polls replicas every {} s (--signal-interval router).\n",
                             seconds_from_ticks(info.signal_interval));
  }
  if (info.knows_roles) std::cout << "  Decides about prefill and decode where they are apart.\n";
  for (const TextParam& param : info.texts) {
    std::cout << fmt::format("    {:<18} \"{}\"  {}\n", param.name, param.value, param.doc);
  }
  for (std::size_t i = 0; i < info.params.size(); ++i) {
    const ParamSpec& param = info.params[i];
    std::cout << fmt::format("    {:<18} {:<10} [{}]  {}", param.name, format_value(param, values[i]), range_of(param),
                             param.doc);
    if (!param.active_if.empty()) {
      std::cout << fmt::format(" (if {})", activity_text(param));
    }
    std::cout << "\n";
  }
}

nlohmann::ordered_json value_json(const ParamSpec& param, double value) {
  if (param.type == ParamType::choice) return format_value(param, value);
  if (param.type == ParamType::integer) return static_cast<std::int64_t>(value);
  return value;
}

nlohmann::ordered_json json_of(const PolicySpec& policy) {
  const PolicyInfo& info = *policy.info;
  nlohmann::ordered_json json = {{"name", info.name},
                                 {"spec", policy.text()},
                                 {"summary", info.summary},
                                 {"source", info.source},
                                 {"group", kGroups[static_cast<std::size_t>(info.group)].name},
                                 {"clairvoyant", info.clairvoyant},
                                 {"knows_roles", info.knows_roles},
                                 {"signals", nlohmann::ordered_json::array()},
                                 {"signal_interval_s", seconds_from_ticks(info.signal_interval)},
                                 {"parameters", nlohmann::ordered_json::array()}};
  for (const Signal signal : policy.signals()) json["signals"].push_back(signal_name(signal));
  for (const ParamSpec& param : info.params) {
    nlohmann::ordered_json entry = {
        {"name", param.name}, {"doc", param.doc}, {"default", value_json(param, param.default_value)}};
    if (param.type == ParamType::choice) {
      entry["choices"] = param.choices;
    } else {
      entry["low"] = value_json(param, param.low);
      entry["high"] = value_json(param, param.high);
      entry["scale"] = param.scale == ParamScale::log ? "log" : "linear";
    }
    if (!param.active_if.empty()) entry["only_if"] = activity_text(param);
    json["parameters"].push_back(std::move(entry));
  }
  json["starts"] = nlohmann::ordered_json::array();
  for (const ParamValues& values : info.starts) {
    nlohmann::ordered_json start = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (is_active(info.params, values, i)) start[info.params[i].name] = value_json(info.params[i], values[i]);
    }
    json["starts"].push_back(std::move(start));
  }
  return json;
}

std::vector<const PolicyInfo*> policies_of(PolicyGroup group) {
  std::vector<const PolicyInfo*> found;
  for (const PolicyInfo& info : registered_policies()) {
    if (info.group == group) found.push_back(&info);
  }
  return found;
}

// The first sentence, or as much of it as fits in a line.
std::string first_sentence(const std::string& text) {
  constexpr std::size_t kWidth = 92;
  std::string sentence = text.substr(0, text.find(". "));
  if (sentence.size() <= kWidth) return sentence;
  return sentence.substr(0, sentence.rfind(' ', kWidth)) + " ...";
}

void list() {
  for (const auto& [group, name, title] : kGroups) {
    const std::vector<const PolicyInfo*> policies = policies_of(group);
    if (policies.empty()) continue;
    std::cout << title << ":\n";
    for (const PolicyInfo* info : policies) {
      std::cout << fmt::format("  {:<24} {}\n", info->name, first_sentence(info->summary));
    }
  }
  std::cout << "One with its parameters: switchyard policies NAME\n";
}

// A cell of a table.
std::string cell(std::string text) {
  for (std::size_t i = 0; (i = text.find('|', i)) != std::string::npos; i += 2) text.insert(i, 1, '\\');
  return text;
}

void print_markdown() {
  for (const auto& [group, name, title] : kGroups) {
    const std::vector<const PolicyInfo*> policies = policies_of(group);
    if (policies.empty()) continue;
    std::cout << "### " << title << "\n";
    for (const PolicyInfo* info : policies) {
      std::cout << fmt::format("\n**`{}`** {}", info->name, info->summary);
      if (!info->source.empty()) std::cout << fmt::format(" *Source: {}.*", info->source);
      std::cout << "\n";
      if (info->params.empty() && info->texts.empty()) continue;
      std::cout << "\n| parameter | default | range | meaning |\n|---|---|---|---|\n";
      for (const TextParam& param : info->texts) {
        std::cout << fmt::format("| `{}` | \"{}\" | a formula | {} |\n", param.name, param.value, cell(param.doc));
      }
      for (const ParamSpec& param : info->params) {
        const std::string when = activity_text(param);
        std::cout << fmt::format("| `{}` | {} | {} | {}{} |\n", param.name, format_value(param, param.default_value),
                                 cell(range_of(param)), cell(param.doc), when.empty() ? "" : " (if " + when + ")");
      }
    }
    std::cout << "\n";
  }
}

}  // namespace

Options declare_policies() {
  Options options(
      "policies [POLICY]",
      "Lists all policies, or shows one: its spec with default values (or those given), what it does, where "
      "it comes from, what it reads, and each parameter with value, range and meaning.\n"
      "example: switchyard policies hra\n"
      "example: switchyard policies 'compose(place=pick,by=uncached)'",
      1);
  options.toggle("json", "print them as JSON");
  options.toggle("markdown", "all of them with their parameters, as Markdown");
  options.word_candidates(policy_names());
  return options;
}

int command_policies(const Options& options) {
  const bool markdown = options.has("markdown");
  if (markdown && (options.has("json") || !options.words().empty())) {
    throw InputError("--markdown: has no effect with --json or the name of a policy");
  }
  std::vector<PolicySpec> shown;
  if (!options.words().empty()) {
    shown = {parse_policy(options.words()[0], "policies")};
  } else {
    for (const PolicyInfo& info : registered_policies()) shown.push_back({&info, default_values(info.params)});
  }
  if (options.has("json")) {
    auto array = nlohmann::ordered_json::array();
    for (const PolicySpec& policy : shown) array.push_back(json_of(policy));
    std::cout << json_text(array, 2) << "\n";
  } else if (markdown) {
    print_markdown();
  } else if (!options.words().empty()) {
    describe(shown.front());
  } else {
    list();
  }
  return 0;
}

}  // namespace switchyard
