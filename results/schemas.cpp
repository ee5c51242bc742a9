#include "results/schemas.hpp"

#include "core/metrics/summary.hpp"
#include "core/scenario/fields.hpp"
#include "results/schema_parts.hpp"

namespace switchyard {

using namespace schema;

std::string run_config_schema() {
  Json scenario = Json::parse(scenario_schema());
  for (const char* key : {"$schema", "title", "description"}) scenario.erase(key);
  const Json properties = {
      {"version", version(1)},
      {"policy", text("the effective policy spec, every active parameter included")},
      {"kernel", {{"description", "which implementation ran"}, {"enum", {"leap", "step"}}}},
      {"scenario", std::move(scenario)},
      {"resolved", closed_object({{"digest", digest()},
                                  {"workload_source", text("where requests came from: a file or an embedded model")},
                                  {"cost_source", text("where batch times came from")},
                                  {"num_blocks", count("KV blocks per replica")},
                                  {"watermark_blocks", count("of these, kept free when a request is admitted")}},
                                 {"digest"})}};
  return published("switchyard run: config.json", "Everything needed to repeat a run: switchyard run --config FILE.",
                   closed_object(properties));
}

std::string summary_schema() {
  Json properties = {{"version", version(1)}};
  for (const SummaryField& field : summary_fields()) {
    properties[field.name] = figure(field);
    if (field.whole()) properties[field.name]["minimum"] = 0;
  }
  return published("switchyard run: summary.json", "Each figure is defined in core/metrics/README.md.",
                   closed_object(properties));
}

std::string states_schema() {
  const auto series = [](const char* description) -> Json {
    return {{"description", description}, {"type", "array"}, {"items", {{"type", "number"}, {"minimum", 0}}}};
  };
  const Json replica = closed_object({{"prefill", series("share of time in batches of prompts")},
                                      {"decode", series("share of time in batches of decodes")},
                                      {"mixed", series("share of time in batches of both")},
                                      {"kv_blocks", series("KV blocks allocated")},
                                      {"waiting", series("requests in the replica's FIFO")},
                                      {"running", series("requests that hold KV blocks")}});
  const Json absence =
      closed_object({{"replica", count("its number")},
                     {"why", {{"description", "failed, starting, not there"}, {"type", "string"}}},
                     {"from_s", {{"description", "s from the start of the run"}, {"type", "number"}, {"minimum", 0}}},
                     {"to_s", {{"description", "the same"}, {"type", "number"}, {"minimum", 0}}}});
  return published("switchyard run: states.json", "Means over equal bins of time.",
                   closed_object({{"version", version(1)},
                                  {"bin_s", {{"description", "length of a bin, s"}, {"type", "number"}}},
                                  {"num_blocks", count("KV blocks per replica")},
                                  {"queued", series("requests in the global queue")},
                                  {"replicas", {{"type", "array"}, {"items", replica}}},
                                  {"absences", list_of("times in which replicas did not serve", absence)}},
                                 {"absences"}));
}

}  // namespace switchyard
