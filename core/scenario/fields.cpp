#include "core/scenario/fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

constexpr double kMostTokens = 1e6;

template <class Access>
ScenarioField text(std::string section, std::string key, std::string flag, Access access, std::string doc) {
  return {.section = std::move(section),
          .key = std::move(key),
          .flag = std::move(flag),
          .kind = FieldKind::text,
          .doc = std::move(doc),
          .get = [access](const Scenario& s) -> Json { return access(s); },
          .set = [access](Scenario& s, const Json& v) { access(s) = v.get<std::string>(); }};
}

template <class Access>
ScenarioField integer(std::string section, std::string key, std::string flag, Access access, double low, double high,
                      std::string doc) {
  return {.section = std::move(section),
          .key = std::move(key),
          .flag = std::move(flag),
          .kind = FieldKind::integer,
          .low = low,
          .high = high,
          .doc = std::move(doc),
          .get = [access](const Scenario& s) -> Json { return access(s); },
          .set = [access](Scenario& s, const Json& v) { v.get_to(access(s)); }};
}

template <class Access>
ScenarioField real(std::string section, std::string key, std::string flag, Access access, double low, double high,
                   std::string doc) {
  return {.section = std::move(section),
          .key = std::move(key),
          .flag = std::move(flag),
          .kind = FieldKind::real,
          .low = low,
          .high = high,
          .doc = std::move(doc),
          .get = [access](const Scenario& s) -> Json { return access(s); },
          .set = [access](Scenario& s, const Json& v) { v.get_to(access(s)); }};
}

template <class Access>
ScenarioField choice(std::string section, std::string key, std::string flag, Access access,
                     std::vector<std::string> choices, std::string doc) {
  return {.section = std::move(section),
          .key = std::move(key),
          .flag = std::move(flag),
          .kind = FieldKind::choice,
          .choices = choices,
          .doc = std::move(doc),
          .get = [access, choices](const Scenario& s) -> Json { return choices[static_cast<std::size_t>(access(s))]; },
          .set =
              [access, choices](Scenario& s, const Json& v) {
                const auto at = std::find(choices.begin(), choices.end(), v.get<std::string>()) - choices.begin();
                auto& target = access(s);
                target = static_cast<std::remove_reference_t<decltype(target)>>(at);
              }};
}

template <class Access>
ScenarioField seeds(std::string key, std::string flag, Access access, std::string doc) {
  return {.section = "seeds",
          .key = std::move(key),
          .flag = std::move(flag),
          .kind = FieldKind::seeds,
          .doc = std::move(doc),
          .get = [access](const Scenario& s) -> Json { return format_seed_range(access(s)); },
          .set = [access](Scenario& s, const Json& v) { access(s) = parse_seed_range(v.get<std::string>(), ""); }};
}

// Access to a member, const or not, by one expression.
#define SWITCHYARD_MEMBER(path) \
  [](auto& s) -> auto& { return s.path; }

