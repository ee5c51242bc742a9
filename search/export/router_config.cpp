#include "search/export/router_config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

// The parameters of a setting, read by name. What nothing has read, and what was found to be out of reach, cannot be
// expressed.
class SettingReader {
 public:
  explicit SettingReader(const PolicySpec& policy) : policy_(policy) {}

  // A number; `otherwise` if the policy has no such parameter, or it does not matter.
  double number(const std::string& name, double otherwise) {
    const int i = find(name);
    return i < 0 ? otherwise : policy_.values[static_cast<std::size_t>(i)];
  }
  std::string choice(const std::string& name, const std::string& otherwise) {
    const int i = find(name);
    return i < 0 ? otherwise : shown(static_cast<std::size_t>(i));
  }

  // The parameter is ours alone and has no counterpart, because of what the words say.
  void ours(const std::string& name) { find(name); }

  void refuse(const std::string& name, const std::string& why) {
    const int i = find(name);
    if (i < 0) return;
    refused_.push_back(fmt::format("{}={} ({})", name, shown(static_cast<std::size_t>(i)), why));
  }

  // What cannot be expressed; parameters at their defaults need not be.
  std::vector<std::string> left() {
    std::vector<std::string> all = refused_;
    const auto& params = policy_.info->params;
    for (std::size_t i = 0; i < params.size(); ++i) {
      if (read_.contains(i) || !is_active(params, policy_.values, i) || policy_.values[i] == params[i].default_value) {
        continue;
      }
      all.push_back(fmt::format("{}={} (it has no such option)", params[i].name, shown(i)));
    }
    return all;
  }

 private:
  int find(const std::string& name) {
    const auto& params = policy_.info->params;
    for (std::size_t i = 0; i < params.size(); ++i) {
      if (params[i].name != name) continue;
      read_.insert(i);
      return is_active(params, policy_.values, i) ? static_cast<int>(i) : -1;
    }
    return -1;
  }
  std::string shown(std::size_t i) const { return format_value(policy_.info->params[i], policy_.values[i]); }

  const PolicySpec& policy_;
  std::set<std::size_t> read_;
  std::vector<std::string> refused_;
};

bool whole(double value) { return std::floor(value) == value; }

