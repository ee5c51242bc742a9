#include "core/scenario/fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/input/error.hpp"
#include "core/input/json_text.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

constexpr double kMostTokens = 1e6;

// The list below, built a field at a time. `Access` is a callable that gives a reference to the member, of a scenario
// that is const or not.
class Fields {
 public:
  explicit Fields(std::string section) : section_(std::move(section)) {}

  template <class Access>
  Fields& text(std::string key, std::string flag, Access access, std::string doc) {
    return add(FieldKind::text, std::move(key), std::move(flag), std::move(doc), access,
               [access](Scenario& s, const Json& v) { access(s) = v.get<std::string>(); });
  }

  template <class Access>
  Fields& integer(std::string key, std::string flag, Access access, double low, double high, std::string doc) {
    add(FieldKind::integer, std::move(key), std::move(flag), std::move(doc), access,
        [access](Scenario& s, const Json& v) { v.get_to(access(s)); });
    return within(low, high);
  }

  template <class Access>
  Fields& real(std::string key, std::string flag, Access access, double low, double high, std::string doc) {
    add(FieldKind::real, std::move(key), std::move(flag), std::move(doc), access,
        [access](Scenario& s, const Json& v) { v.get_to(access(s)); });
    return within(low, high);
  }

  // The member is an enumeration whose enumerators 0, 1, ... stand for the choices in order.
  template <class Access>
  Fields& choice(std::string key, std::string flag, Access access, std::vector<std::string> choices, std::string doc) {
    add(FieldKind::choice, std::move(key), std::move(flag), std::move(doc), access,
        [access, choices](Scenario& s, const Json& v) {
          const auto at = std::find(choices.begin(), choices.end(), v.get<std::string>()) - choices.begin();
          auto& target = access(s);
          target = static_cast<std::remove_reference_t<decltype(target)>>(at);
        });
    fields_.back().get = [access, choices](const Scenario& s) -> Json {
      return choices[static_cast<std::size_t>(access(s))];
    };
    fields_.back().choices = std::move(choices);
    return *this;
  }

  template <class Access>
  Fields& seeds(std::string key, std::string flag, Access access, std::string doc) {
    add(
        FieldKind::seeds, std::move(key), std::move(flag), std::move(doc),
        [access](const Scenario& s) { return format_seed_range(access(s)); },
        [access](Scenario& s, const Json& v) { access(s) = parse_seed_range(v.get<std::string>(), ""); });
    return *this;
  }

  // The field declared last is set by a member function, for what it changes besides.
  Fields& set_by(void (Scenario::*setter)(std::string)) {
    fields_.back().set = [setter](Scenario& s, const Json& v) { (s.*setter)(v.get<std::string>()); };
    return *this;
  }

  // The field declared last matters only if this holds.
  Fields& only_if(std::string words, std::function<bool(const Scenario&)> holds) {
    fields_.back().only_if = std::move(words);
    fields_.back().matters = std::move(holds);
    return *this;
  }

  void append_to(std::vector<ScenarioField>& all) {
    std::move(fields_.begin(), fields_.end(), std::back_inserter(all));
  }

 private:
  Fields& add(FieldKind kind, std::string key, std::string flag, std::string doc,
              std::function<Json(const Scenario&)> get, std::function<void(Scenario&, const Json&)> set) {
    fields_.push_back({.section = section_,
                       .key = std::move(key),
                       .flag = std::move(flag),
                       .kind = kind,
                       .doc = std::move(doc),
                       .matters = [](const Scenario&) { return true; },
                       .get = std::move(get),
                       .set = std::move(set)});
    return *this;
  }
  Fields& within(double low, double high) {
    fields_.back().low = low;
    fields_.back().high = high;
    return *this;
  }

  std::string section_;
  std::vector<ScenarioField> fields_;
};

// Access to a member, const or not, by one expression.
#define SWITCHYARD_MEMBER(path) /* NOLINTNEXTLINE(bugprone-macro-parentheses): a name */ \
  [](auto& s) -> auto& { return s.path; }

