#include "search/validation_files.hpp"

#include <nlohmann/json.hpp>

#include "core/input/json_text.hpp"
#include "results/schema_parts.hpp"
#include "results/versions.hpp"

namespace switchyard {

namespace {

using schema::Json;

Json errors_json(const ErrorPair& pair) {
  return {{"real", pair.real}, {"simulated", pair.simulated}, {"error", pair.error()}};
}

Json errors_json(const std::vector<MetricErrors>& metrics) {
  Json json = Json::object();
  for (const MetricErrors& metric : metrics) {
    json[metric.metric] = {{"mean", errors_json(metric.mean)},
                           {"p50", errors_json(metric.p50)},
                           {"p90", errors_json(metric.p90)},
                           {"p99", errors_json(metric.p99)}};
  }
  return json;
}

Json number_or_null(const char* description) {
  Json number = schema::number(description);
  number["type"] = {"number", "null"};
  return number;
}

Json pair_schema(const char* description) {
  Json pair = schema::closed_object({{"real", number_or_null("as measured; null: no request has it")},
                                     {"simulated", number_or_null("as replayed; null: no request has it")},
                                     {"error", number_or_null("simulated / real - 1; null where real is null or 0")}});
  pair["description"] = description;
  return pair;
}

Json metrics_schema(const char* description) {
  Json metrics = Json::object();
  for (const char* metric : {"e2e_s", "ttft_s", "tpot_s"}) {
    metrics[metric] = schema::closed_object({{"mean", pair_schema("over requests")},
                                             {"p50", pair_schema("over requests")},
                                             {"p90", pair_schema("over requests")},
                                             {"p99", pair_schema("over requests")}});
  }
  Json object = schema::closed_object(metrics, {"e2e_s", "ttft_s", "tpot_s"});  // none in a window without requests
  object["description"] = description;
  return object;
}

// A value that was measured and the one that was simulated.
Json both_schema(const char* description) {
  Json both = schema::list_of(description, {{"type", "number"}});
  both["minItems"] = both["maxItems"] = 2;
  return both;
}

}  // namespace

std::string validation_json(const MeasuredRun& run, const ReplayedRun& replayed, const Validation& validation,
                            const std::string& profile) {
  Json json = {{"version", kValidationVersion},
               {"run", run.format},
               {"profile", profile},
               {"num_requests", run.requests.size()}};
  json["metrics"] = errors_json(validation.metrics);
  json["output_tokens_per_s"] = errors_json(validation.tokens_per_s);
  json["e2e_error_of_requests"] = {{"p50", validation.request_error_p50}, {"p95", validation.request_error_p95}};
  json["windows"] = Json::array();
  for (const WindowErrors& window : validation.windows) {
    json["windows"].push_back({{"from_s", window.from_s},
                               {"to_s", window.to_s},
                               {"num_requests", window.num_requests},
                               {"metrics", errors_json(window.metrics)}});
  }
  if (!run.log.empty()) {
    Json& log = json["log"];
    log["mean_difference"] = {{"running", validation.running_difference}, {"waiting", validation.waiting_difference}};
    if (run.kv_logged) log["mean_difference"]["kv_percent"] = validation.kv_points_difference;
    for (std::size_t i = 0; i < run.log.size(); ++i) {
      Json row = {{"t", run.log[i].time_s},
                  {"running", {run.log[i].running, replayed.log[i].running}},
                  {"waiting", {run.log[i].waiting, replayed.log[i].waiting}}};
      if (run.kv_logged) row["kv_percent"] = {run.log[i].kv_percent, replayed.log[i].kv_percent};
      log["rows"].push_back(std::move(row));
    }
  }
  const MeanBreakdown& mean = replayed.breakdown;
  json["simulated"] = {{"mean_breakdown_s",
                        {{"front_end", mean.front_end_s},
                         {"waiting", mean.waiting_s},
                         {"prefill", mean.prefill_s},
                         {"decode", mean.decode_s},
                         {"of_these_host", mean.host_s}}},
                       {"num_steps", replayed.num_steps},
                       {"num_extrapolated_steps", replayed.num_extrapolated_steps},
                       {"num_preemptions", replayed.num_preemptions},
                       {"num_blocks", replayed.num_blocks}};
  json["requests"] = Json::array();
  for (std::size_t i = 0; i < run.requests.size(); ++i) {
    json["requests"].push_back({{"arrived_s", run.rows[i].arrived_at_s},
                                {"e2e_s", {run.requests[i].e2e_s, replayed.requests[i].e2e_s}},
                                {"ttft_s", {run.requests[i].ttft_s, replayed.requests[i].ttft_s}}});
  }
  return json_text(json, 2) + "\n";
}

std::string validation_schema() {
  using namespace schema;
  const Json window = closed_object({{"from_s", number("first arrival")},
                                     {"to_s", number("end of arrivals")},
                                     {"num_requests", count("that arrived in it")},
                                     {"metrics", metrics_schema("of these; empty without requests")}});
  const Json differences = closed_object({{"running", number("requests")},
                                          {"waiting", number("requests")},
                                          {"kv_percent", number("points of the KV cache's use")}},
                                         {"kv_percent"});
  const Json row = closed_object({{"t", number("s")},
                                  {"running", both_schema("requests")},
                                  {"waiting", both_schema("requests")},
                                  {"kv_percent", both_schema("of the KV cache")}},
                                 {"kv_percent"});
  const Json breakdown = closed_object({{"front_end", number("s between client and engine")},
                                        {"waiting", number("s until the first step with the prompt")},
                                        {"prefill", number("s until the first token")},
                                        {"decode", number("s until the last token")},
                                        {"of_these_host", number("s that the host took of prefill and decode")}});
  const Json simulated = closed_object({{"mean_breakdown_s", breakdown},
                                        {"num_steps", count("of the engine")},
                                        {"num_extrapolated_steps", count("beyond what was measured")},
                                        {"num_preemptions", count("of requests")},
                                        {"num_blocks", count("of the KV cache")}});
  const Json request = closed_object({{"arrived_s", number("since the first one")},
                                      {"e2e_s", both_schema("end-to-end time")},
                                      {"ttft_s", both_schema("time to first token")}});
  const Json properties = {
      {"version", version(kValidationVersion)},
      {"run", text("what recorded the run")},
      {"profile", text("where the times of steps come from")},
      {"num_requests", count("that succeeded")},
      {"metrics", metrics_schema("of all requests")},
      {"output_tokens_per_s", pair_schema("from the first arrival to the last completion")},
      {"e2e_error_of_requests",
       closed_object({{"p50", number_or_null("of |simulated / real - 1|; null: all real ones are 0")},
                      {"p95", number_or_null("of |simulated / real - 1|; null: all real ones are 0")}})},
      {"windows", list_of("equal shares of the time of arrivals", window)},
      {"log", closed_object({{"mean_difference", differences}, {"rows", list_of("at the times of the log", row)}})},
      {"simulated", simulated},
      {"requests", list_of("by arrival", request)}};
  return published("switchyard validate: validation.json", "A run of a real engine and its replay.",
                   closed_object(properties, {"log"}));
}

}  // namespace switchyard