// An EndpointPickerConfig: plugins, then the profile that refers to them, with weights.
std::string llmd_config(const PolicySpec& policy, SettingReader& setting) {
  const bool precise =
      setting.choice("index", policy.info->name == "llmd_precise" ? "precise" : "approximate") == "precise";
  std::string plugins, profile, data_layer;
  const auto plugin = [&](const std::string& type, const std::vector<std::string>& parameters = {}) {
    plugins += fmt::format("- type: {}\n", type);
    if (!parameters.empty()) plugins += "  parameters:\n";
    for (const std::string& parameter : parameters) plugins += "    " + parameter + "\n";
  };
  const auto scorer = [&](const std::string& type, double weight, const std::vector<std::string>& parameters = {}) {
    if (weight <= 0) return;
    plugin(type, parameters);
    profile += fmt::format("  - pluginRef: {}\n    weight: {}\n", type, weight);
  };

  plugin("single-profile-handler");
  const double prefix_weight = setting.number("prefix_weight", 0);
  const double no_hit_weight = setting.number("no_hit_weight", 0);
  const bool affinity = setting.choice("affinity", "off") == "on";
  const double block = setting.number("block_tokens", 64), capacity = setting.number("lru_capacity", 0);
  std::vector<std::string> prefix_parameters, producer_name;
  if (precise) {
    // Who tokenizes prompts is the deployment's to say.
    plugin("token-producer", {"modelName: MODEL  # as the engines serve it", "vllm:", "  url: http://localhost:8000"});
    for (const char* type : {"endpoint-notification-source", "metrics-data-source", "core-metrics-extractor"}) {
      plugin(type);
    }
    plugin("precise-prefix-cache-producer",
           {"tokenProcessorConfig:", "  blockSize: 16  # that of the engines' KV cache"});
    producer_name = {"prefixMatchInfoProducerName: precise-prefix-cache-producer"};
    data_layer =
        "dataLayer:\n  sources:\n  - pluginRef: metrics-data-source\n    extractors:\n    - pluginRef: "
        "core-metrics-extractor\n  - pluginRef: endpoint-notification-source\n    extractors:\n    - pluginRef: "
        "precise-prefix-cache-producer\n";
  } else if (prefix_weight > 0 || no_hit_weight > 0 || affinity) {
    if (capacity > 0) {
      plugin("approx-prefix-cache-producer", {"autoTune: false", fmt::format("blockSizeTokens: {}", block),
                                              fmt::format("lruCapacityPerServer: {}", capacity)});
    } else {
      if (block != 64) setting.refuse("block_tokens", "with lru_capacity=0 it takes both from the engines");
      plugin("approx-prefix-cache-producer", {"autoTune: true"});
    }
  }
  if (setting.choice("prefix_norm", "ratio") != "ratio") {
    setting.refuse("prefix_norm", "the prefix scorer has no such option any more");
  }
  prefix_parameters = producer_name;
  if (const double length = setting.number("match_length_weight", 0); length > 0) {
    prefix_parameters.push_back(fmt::format("prefixLengthWeight: {}", length));
    prefix_parameters.emplace_back("maxModelLen: 8192");
  }
  if (affinity) {
    plugin("prefix-cache-affinity-filter",
           {fmt::format("affinityThreshold: {}", setting.number("sticky_match", 0.8)),
            fmt::format("maxTTFTPenaltyMs: {}", setting.number("sticky_penalty_ms", 18000)),
            "peakPrefillThroughput: 15928"});
    profile += "  - pluginRef: prefix-cache-affinity-filter\n";
  }
  scorer("queue-scorer", setting.number("queue_weight", 0));
  scorer("kv-cache-utilization-scorer", setting.number("kv_weight", 0));
  scorer("prefix-cache-scorer", prefix_weight, prefix_parameters);
  scorer("running-requests-size-scorer", setting.number("running_weight", 0));
  scorer("load-aware-scorer", setting.number("load_weight", 0), {"threshold: 128"});
  scorer("active-request-scorer", setting.number("active_weight", 0),
         {fmt::format("idleThreshold: {}", setting.number("idle_requests", 0)),
          fmt::format("maxBusyScore: {}", setting.number("busy_score", 1))});
  scorer("token-load-scorer", setting.number("token_weight", 0));
  scorer("no-hit-lru-scorer", no_hit_weight, producer_name);
  if (setting.number("latency_weight", 0) > 0) {
    setting.refuse("latency_weight", "that scorer needs a latency predictor, which this stands in for");
  }
  const std::string picker = setting.choice("picker", "max_score");
  const std::string picker_type = picker == "max_score"         ? "max-score-picker"
                                  : picker == "weighted_random" ? "weighted-random-picker"
                                                                : "random-picker";
  plugin(picker_type);
  profile += fmt::format("  - pluginRef: {}\n", picker_type);
  if (setting.choice("flow_control", "off") != "off") {
    setting.refuse("flow_control", "its queues and detectors are configured otherwise than here");
  }
  return fmt::format(
      "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins:\n{}{}schedulingProfiles:\n- "
      "name: default\n  plugins:\n{}",
      plugins, data_layer, profile);
}

// Environment of the frontend; each variable has a flag of the same meaning, --router-... .
std::string dynamo_config(const PolicySpec&, SettingReader& setting) {
  if (setting.choice("cost", "sum") != "sum") setting.refuse("cost", "no documented option chooses it");
  const bool events = setting.choice("index", "events") == "events";
  std::string text = "DYN_ROUTER_MODE=kv\n";
  const auto add = [&](const char* name, const std::string& value) { text += fmt::format("{}={}\n", name, value); };
  add("DYN_ROUTER_KV_OVERLAP_SCORE_CREDIT", fmt::format("{}", setting.number("overlap_credit", 1)));
  add("DYN_ROUTER_KV_OVERLAP_SCORE_CREDIT_DECAY", fmt::format("{}", setting.number("credit_decay", 0)));
  add("DYN_ROUTER_PREFILL_LOAD_SCALE", fmt::format("{}", setting.number("prefill_load_scale", 1)));
  add("DYN_ROUTER_DECODE_ACTIVE_REQUEST_WEIGHT", fmt::format("{}", setting.number("active_request_weight", 0)));
  add("DYN_ROUTER_TEMPERATURE", fmt::format("{}", setting.number("router_temperature", 0)));
  add("DYN_ROUTER_USE_KV_EVENTS", events ? "true" : "false");
  if (!events) add("DYN_ROUTER_TTL_SECS", fmt::format("{}", setting.number("ttl", 120)));
  const double threshold = setting.number("queue_threshold", 0);
  if (threshold > 0) {
    add("DYN_ROUTER_QUEUE_THRESHOLD", fmt::format("{}", threshold));
    add("DYN_ROUTER_QUEUE_POLICY", "fcfs");
  }
  add("DYN_ROUTER_TRACK_ACTIVE_BLOCKS", "true");
  add("DYN_ROUTER_TRACK_OUTPUT_BLOCKS", "false");
  add("DYN_ROUTER_TRACK_PREFILL_TOKENS", "true");
  return text;
}