std::vector<ScenarioField> declare() {
  return {
      integer("cluster", "replicas", "replicas", SWITCHYARD_MEMBER(replicas), 1, 100000, "number of replicas"),
      choice("cluster", "replica_scheduler", "replica-scheduler", SWITCHYARD_MEMBER(replica_scheduler),
             {"vllm", "sarathi", "orca"}, "how a replica forms batches"),
      integer("cluster", "chunk_size", "chunk-size", SWITCHYARD_MEMBER(chunk_size), 1, kMostTokens,
              "tokens per batch (sarathi)"),
      integer("cluster", "batch_size_cap", "batch-size-cap", SWITCHYARD_MEMBER(batch_size_cap), 1, 100000,
              "requests per batch, at most"),
      integer("cluster", "max_tokens_in_batch", "max-tokens-in-batch", SWITCHYARD_MEMBER(max_tokens_in_batch), 1,
              kMostTokens, "tokens per prefill batch, at most (vllm)"),
      integer("cluster", "max_tokens", "max-tokens", SWITCHYARD_MEMBER(max_tokens), 2, kMostTokens,
              "context: prompt + output of a request, tokens"),
      integer("cluster", "block_size", "block-size", SWITCHYARD_MEMBER(block_size), 1, 4096, "tokens per KV block"),
      integer("cluster", "num_blocks", "num-blocks", SWITCHYARD_MEMBER(num_blocks), 0, 1e8,
              "KV blocks per replica; 0: planned from the GPU's memory"),
      real("cluster", "watermark", "watermark", SWITCHYARD_MEMBER(watermark), 0, 0.5,
           "share of KV blocks kept free when a request is admitted"),
      real("cluster", "gpu_memory_gib", "gpu-memory-gib", SWITCHYARD_MEMBER(gpu_memory_gib), 1, 100000,
           "GPU memory, GiB"),
      real("cluster", "memory_margin", "memory-margin", SWITCHYARD_MEMBER(memory_margin), 0, 0.9,
           "share of GPU memory not used"),
      text("cost", "profile", "profile", SWITCHYARD_MEMBER(profile),
           "GPU profile: embedded name, folder of Vidur CSVs, or roofline .json"),
      text("cost", "cost_tables", "cost-tables", SWITCHYARD_MEMBER(cost_tables),
           "folder of prediction tables, in place of a profile"),
      text("workload", "trace", "workload", SWITCHYARD_MEMBER(workload.trace),
           "trace: CSV file, or azure-conv or azure-code"),
      choice("workload", "arrivals", "arrivals", SWITCHYARD_MEMBER(workload.arrivals),
             {"trace", "vidur_poisson", "poisson", "gamma", "lognormal", "static"}, "arrival process"),
      choice("workload", "lengths", "lengths", SWITCHYARD_MEMBER(workload.lengths),
             {"trace", "shuffle", "resample", "lognormal", "fixed", "uniform"},
             "prompt and output lengths: rows of the trace (as they come, shuffled, with replacement) or synthetic"),
      real("workload", "qps", "qps", SWITCHYARD_MEMBER(workload.qps), 1e-6, 1e6,
           "requests per second, synthetic arrivals"),
      real("workload", "arrival_cv", "arrival-cv", SWITCHYARD_MEMBER(workload.arrival_cv), 0.01, 100,
           "coefficient of variation of gaps (gamma)"),
      real("workload", "arrival_sigma", "arrival-sigma", SWITCHYARD_MEMBER(workload.arrival_sigma), 0, 10,
           "sigma of the log of gaps (lognormal)"),
      real("workload", "duration_s", "duration", SWITCHYARD_MEMBER(workload.duration_s), 0, kMaxArrivalSeconds,
           "requests that arrive at or after this are dropped, s; 0: none are"),
      integer("workload", "num_requests", "num-requests", SWITCHYARD_MEMBER(workload.num_requests), 0, 1e8,
              "at most this many requests; 0: no limit"),
      real("workload", "time_scale", "time-scale", SWITCHYARD_MEMBER(workload.time_scale), 1e-6, 1e6,
           "trace arrivals: times are divided by this"),
      real("workload", "prompt_median", "prompt-median", SWITCHYARD_MEMBER(workload.prompt_median), 0, kMostTokens,
           "lognormal prompts: median, tokens"),
      real("workload", "prompt_sigma", "prompt-sigma", SWITCHYARD_MEMBER(workload.prompt_sigma), 0, 10,
           "lognormal prompts: sigma of the log"),
      real("workload", "output_median", "output-median", SWITCHYARD_MEMBER(workload.output_median), 0, kMostTokens,
           "lognormal outputs: median, tokens"),
      real("workload", "output_sigma", "output-sigma", SWITCHYARD_MEMBER(workload.output_sigma), 0, 10,
           "lognormal outputs: sigma of the log"),
      integer("workload", "prompt_min", "prompt-min", SWITCHYARD_MEMBER(workload.prompt_min), 1, kMostTokens,
              "uniform prompts: least; fixed prompts: length, tokens"),
      integer("workload", "prompt_max", "prompt-max", SWITCHYARD_MEMBER(workload.prompt_max), 0, kMostTokens,
              "uniform prompts: most, tokens"),
      integer("workload", "output_min", "output-min", SWITCHYARD_MEMBER(workload.output_min), 1, kMostTokens,
              "uniform or lognormal outputs: least; fixed outputs: length, tokens"),
      integer("workload", "output_max", "output-max", SWITCHYARD_MEMBER(workload.output_max), 0, kMostTokens,
              "uniform outputs: most, tokens"),
      real("workload", "inflate_prompt_share", "inflate-prompt-share", SWITCHYARD_MEMBER(workload.inflate_prompt_share),
           0, 1, "share of prompts that are inflated"),
      real("workload", "inflate_output_share", "inflate-output-share", SWITCHYARD_MEMBER(workload.inflate_output_share),
           0, 1, "share of outputs that are inflated"),
      real("workload", "inflate_factor", "inflate-factor", SWITCHYARD_MEMBER(workload.inflate_factor), 1, 1000,
           "by what inflated lengths are multiplied"),
      integer("seeds", "seed", "seed", SWITCHYARD_MEMBER(seed), 0, 1e15, "seed of a single run's workload"),
      seeds("train_seeds", "train-seeds", SWITCHYARD_MEMBER(train_seeds), "seeds that a search tunes on, a-b"),
      seeds("held_out_seeds", "held-out-seeds", SWITCHYARD_MEMBER(held_out_seeds), "seeds that it is judged by, a-b"),
  };
}

