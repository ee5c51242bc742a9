#include <catch2/catch.hpp>
#include <set>
#include <sstream>

#include "search/export/router_config.hpp"
#include "tests/support/errors.hpp"

using namespace switchyard;
using Catch::Contains;

namespace {

// A policy with these parameters, whatever is registered under its name.
struct Standin {
  PolicyInfo info;
  Standin(std::string name, std::vector<ParamSpec> params) {
    info.name = std::move(name);
    info.params = std::move(params);
  }
  PolicySpec at(const ParamValues& values) const { return {&info, values}; }
};

ParamSpec real(const char* name, double otherwise) {
  return {.name = name, .default_value = otherwise, .low = 0, .high = 1e9, .doc = "x"};
}
ParamSpec choice(const char* name, std::vector<std::string> choices) {
  const double high = static_cast<double>(choices.size()) - 1;
  return {.name = name, .type = ParamType::choice, .high = high, .choices = std::move(choices), .doc = "x"};
}

std::string config(const PolicySpec& policy, const char* target) {
  return router_config(policy, find_router_target(target, "--to"), "export");
}

// Lines that are no comments.
std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("#")) lines.push_back(line);
  }
  return lines;
}

// As the pages of the plugins have them.
const std::set<std::string> kLlmdPlugins = {"single-profile-handler",
                                            "token-producer",
                                            "endpoint-notification-source",
                                            "metrics-data-source",
                                            "core-metrics-extractor",
                                            "precise-prefix-cache-producer",
                                            "approx-prefix-cache-producer",
                                            "prefix-cache-affinity-filter",
                                            "queue-scorer",
                                            "kv-cache-utilization-scorer",
                                            "prefix-cache-scorer",
                                            "running-requests-size-scorer",
                                            "load-aware-scorer",
                                            "active-request-scorer",
                                            "token-load-scorer",
                                            "no-hit-lru-scorer",
                                            "max-score-picker",
                                            "weighted-random-picker",
                                            "random-picker"};

}  // namespace

TEST_CASE("llm-d: plugins, and a profile that refers to them with the weights", "[export]") {
  const Standin llmd("llmd", {real("queue_weight", 2), real("kv_weight", 2), real("prefix_weight", 3),
                              real("running_weight", 0), choice("index", {"approximate", "precise"}),
                              choice("picker", {"max_score", "weighted_random", "random"}),
                              choice("affinity", {"off", "on"}), real("latency_weight", 0)});
  for (const double index : {0.0, 1.0}) {
    for (const double affinity : {0.0, 1.0}) {
      const auto lines = lines_of(config(llmd.at({1.5, 0, 3.25, 1, index, 1, affinity, 0}), "llmd"));
      CHECK(lines[0] == "apiVersion: llm-d.ai/v1alpha1");
      CHECK(lines[1] == "kind: EndpointPickerConfig");
      CHECK(lines[2] == "plugins:");
      std::set<std::string> declared, referred;
      for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto type = lines[i].find("- type: "), reference = lines[i].find("  - pluginRef: ");
        if (type == 0) {
          INFO(lines[i]);
          CHECK(kLlmdPlugins.contains(lines[i].substr(8)));
          CHECK(declared.insert(lines[i].substr(8)).second);
        }
        if (reference != 0) continue;
        const std::string name = lines[i].substr(15);
        CHECK(declared.contains(name));
        referred.insert(name);
        const bool scorer = name.ends_with("-scorer");
        CHECK(scorer == (i + 1 < lines.size() && lines[i + 1].starts_with("    weight: ")));
        if (name == "queue-scorer") CHECK(lines[i + 1] == "    weight: 1.5");
        if (name == "prefix-cache-scorer") CHECK(lines[i + 1] == "    weight: 3.25");
      }
      CHECK(referred.contains("weighted-random-picker"));
      CHECK(referred.contains("running-requests-size-scorer"));
      CHECK_FALSE(referred.contains("kv-cache-utilization-scorer"));  // weight 0
      CHECK(referred.contains("prefix-cache-affinity-filter") == (affinity == 1));
      CHECK(declared.contains("precise-prefix-cache-producer") == (index == 1));
    }
  }
  CHECK_THAT(error_of([&] {
               config(llmd.at({2, 2, 3, 0, 0, 0, 0, 1}), "llmd");
             }),
             Contains("export: the llm-d router") && Contains("cannot be told latency_weight=1 ("));
}