Fields cluster_fields() {
  const auto planned = [](const Scenario& s) { return s.num_blocks == 0; };
  Fields fields("cluster");
  fields.integer("replicas", "replicas", SWITCHYARD_MEMBER(replicas), 1, 100000, "number of replicas")
      .choice("replica_scheduler", "replica-scheduler", SWITCHYARD_MEMBER(replica_scheduler),
              {"vllm", "sarathi", "orca"}, "how a replica forms batches")
      .integer("chunk_size", "chunk-size", SWITCHYARD_MEMBER(chunk_size), 1, kMostTokens, "tokens per batch")
      .only_if("--replica-scheduler is sarathi",
               [](const Scenario& s) { return s.replica_scheduler == ReplicaSchedulerKind::sarathi; })
      .integer("batch_size_cap", "batch-size-cap", SWITCHYARD_MEMBER(batch_size_cap), 1, 100000,
               "requests per batch, at most")
      .integer("max_tokens_in_batch", "max-tokens-in-batch", SWITCHYARD_MEMBER(max_tokens_in_batch), 1, kMostTokens,
               "tokens per prefill batch, at most; used by vllm")
      .integer("max_tokens", "max-tokens", SWITCHYARD_MEMBER(max_tokens), 2, kMostTokens,
               "context: prompt + output of a request, tokens")
      .integer("block_size", "block-size", SWITCHYARD_MEMBER(block_size), 1, 4096, "tokens per KV block")
      .integer("num_blocks", "num-blocks", SWITCHYARD_MEMBER(num_blocks), 0, 1e8,
               "KV blocks per replica; 0: planned from the GPU's memory")
      .real("watermark", "watermark", SWITCHYARD_MEMBER(watermark), 0, 0.5,
            "share of KV blocks kept free when a request is admitted; used by vllm and sarathi")
      .real("gpu_memory_gib", "gpu-memory-gib", SWITCHYARD_MEMBER(gpu_memory_gib), 1, 100000, "GPU memory, GiB")
      .only_if("--num-blocks is 0", planned)
      .real("memory_margin", "memory-margin", SWITCHYARD_MEMBER(memory_margin), 0, 0.9, "share of GPU memory not used")
      .only_if("--num-blocks is 0", planned);
  return fields;
}

Fields cost_fields() {
  Fields fields("cost");
  fields
      .text("profile", "profile", SWITCHYARD_MEMBER(profile),
            "GPU profile: embedded name, folder of Vidur CSVs, or .json file (embedded or roofline)")
      .set_by(&Scenario::set_profile)
      .only_if("--cost-tables is not given", [](const Scenario& s) { return s.cost_tables.empty(); })
      .text("cost_tables", "cost-tables", SWITCHYARD_MEMBER(cost_tables),
            "folder of prediction tables, in place of a profile")
      .set_by(&Scenario::set_cost_tables)
      .only_if("--profile is not given", [](const Scenario& s) { return s.profile.empty(); });
  return fields;
}

