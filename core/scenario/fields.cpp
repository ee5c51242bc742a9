#include "core/scenario/fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/cost/source.hpp"
#include "core/input/error.hpp"
#include "core/input/json_text.hpp"
#include "core/scenario/field_declaration.hpp"
#include "core/workload/known_traces.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

Fields cost_fields() {
  Fields fields("cost");
  fields
      .text("profile", "profile", SWITCHYARD_MEMBER(profile),
            "GPU profile: embedded name, folder of Vidur CSVs, or .json file (embedded or roofline)")
      .path_or(embedded_profile_names)
      .set_by(&Scenario::set_profile)
      .only_if("--cost-tables is not given", [](const Scenario& s) { return s.cost_tables.empty(); })
      .text("cost_tables", "cost-tables", SWITCHYARD_MEMBER(cost_tables),
            "folder of prediction tables, in place of a profile")
      .path_or([] { return std::vector<std::string>(); })
      .set_by(&Scenario::set_cost_tables)
      .only_if("--profile is not given", [](const Scenario& s) { return s.profile.empty(); });
  return fields;
}

Fields workload_fields() {
  static_assert(static_cast<int>(ArrivalKind::fixed) == 5 && static_cast<int>(LengthKind::uniform) == 5 &&
                    static_cast<int>(LongRequests::drop) == 3,
                "the choices below are in the order of the enumerators, and as many");
  const auto synthetic = [](const Scenario& s) { return s.workload.arrivals != ArrivalKind::trace; };
  const auto takes_times = [](const Scenario& s) {
    return !s.workload.trace.empty() && s.workload.arrivals == ArrivalKind::trace;
  };
  const auto names_trace = [](const Scenario& s) { return !s.workload.trace.empty(); };
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
            "trace: a CSV or JSON-lines file, or azure-conv or azure-code. As a flag it replaces a "
            "scenario's whole workload by a replay of this trace")
      .path_or(known_traces)
      .choice("time_unit", "time-unit", SWITCHYARD_MEMBER(workload.time_unit), {"format", "s", "ms", "us"},
              "unit of the times in the trace file; format: the one that its format has")
      .only_if("--workload is a file and --arrivals is trace", takes_times)
      .text("trace_columns", "trace-columns", SWITCHYARD_MEMBER(workload.trace_columns),
            "what the trace file calls its columns or keys, as arrived_at=ts,num_prefill_tokens=in,"
            "num_decode_tokens=out; times are dates, or in s if --time-unit says nothing else")
      .only_if("--workload is a file", names_trace)
      .integer("hash_id_tokens", "hash-id-tokens", SWITCHYARD_MEMBER(workload.hash_id_tokens), 0, 1'000'000,
               "tokens that a hash id of the trace file stands for; 0: as its format says (Mooncake 512, others 16)")
      .only_if("--workload is a file", names_trace)
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
      .choice(
          "long_requests", "long-requests", SWITCHYARD_MEMBER(long_requests), {"cut", "refuse", "engine", "drop"},
          "requests over the context: cut in proportion, an error, what vllm_v1 does with them (its default: a prompt "
          "that fills the context is an error, an output ends where the context does), or dropped")
      .read_by([](const Scenario& s) { return s.long_requests_rule(); });
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
      .integer("held_out_from", "held-out-from", SWITCHYARD_MEMBER(workload.held_out_from), 1, 1e15,
               "seeds from this on redraw the second half of the trace's time, held out; those below it the first, for "
               "training")
      .only_if("--arrivals is trace", [](const Scenario& s) { return s.workload.arrivals == ArrivalKind::trace; })
      .real("train_overload", "train-overload", SWITCHYARD_MEMBER(train_overload), 0, 10,
            "training and validation seeds are spread over loads from 1 to 1 + this times the scenario's, so that what "
            "is tuned also "
            "bears a higher one")
      .only_if("--arrivals is not static", [](const Scenario& s) { return s.workload.arrivals != ArrivalKind::fixed; });
  return fields;
}

// "--replica-scheduler is a or b"
std::string words(const EngineSet& engines) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kNumEngines; ++i) {
    if (engines.has(static_cast<EngineKind>(i))) names.push_back(engine_names()[i]);
  }
  return fmt::format("--replica-scheduler is {}", fmt::join(names, " or "));
}

InputError refuse(const ScenarioField& field, const std::string& found, std::string_view where) {
  return InputError(fmt::format("{}: {} is not allowed; {} is wanted", where, in_quotes(found), describe_range(field)));
}

}  // namespace

const std::vector<ScenarioField>& scenario_fields() {
  static const std::vector<ScenarioField> fields = [] {
    std::vector<ScenarioField> all;
    for (Fields section :
         {cluster_fields(), signal_fields(), router_fields(), cost_fields(), workload_fields(), seed_fields()}) {
      section.append_to(all);
    }
    return all;
  }();
  return fields;
}

const std::vector<std::string>& engine_names() {
  static constexpr std::array<std::string_view, kNumEngines> kNames = {"vllm_v0", "sarathi", "orca", "vllm_v1"};
  static_assert(kNames[static_cast<std::size_t>(EngineKind::vllm_v1)] == "vllm_v1" && kNames.size() == 4);
  static const std::vector<std::string> names(kNames.begin(), kNames.end());
  return names;
}