TEST_CASE("Dynamo: its variables, and what none of them says", "[export]") {
  const std::set<std::string> known = {"DYN_ROUTER_MODE",
                                       "DYN_ROUTER_KV_OVERLAP_SCORE_CREDIT",
                                       "DYN_ROUTER_KV_OVERLAP_SCORE_CREDIT_DECAY",
                                       "DYN_ROUTER_PREFILL_LOAD_SCALE",
                                       "DYN_ROUTER_DECODE_ACTIVE_REQUEST_WEIGHT",
                                       "DYN_ROUTER_TEMPERATURE",
                                       "DYN_ROUTER_USE_KV_EVENTS",
                                       "DYN_ROUTER_TTL_SECS",
                                       "DYN_ROUTER_QUEUE_THRESHOLD",
                                       "DYN_ROUTER_QUEUE_POLICY",
                                       "DYN_ROUTER_TRACK_ACTIVE_BLOCKS",
                                       "DYN_ROUTER_TRACK_OUTPUT_BLOCKS",
                                       "DYN_ROUTER_TRACK_PREFILL_TOKENS"};
  const Standin dynamo("dynamo", {real("prefill_load_scale", 1), real("overlap_credit", 1), real("queue_threshold", 0),
                                  choice("index", {"events", "approximate"}), choice("cost", {"sum", "lmetric"}),
                                  real("active_request_weight", 0), real("something_new", 0)});
  const std::string text = config(dynamo.at({3, 0.8, 2, 1, 0, 32, 0}), "dynamo");
  for (const std::string& line : lines_of(text)) CHECK(known.contains(line.substr(0, line.find('='))));
  CHECK_THAT(text, Contains("DYN_ROUTER_PREFILL_LOAD_SCALE=3\n") &&
                       Contains("DYN_ROUTER_KV_OVERLAP_SCORE_CREDIT=0.8\n") &&
                       Contains("DYN_ROUTER_USE_KV_EVENTS=false\n") && Contains("DYN_ROUTER_QUEUE_THRESHOLD=2\n") &&
                       Contains("DYN_ROUTER_DECODE_ACTIVE_REQUEST_WEIGHT=32\n") && Contains("# dynamo(") &&
                       Contains("2026-08"));
  const std::string error = error_of([&] { config(dynamo.at({1, 1, 0, 0, 1, 2, 5}), "dynamo"); });
  CHECK_THAT(error, Contains("cost=lmetric (") && Contains("something_new=5 (it has no such option)"));
}

TEST_CASE("what a router does not run is refused, and so is an unknown router", "[export]") {
  const PolicySpec llq = parse_policy("llq", "");
  CHECK_THAT(error_of([&] { config(llq, "aibrix"); }),
             Contains("the AIBrix gateway cannot run llq: it runs what aibrix_"));
  CHECK_THAT(error_of([&] { config(llq, "aibrics"); }), Contains("did you mean 'aibrix'"));
  const Standin aibrix("aibrix_prefix_cache", {real("imbalance", 8), real("sigmas", 1), real("ttl", 1200)});
  CHECK_THAT(config(aibrix.at({16, 2, 600}), "aibrix"),
             Contains("AIBRIX_PREFIX_CACHE_STANDARD_DEVIATION_FACTOR=2\n") &&
                 Contains("AIBRIX_PREFIX_CACHE_EVICTION_DURATION_MINS=10\n"));
  CHECK_THAT(error_of([&] {
               config(aibrix.at({16, 1.5, 90}), "aibrix");
             }),
             Contains("sigmas=1.5 (whole numbers only), ttl=90 (whole minutes only)"));
  const Standin smg("smg_cache_aware", {real("cache_threshold", 0.3), real("balance_token_usage", 1)});
  CHECK_THAT(config(smg.at({0.5, 1}), "sglang"), Contains("--policy cache_aware\n--cache-threshold 0.5\n"));
  CHECK_THAT(error_of([&] { config(smg.at({0.5, 0.2}), "sglang"); }), Contains("balance_token_usage=0.2"));
}

TEST_CASE("every target's policies that exist here can be exported at their defaults", "[export]") {
  for (const RouterTarget& target : router_targets()) {
    for (const std::string& name : target.policies) {
      const auto names = policy_names();
      if (std::find(names.begin(), names.end(), name) == names.end()) continue;
      INFO(target.name << " " << name);
      CHECK_THAT(router_config(parse_policy(name, ""), target, ""), Contains(target.version));
    }
  }
}