Fields workload_fields() {
  const auto synthetic = [](const Scenario& s) { return s.workload.arrivals != ArrivalKind::trace; };
  const auto arrivals = [](ArrivalKind kind) {
    return [kind](const Scenario& s) { return s.workload.arrivals == kind; };
  };
  const auto lengths = [](LengthKind kind, LengthKind other) {
    return [kind, other](const Scenario& s) { return s.workload.lengths == kind || s.workload.lengths == other; };
  };
  const auto lognormal = lengths(LengthKind::lognormal, LengthKind::lognormal);
  const auto uniform = lengths(LengthKind::uniform, LengthKind::uniform);
  const auto bounded = lengths(LengthKind::uniform, LengthKind::fixed);
  const auto inflated = [](const Scenario& s) {
    return s.workload.inflate_prompt_share > 0 || s.workload.inflate_output_share > 0;
  };
  Fields fields("workload");
  fields
      .text("trace", "workload", SWITCHYARD_MEMBER(workload.trace),
            "trace: CSV file (Vidur's or Azure's columns), or azure-conv or azure-code. As a flag it replaces a "
            "scenario's whole workload by a replay of this trace")
      .choice("arrivals", "arrivals", SWITCHYARD_MEMBER(workload.arrivals),
              {"trace", "vidur_poisson", "poisson", "gamma", "lognormal", "static"}, "arrival process")
      .choice("lengths", "lengths", SWITCHYARD_MEMBER(workload.lengths),
              {"trace", "shuffle", "resample", "lognormal", "fixed", "uniform"},
              "prompt and output lengths: rows of the trace (as they come, shuffled, with replacement) or synthetic")
      .real("qps", "qps", SWITCHYARD_MEMBER(workload.qps), 1e-6, 1e6, "requests per second")
      .only_if("--arrivals is not trace", synthetic)
      .real("arrival_cv", "arrival-cv", SWITCHYARD_MEMBER(workload.arrival_cv), 0.01, 100,
            "coefficient of variation of gaps")
      .only_if("--arrivals is gamma", arrivals(ArrivalKind::gamma))
      .real("arrival_sigma", "arrival-sigma", SWITCHYARD_MEMBER(workload.arrival_sigma), 0, 10,
            "sigma of the log of gaps")
      .only_if("--arrivals is lognormal", arrivals(ArrivalKind::lognormal))
      .real("duration_s", "duration", SWITCHYARD_MEMBER(workload.duration_s), 0, kMaxArrivalSeconds,
            "requests that arrive at or after this are dropped, s; 0: none are")
      .integer("num_requests", "num-requests", SWITCHYARD_MEMBER(workload.num_requests), 0, 1e8,
               "at most this many requests; 0: no limit")
      .real("time_scale", "time-scale", SWITCHYARD_MEMBER(workload.time_scale), 1e-6, 1e6,
            "arrival times are divided by this")
      .only_if("--arrivals is trace", arrivals(ArrivalKind::trace))
      .real("prompt_median", "prompt-median", SWITCHYARD_MEMBER(workload.prompt_median), 0, kMostTokens,
            "prompts: median, tokens")
      .only_if("--lengths is lognormal", lognormal)
      .real("prompt_sigma", "prompt-sigma", SWITCHYARD_MEMBER(workload.prompt_sigma), 0, 10,
            "prompts: sigma of the log")
      .only_if("--lengths is lognormal", lognormal)
      .real("output_median", "output-median", SWITCHYARD_MEMBER(workload.output_median), 0, kMostTokens,
            "outputs: median, tokens")
      .only_if("--lengths is lognormal", lognormal)
      .real("output_sigma", "output-sigma", SWITCHYARD_MEMBER(workload.output_sigma), 0, 10,
            "outputs: sigma of the log")
      .only_if("--lengths is lognormal", lognormal)
      .integer("prompt_min", "prompt-min", SWITCHYARD_MEMBER(workload.prompt_min), 1, kMostTokens,
               "uniform prompts: least; fixed prompts: length, tokens")
      .only_if("--lengths is uniform or fixed", bounded)
      .integer("prompt_max", "prompt-max", SWITCHYARD_MEMBER(workload.prompt_max), 0, kMostTokens,
               "prompts: most, tokens")
      .only_if("--lengths is uniform", uniform)
      .integer("output_min", "output-min", SWITCHYARD_MEMBER(workload.output_min), 1, kMostTokens,
               "outputs: least; fixed outputs: length, tokens")
      .integer("output_max", "output-max", SWITCHYARD_MEMBER(workload.output_max), 0, kMostTokens,
               "outputs: most, tokens")
      .only_if("--lengths is uniform", uniform)
      .real("inflate_prompt_share", "inflate-prompt-share", SWITCHYARD_MEMBER(workload.inflate_prompt_share), 0, 1,
            "share of prompts that are inflated")
      .real("inflate_output_share", "inflate-output-share", SWITCHYARD_MEMBER(workload.inflate_output_share), 0, 1,
            "share of outputs that are inflated")
      .real("inflate_factor", "inflate-factor", SWITCHYARD_MEMBER(workload.inflate_factor), 1, 1000,
            "by what inflated lengths are multiplied")
      .only_if("--inflate-prompt-share or --inflate-output-share is above 0", inflated)
      .choice("long_requests", "long-requests", SWITCHYARD_MEMBER(long_requests), {"cut", "refuse"},
              "requests over the context: cut in proportion, or an error");
  return fields;
}