void Fields::append_to(std::vector<ScenarioField>& all) {
  for (ScenarioField& field : fields_) {
    if (!field.engines.is_all()) {
      field.only_if = words(field.engines) + (field.only_if.empty() ? "" : ", and " + field.only_if);
    }
    all.push_back(std::move(field));
  }
}

std::string_view engine_name(EngineKind engine) { return engine_names()[static_cast<std::size_t>(engine)]; }

bool is_stated(const ScenarioField& field, EngineKind engine) {
  if (field.engines.has(engine)) return true;
  using enum EngineKind;
  return engine != vllm_v1 && (field.engines.has(vllm_v0) || field.engines.has(sarathi) || field.engines.has(orca));
}

bool is_written(const ScenarioField& field, const Scenario& scenario) {
  if (!is_stated(field, scenario.replica_scheduler)) return false;
  if (!field.is_left_out_at_defaults) return true;
  const Scenario defaults;
  const std::vector<ScenarioField>& all = scenario_fields();
  return std::any_of(all.begin(), all.end(), [&](const ScenarioField& other) {
    return other.section == field.section && other.get(scenario) != other.get(defaults);
  });
}

std::string not_an_option(const ScenarioField& field, EngineKind engine, std::string_view dashes) {
  const auto name = [dashes](const ScenarioField& option) {
    return dashes.empty() ? option.key : std::string(dashes) + option.flag;
  };
  std::vector<std::string> counterparts, own;
  for (const ScenarioField& other : scenario_fields()) {
    if (other.engines.is_all() || !other.engines.has(engine)) continue;
    (other.role == field.role ? counterparts : own).push_back(name(other));
  }
  if (counterparts.empty()) {
    return fmt::format("is not an option of {}; its own are {}", engine_name(engine), fmt::join(own, ", "));
  }
  return fmt::format("is not an option of {}; its own for that ({}) is {}", engine_name(engine), field.role,
                     fmt::join(counterparts, ", "));
}

std::string describe_range(const ScenarioField& field) {
  switch (field.kind) {
    case FieldKind::text:
      return "text";
    case FieldKind::integer:
      return fmt::format("a whole number from {:.0f} to {:.0f}", field.low, field.high);
    case FieldKind::real: {
      const std::string range = fmt::format("a number from {} to {}", field.low, field.high);
      return field.word.empty() ? range : fmt::format("{}, or {}: {}", range, field.word, field.word_doc);
    }
    case FieldKind::choice:
      return fmt::format("one of {}", fmt::join(field.choices, ", "));
    case FieldKind::on_off:
      return "true or false (as a flag, on or off)";
    case FieldKind::seeds:
      return "seeds, as 1-8 or 1-4,7,9";
  }
  return "";
}

void set_field(const ScenarioField& field, Scenario& scenario, const Json& given, std::string_view where) {
  Json value = given;
  for (const auto& [alias, meant] : field.choice_aliases) {
    if (value == alias) value = meant;
  }
  if (!field.word.empty() && value == field.word) {
    field.set(scenario, Json(field.word_value));
    return;
  }
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
    case FieldKind::on_off:
      if (!value.is_boolean()) throw refuse(field, found, where);
      break;
    case FieldKind::seeds:
      if (!value.is_string()) throw refuse(field, found, where);
      parse_seed_range(found, where);
      break;
  }
  const bool zero = field.kind == FieldKind::real && value.get<double>() == 0;
  field.set(scenario, zero ? Json(0.0) : value);  // -0 is 0
}

void set_field_from_text(const ScenarioField& field, Scenario& scenario, const std::string& text,
                         std::string_view where) {
  Json value = text;
  if (field.kind == FieldKind::on_off) {
    if (text == "on" || text == "true") value = true;
    if (text == "off" || text == "false") value = false;
  }
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

bool is_path(const ScenarioField& field, const std::string& value, const std::filesystem::path& folder) {
  if (!field.names || value.empty()) return false;
  const std::vector<std::string> names = field.names();
  if (std::find(names.begin(), names.end(), value) != names.end()) return false;
  const std::filesystem::path path = value;
  std::error_code fault;
  return path.has_extension() || path.has_parent_path() || std::filesystem::exists(folder / path, fault);
}

std::string path_from(const std::filesystem::path& folder, const ScenarioField& field, const std::string& value) {
  if (folder.empty() || !is_path(field, value, folder) || std::filesystem::path(value).is_absolute()) return value;
  return (folder / value).lexically_normal().string();
}

void check_flags_matter(const std::set<std::string>& given, const Scenario& scenario) {
  for (const ScenarioField& field : scenario_fields()) {
    if (!given.contains(field.flag)) continue;
    if (!field.engines.has(scenario.replica_scheduler)) {
      throw InputError(fmt::format("--{}: {}", field.flag, not_an_option(field, scenario.replica_scheduler, "--")));
    }
    if (!field.matters(scenario)) {
      throw InputError(fmt::format("--{}: contradicts the rest: it matters only if {}", field.flag, field.only_if));
    }
  }
}

}  // namespace switchyard