#undef SWITCHYARD_MEMBER

InputError refuse(const ScenarioField& field, const std::string& found, std::string_view where) {
  return InputError(fmt::format("{}: {} is {}; allowed: {}", where, field.key, found, describe_range(field)));
}

}  // namespace

const std::vector<ScenarioField>& scenario_fields() {
  static const std::vector<ScenarioField> fields = declare();
  return fields;
}

std::string describe_range(const ScenarioField& field) {
  switch (field.kind) {
    case FieldKind::text:
      return "text";
    case FieldKind::integer:
      return fmt::format("a whole number from {:.0f} to {:.0f}", field.low, field.high);
    case FieldKind::real:
      return fmt::format("a number from {} to {}", field.low, field.high);
    case FieldKind::choice:
      return fmt::format("one of {}", fmt::join(field.choices, ", "));
    case FieldKind::seeds:
      return "a seed or a range of seeds, as 1-8";
  }
  return "";
}

void set_field(const ScenarioField& field, Scenario& scenario, const Json& value, std::string_view where) {
  switch (field.kind) {
    case FieldKind::text:
      if (!value.is_string()) throw refuse(field, value.dump(), where);
      break;
    case FieldKind::integer:
    case FieldKind::real: {
      if (!value.is_number()) throw refuse(field, value.dump(), where);
      const double number = value.get<double>();
      const bool whole = field.kind == FieldKind::real || value.is_number_integer();
      if (!whole || !std::isfinite(number) || number < field.low || number > field.high) {
        throw refuse(field, value.dump(), where);
      }
      break;
    }
    case FieldKind::choice:
      if (!value.is_string()) throw refuse(field, value.dump(), where);
      if (std::find(field.choices.begin(), field.choices.end(), value.get<std::string>()) == field.choices.end()) {
        throw unknown_name(where, "value of " + field.key, value.get<std::string>(), field.choices);
      }
      break;
    case FieldKind::seeds:
      if (!value.is_string()) throw refuse(field, value.dump(), where);
      parse_seed_range(value.get<std::string>(), where);
      break;
  }
  field.set(scenario, value);
}

void set_field_from_text(const ScenarioField& field, Scenario& scenario, const std::string& text,
                         std::string_view where) {
  Json value = text;
  if (field.kind == FieldKind::integer || field.kind == FieldKind::real) {
    const char* end = text.data() + text.size();
    std::int64_t whole = 0;
    double number = 0;
    if (const auto [at, fault] = std::from_chars(text.data(), end, whole); fault == std::errc() && at == end) {
      value = whole;
    } else if (const auto [at2, fault2] = std::from_chars(text.data(), end, number);
               fault2 == std::errc() && at2 == end && std::isfinite(number)) {
      value = number;
    }
  }
  set_field(field, scenario, value, where);
}

std::string scenario_schema() {
  nlohmann::ordered_json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                                   {"title", "switchyard scenario"},
                                   {"description", "Version 1. Missing fields take the tool's defaults."},
                                   {"type", "object"},
                                   {"additionalProperties", false}};
  auto& properties = schema["properties"];
  properties["name"] = {{"type", "string"}};
  properties["description"] = {{"type", "string"}};
  for (const ScenarioField& field : scenario_fields()) {
    auto& section = properties[field.section];
    section["type"] = "object";
    section["additionalProperties"] = false;
    nlohmann::ordered_json entry = {{"description", field.doc}};
    switch (field.kind) {
      case FieldKind::text:
        entry["type"] = "string";
        break;
      case FieldKind::integer:
        entry["type"] = "integer";
        entry["minimum"] = static_cast<std::int64_t>(field.low);
        entry["maximum"] = static_cast<std::int64_t>(field.high);
        break;
      case FieldKind::real:
        entry["type"] = "number";
        entry["minimum"] = field.low;
        entry["maximum"] = field.high;
        break;
      case FieldKind::choice:
        entry["enum"] = field.choices;
        break;
      case FieldKind::seeds:
        entry["type"] = "string";
        entry["pattern"] = "^[0-9]+(-[0-9]+)?$";
        break;
    }
    section["properties"][field.key] = entry;
  }
  return schema.dump(2) + "\n";
}

}  // namespace switchyard