// Flags of the gateway, one a line.
std::string sglang_config(const PolicySpec& policy, SettingReader& setting) {
  const std::string& name = policy.info->name;
  std::string text;
  const auto add = [&](const char* flag, double value) { text += fmt::format("--{} {}\n", flag, value); };
  if (name == "smg_cache_aware") {
    text = "--policy cache_aware\n";
    add("cache-threshold", setting.number("cache_threshold", 0.3));
    add("balance-abs-threshold", setting.number("balance_abs", 64));
    add("balance-rel-threshold", setting.number("balance_rel", 1.5));
    const double interval = setting.number("eviction_interval", 60);
    if (whole(interval)) {
      add("eviction-interval", interval);
    } else {
      setting.refuse("eviction_interval", "whole seconds only");
    }
    add("max-tree-size", setting.number("max_tree_size", 67108864));
    if (setting.number("balance_token_usage", 1) != 1) {
      setting.refuse("balance_token_usage", "no documented option sets it");
    }
    if (setting.number("overload_token_usage", 1) != 1) {
      setting.refuse("overload_token_usage", "no documented option sets it");
    }
    if (setting.choice("index", "tree") == "events") add("block-size", 16);
  } else if (name == "smg_prefix_hash") {
    text = "--policy prefix_hash\n";
    add("prefix-token-count", setting.number("prefix_tokens", 256));
    add("prefix-hash-load-factor", setting.number("load_factor", 1.25));
    if (setting.number("virtual_nodes", 150) != 150) setting.refuse("virtual_nodes", "it is fixed at 150");
  } else {  // sglang_power_of_two
    text = "--policy power_of_two\n";
    if (setting.choice("reports", "polled") == "polled") {
      add("load-monitor-interval", 10);
    } else {
      setting.refuse("reports", "it asks those engines that answer");
    }
  }
  return text;
}

// Environment of the gateway's plugin.
std::string aibrix_config(const PolicySpec& policy, SettingReader& setting) {
  const std::string& name = policy.info->name;
  if (name == "aibrix_least_request") return "ROUTING_ALGORITHM=least-request\n";
  if (name == "aibrix_least_kv") return "ROUTING_ALGORITHM=least-kv-cache\n";
  if (name == "aibrix_power_of_two") return "ROUTING_ALGORITHM=power-of-two\n";
  std::string text = "ROUTING_ALGORITHM=prefix-cache\n";
  const auto add = [&](const char* variable, const char* param, double value, const char* unit) {
    if (whole(value)) {
      text += fmt::format("{}={}\n", variable, value);
    } else {
      setting.refuse(param, unit);
    }
  };
  add("AIBRIX_PREFIX_CACHE_POD_RUNNING_REQUEST_IMBALANCE_ABS_COUNT", "imbalance", setting.number("imbalance", 8),
      "whole numbers only");
  add("AIBRIX_PREFIX_CACHE_STANDARD_DEVIATION_FACTOR", "sigmas", setting.number("sigmas", 1), "whole numbers only");
  add("AIBRIX_PREFIX_CACHE_BLOCK_NUMBER", "table_blocks", setting.number("table_blocks", 200000), "whole numbers only");
  add("AIBRIX_PREFIX_CACHE_EVICTION_DURATION_MINS", "ttl", setting.number("ttl", 1200) / 60, "whole minutes only");
  setting.ours("block_tokens");  // how finely prompts are compared here: there it is four bytes
  text += "AIBRIX_PREFIX_CACHE_TOKENIZER_TYPE=character\nAIBRIX_PREFIX_CACHE_BLOCK_SIZE=4\n";
  return text;
}