Fields seed_fields() {
  Fields fields("seeds");
  fields
      .integer("seed", "seed", SWITCHYARD_MEMBER(seed), 0, 1e15,
               "seed of a single run's workload; for trace arrivals 0 is the trace itself, others resample it")
      .seeds("train_seeds", "train-seeds", SWITCHYARD_MEMBER(train_seeds), "seeds that a search tunes on")
      .seeds("validation_seeds", "validation-seeds", SWITCHYARD_MEMBER(validation_seeds),
             "seeds that choose among the best few of a search")
      .seeds("held_out_seeds", "held-out-seeds", SWITCHYARD_MEMBER(held_out_seeds), "seeds that it is judged by")
      .real("train_overload", "train-overload", SWITCHYARD_MEMBER(train_overload), 0, 10,
            "training and validation seeds are spread over loads from 1 to 1 + this times the scenario's, so that what "
            "is tuned also "
            "bears a higher one")
      .only_if("--arrivals is not static", [](const Scenario& s) { return s.workload.arrivals != ArrivalKind::fixed; });
  return fields;
}

#undef SWITCHYARD_MEMBER

InputError refuse(const ScenarioField& field, const std::string& found, std::string_view where) {
  return InputError(fmt::format("{}: {} is not allowed; {} is wanted", where, in_quotes(found), describe_range(field)));
}

}  // namespace

const std::vector<ScenarioField>& scenario_fields() {
  static const std::vector<ScenarioField> fields = [] {
    std::vector<ScenarioField> all;
    for (Fields section : {cluster_fields(), cost_fields(), workload_fields(), seed_fields()}) section.append_to(all);
    return all;
  }();
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
      return "seeds, as 1-8 or 1-4,7,9";
  }
  return "";
}

void set_field(const ScenarioField& field, Scenario& scenario, const Json& value, std::string_view where) {
  const std::string found = value.is_string() ? value.get<std::string>() : json_text(value);
  switch (field.kind) {
    case FieldKind::text:
      if (!value.is_string()) throw refuse(field, found, where);
      break;
    case FieldKind::integer:
    case FieldKind::real: {
      if (!value.is_number()) throw refuse(field, found, where);
      const double number = value.get<double>();
      const bool whole = field.kind == FieldKind::real || value.is_number_integer();
      if (!whole || !std::isfinite(number) || number < field.low || number > field.high) {
        throw refuse(field, found, where);
      }
      break;
    }
    case FieldKind::choice:
      if (!value.is_string()) throw refuse(field, found, where);
      if (std::find(field.choices.begin(), field.choices.end(), found) == field.choices.end()) {
        throw unknown_name(where, "choice", found, field.choices);
      }
      break;
    case FieldKind::seeds:
      if (!value.is_string()) throw refuse(field, found, where);
      parse_seed_range(found, where);
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

void check_flags_matter(const std::set<std::string>& given, const Scenario& scenario) {
  for (const ScenarioField& field : scenario_fields()) {
    if (given.contains(field.flag) && !field.matters(scenario)) {
      throw InputError(fmt::format("--{}: contradicts the rest: it matters only if {}", field.flag, field.only_if));
    }
  }
}

}  // namespace switchyard