using Writer = std::string (*)(const PolicySpec&, SettingReader&);

struct TargetEntry {
  RouterTarget about;
  Writer write;
};

const std::vector<TargetEntry>& target_entries() {
  static const std::vector<TargetEntry> entries = {
      {{.name = "llmd",
        .system = "llm-d router",
        .version = "llm-d/llm-d-router ebab6879, 2026-08-22",
        .format = "EndpointPickerConfig, YAML",
        .checked = "the sample files of deploy/config and the README of each plugin",
        .policies = {"llmd", "llmd_precise", "llmd_weighted"}},
       llmd_config},
      {{.name = "dynamo",
        .system = "NVIDIA Dynamo frontend",
        .version = "ai-dynamo/dynamo, docs of v1.5.1, 2026-08",
        .format = "environment of python -m dynamo.frontend",
        .checked = "the frontend configuration reference of its docs",
        .policies = {"dynamo", "dynamo_cost"}},
       dynamo_config},
      {{.name = "sglang",
        .system = "SGLang Model Gateway",
        .version = "lightseekorg/smg 73da68ca, 2026-08-07",
        .format = "flags of the gateway, one a line",
        .checked = "docs/reference/configuration.md",
        .policies = {"smg_cache_aware", "smg_prefix_hash", "sglang_power_of_two"}},
       sglang_config},
      {{.name = "aibrix",
        .system = "AIBrix gateway",
        .version = "vllm-project/aibrix e3e10f9e, 2026-08-22",
        .format = "environment of the gateway plugins",
        .checked = "the README of its routing algorithms",
        .policies = {"aibrix_prefix_cache", "aibrix_least_request", "aibrix_least_kv", "aibrix_power_of_two"}},
       aibrix_config}};
  return entries;
}

}  // namespace

const std::vector<RouterTarget>& router_targets() {
  static const std::vector<RouterTarget> all = [] {
    std::vector<RouterTarget> made;
    for (const TargetEntry& entry : target_entries()) made.push_back(entry.about);
    return made;
  }();
  return all;
}

const RouterTarget& find_router_target(const std::string& name, std::string_view where) {
  std::vector<std::string> names;
  for (const RouterTarget& target : router_targets()) {
    if (target.name == name) return target;
    names.push_back(target.name);
  }
  throw unknown_name(where, "router", name, names);
}

std::string router_config(const PolicySpec& policy, const RouterTarget& target, std::string_view where) {
  const auto& can = target.policies;
  if (std::find(can.begin(), can.end(), policy.info->name) == can.end()) {
    throw InputError(fmt::format("{}: the {} cannot run {}: it runs what {} here stand{} for", where, target.system,
                                 policy.info->name, fmt::join(can, ", "), can.size() == 1 ? "s" : ""));
  }
  const auto entry = std::find_if(target_entries().begin(), target_entries().end(),
                                  [&](const TargetEntry& known) { return known.about.name == target.name; });
  SettingReader setting(policy);
  const std::string text = entry->write(policy, setting);
  if (const std::vector<std::string> left = setting.left(); !left.empty()) {
    throw InputError(
        fmt::format("{}: the {} ({}) cannot be told {}", where, target.system, target.version, fmt::join(left, ", ")));
  }
  return fmt::format("# {}\n# for {} ({})\n{}", policy.text(), target.system, target.version, text);
}

std::string router_targets_markdown() {
  std::string text = "| `--to` | written for | what it is | policies | checked against |\n|---|---|---|---|---|\n";
  for (const RouterTarget& target : router_targets()) {
    text += fmt::format("| `{}` | {}: {} | {} | `{}` | {} |\n", target.name, target.system, target.version,
                        target.format, fmt::join(target.policies, "`, `"), target.checked);
  }
  return text;
}

}  // namespace switchyard
