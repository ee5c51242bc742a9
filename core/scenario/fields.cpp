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
#include "core/scenario/groups.hpp"
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
      .only_if("--profile is not given", [](const Scenario& s) { return s.profile.empty(); })
      .real("slowdown", "slowdown", SWITCHYARD_MEMBER(slowdown), 0.01, 100,
            "all batch times are multiplied by this: a replica that is slower than its kind")
      .later();
  return fields;
}

Fields workload_fields() {
  static_assert(static_cast<int>(ArrivalKind::hyperexponential) == 6 && static_cast<int>(LengthKind::sessions) == 6 &&
                    static_cast<int>(GeneratorKind::retrieval) == 4 && static_cast<int>(PrefixLengths::even) == 1 &&
                    static_cast<int>(TurnArrivals::closed) == 2 && static_cast<int>(LongRequests::drop) == 3,
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
  const auto spike = [](const Scenario& s) { return s.workload.spike_factor > 1; };
  const auto wave = [](const Scenario& s) { return s.workload.wave > 0; };
  const auto generator = [](GeneratorKind kind) {
    return [kind](const Scenario& s) { return s.workload.generator == kind; };
  };
  const auto generated = [](const Scenario& s) { return s.workload.generator != GeneratorKind::none; };
  const auto drawn_prefixes = [](const Scenario& s) {
    return s.workload.generator != GeneratorKind::none && s.workload.prefix_lengths == PrefixLengths::lognormal;
  };
  const auto talks = [](const Scenario& s) {
    return s.workload.generator == GeneratorKind::chat || s.workload.generator == GeneratorKind::agents;
  };
  const auto has_sessions = [talks](const Scenario& s) {
    return talks(s) || s.workload.lengths == LengthKind::sessions;
  };
  Fields fields("workload");
  fields
      .text("trace", "workload", SWITCHYARD_MEMBER(workload.trace),
            "trace: a CSV or JSON-lines file, or a known one: azure-conv, azure-code, mooncake-conv, mooncake-synth, "
            "agent-sessions. As a flag it replaces a "
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
              {"trace", "vidur_poisson", "poisson", "gamma", "lognormal", "static", "hyperexponential"},
              "arrival process, of sessions where a generator or --lengths sessions makes them")
      .choice("lengths", "lengths", SWITCHYARD_MEMBER(workload.lengths),
              {"trace", "shuffle", "resample", "lognormal", "fixed", "uniform", "sessions"},
              "prompt and output lengths: rows of the trace (as they come, shuffled, with replacement), its sessions "
              "(whole, "
              "with replacement) or synthetic; with a generator, those of what users add and of outputs")
      .real("qps", "qps", SWITCHYARD_MEMBER(workload.qps), 1e-6, 1e6, "requests per second")
      .only_if("--arrivals is not trace", synthetic)
      .real("arrival_cv", "arrival-cv", SWITCHYARD_MEMBER(workload.arrival_cv), 0.01, 100,
            "coefficient of variation of gaps")
      .only_if("--arrivals is gamma", arrivals(ArrivalKind::gamma))
      .real("arrival_sigma", "arrival-sigma", SWITCHYARD_MEMBER(workload.arrival_sigma), 0, 10,
            "sigma of the log of gaps")
      .only_if("--arrivals is lognormal", arrivals(ArrivalKind::lognormal))
      .real("burst_share", "burst-share", SWITCHYARD_MEMBER(workload.burst_share), 0, 1,
            "share of gaps that have a mean of their own")
      .only_if("--arrivals is hyperexponential", arrivals(ArrivalKind::hyperexponential))
      .real("burst_gap", "burst-gap", SWITCHYARD_MEMBER(workload.burst_gap), 0, 100,
            "that mean, in mean gaps; the others' makes the mean of all what --qps says")
      .only_if("--arrivals is hyperexponential", arrivals(ArrivalKind::hyperexponential))
      .real("spike_factor", "spike-factor", SWITCHYARD_MEMBER(workload.spike_factor), 1, 1000,
            "for a part of the time requests come so many times as fast; 1: they do not")
      .later()
      .only_if("--arrivals is not trace", synthetic)
      .real("spike_from", "spike-from", SWITCHYARD_MEMBER(workload.spike_from), 0, 1,
            "where that part begins, as a share of the time")
      .only_if("--spike-factor is above 1", spike)
      .real("spike_to", "spike-to", SWITCHYARD_MEMBER(workload.spike_to), 0, 1, "where it ends")
      .only_if("--spike-factor is above 1", spike)
      .real("wave", "wave", SWITCHYARD_MEMBER(workload.wave), 0, kMostWave,
            "the rate of arrivals rises and falls by this share about --qps, as over a day; it is lowest at 0")
      .later()
      .only_if("--arrivals is not trace", synthetic)
      .real("wave_period_s", "wave-period", SWITCHYARD_MEMBER(workload.wave_period_s), 1, kMaxArrivalSeconds,
            "how long that takes to come round, s")
      .only_if("--wave is above 0", wave)
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
               "prompts: most, tokens; of sessions, which end before a longer one (0: no limit)")
      .only_if("--lengths is uniform or sessions", lengths(LengthKind::uniform, LengthKind::sessions))
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
          "turn_arrivals", "turn-arrivals", SWITCHYARD_MEMBER(workload.turn_arrivals),
          {"by_trace", "recorded", "closed"},
          "later turns of a trace's sessions: when they were recorded, or when the turn before has completed and its "
          "time to think is over; by_trace: closed where the trace says how long users took")
      .later()
      .only_if("--workload is a file", names_trace)
      .integer(
          "concurrency", "concurrency", SWITCHYARD_MEMBER(workload.concurrency), 0, 1e6,
          "closed loop of so many clients, each with one request (or session) at a time: the next begins when one has "
          "ended, and --arrivals only says how many there are; 0: open")
      .later()
      .real("warm_up_share", "warm-up-share", SWITCHYARD_MEMBER(workload.warm_up_share), 0, 0.99,
            "share of requests, the first ones, that are replayed and not counted in metrics")
      .later()
      .integer("warm_up_requests", "warm-up-requests", SWITCHYARD_MEMBER(workload.warm_up_requests), 0, 1e8,
               "the same as a number of requests")
      .later()
      .choice("generator", "generator", SWITCHYARD_MEMBER(workload.generator),
              {"none", "tenants", "chat", "agents", "retrieval"},
              "requests with prompts in common, made up: system prompts of tenants; chats; agents that call tools; "
              "retrieved passages")
      .later()
      .integer("num_prefixes", "num-prefixes", SWITCHYARD_MEMBER(workload.num_prefixes), 1, 1e6,
               "system prompts, each of a tenant or an application")
      .only_if("--generator is not none", generated)
      .real(
          "prefix_zipf", "prefix-zipf", SWITCHYARD_MEMBER(workload.prefix_zipf), 0, 10,
          "their popularity: the k-th is wanted k to the power of minus this times as often as the first; 0: all alike")
      .only_if("--generator is not none", generated)
      .choice("prefix_lengths", "prefix-lengths", SWITCHYARD_MEMBER(workload.prefix_lengths), {"lognormal", "even"},
              "their lengths: drawn, or evenly spaced from least to most")
      .only_if("--generator is not none", generated)
      .real("prefix_median", "prefix-median", SWITCHYARD_MEMBER(workload.prefix_median), 1, kMostTokens,
            "system prompts: median, tokens")
      .only_if("--generator is not none and --prefix-lengths is lognormal", drawn_prefixes)
      .real("prefix_sigma", "prefix-sigma", SWITCHYARD_MEMBER(workload.prefix_sigma), 0, 10,
            "system prompts: sigma of the log")
      .only_if("--generator is not none and --prefix-lengths is lognormal", drawn_prefixes)
      .integer("prefix_min", "prefix-min", SWITCHYARD_MEMBER(workload.prefix_min), 0, kMostTokens,
               "system prompts: least, tokens")
      .only_if("--generator is not none", generated)
      .integer("prefix_max", "prefix-max", SWITCHYARD_MEMBER(workload.prefix_max), 0, kMostTokens,
               "system prompts: most, tokens")
      .only_if("--generator is not none", generated)
      .integer("sessions_at_start", "sessions-at-start", SWITCHYARD_MEMBER(workload.sessions_at_start), 0, 1e6,
               "sessions under way at 0, each at a turn drawn at random; metrics leave them out")
      .only_if("--generator is chat or agents, or --lengths is sessions", has_sessions)
      .integer("turns_max", "turns-max", SWITCHYARD_MEMBER(workload.turns_max), 0, 1e6,
               "requests of a session, at most; 0: no limit")
      .only_if("--generator is chat or agents, or --lengths is sessions", has_sessions)
      .real("think_max_s", "think-max", SWITCHYARD_MEMBER(workload.think_max_s), 0, kMaxArrivalSeconds,
            "longer times to think are so long, s; 0: no limit")
      .only_if("--generator is chat or agents, or --lengths is sessions", has_sessions)
      .real("further_turns", "further-turns", SWITCHYARD_MEMBER(workload.further_turns), 0, 1e4,
            "turns of a session after the first: mean of the exponential that is rounded down")
      .only_if("--generator is chat or agents", talks)
      .real("think_median_s", "think-median", SWITCHYARD_MEMBER(workload.think_median_s), 0, kMaxArrivalSeconds,
            "time from an answer to the next turn: median, s")
      .only_if("--generator is chat or agents", talks)
      .real("think_sigma", "think-sigma", SWITCHYARD_MEMBER(workload.think_sigma), 0, 10, "the same: sigma of the log")
      .only_if("--generator is chat or agents", talks)
      .real("document_share", "document-share", SWITCHYARD_MEMBER(workload.document_share), 0, 1,
            "share of sessions that begin with a document of their own")
      .only_if("--generator is chat or agents", talks)
      .real("document_median", "document-median", SWITCHYARD_MEMBER(workload.document_median), 1, kMostTokens,
            "documents: median, tokens")
      .only_if("--generator is chat or agents", talks)
      .real("document_sigma", "document-sigma", SWITCHYARD_MEMBER(workload.document_sigma), 0, 10,
            "documents: sigma of the log")
      .only_if("--generator is chat or agents", talks)
      .real("tool_calls", "tool-calls", SWITCHYARD_MEMBER(workload.tool_calls), 0, 1e4,
            "calls of tools in a turn, each a request of its own: mean of the exponential that is rounded down")
      .only_if("--generator is agents", generator(GeneratorKind::agents))
      .real("tool_median", "tool-median", SWITCHYARD_MEMBER(workload.tool_median), 1, kMostTokens,
            "what a call adds to the prompt: median, tokens")
      .only_if("--generator is agents", generator(GeneratorKind::agents))
      .real("tool_sigma", "tool-sigma", SWITCHYARD_MEMBER(workload.tool_sigma), 0, 10, "the same: sigma of the log")
      .only_if("--generator is agents", generator(GeneratorKind::agents))
      .real("tool_wait_median_s", "tool-wait-median", SWITCHYARD_MEMBER(workload.tool_wait_median_s), 0,
            kMaxArrivalSeconds, "how long a call takes: median, s")
      .only_if("--generator is agents", generator(GeneratorKind::agents))
      .real("tool_wait_sigma", "tool-wait-sigma", SWITCHYARD_MEMBER(workload.tool_wait_sigma), 0, 10,
            "the same: sigma of the log")
      .only_if("--generator is agents", generator(GeneratorKind::agents))
      .integer("num_passages", "num-passages", SWITCHYARD_MEMBER(workload.num_passages), 1, 1e6,
               "passages of the corpus")
      .only_if("--generator is retrieval", generator(GeneratorKind::retrieval))
      .real("passage_zipf", "passage-zipf", SWITCHYARD_MEMBER(workload.passage_zipf), 0, 10,
            "their popularity, as --prefix-zipf")
      .only_if("--generator is retrieval", generator(GeneratorKind::retrieval))
      .integer("passages_per_request", "passages-per-request", SWITCHYARD_MEMBER(workload.passages_per_request), 1,
               1000, "passages in a prompt, the most popular first")
      .only_if("--generator is retrieval", generator(GeneratorKind::retrieval))
      .real("passage_median", "passage-median", SWITCHYARD_MEMBER(workload.passage_median), 1, kMostTokens,
            "passages: median, tokens")
      .only_if("--generator is retrieval", generator(GeneratorKind::retrieval))
      .real("passage_sigma", "passage-sigma", SWITCHYARD_MEMBER(workload.passage_sigma), 0, 10,
            "passages: sigma of the log")
      .only_if("--generator is retrieval", generator(GeneratorKind::retrieval))
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
    for (Fields section : {cluster_fields(), signal_fields(), router_fields(), operation_fields(), transfer_fields(),
                           cost_fields(), workload_fields(), seed_fields()}) {
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
  if (field.kind == FieldKind::groups) return !scenario.groups.empty();
  if (!field.is_left_out_at_defaults) return true;
  const Scenario defaults;
  if (field.is_left_out_at_default) return field.get(scenario) != field.get(defaults);
  if (!field.is_left_out_at_defaults) return true;
  const std::vector<ScenarioField>& all = scenario_fields();
  return std::any_of(all.begin(), all.end(), [&](const ScenarioField& other) {
    return other.section == field.section && other.get(scenario) != other.get(defaults);
  });
}

std::string not_an_option(const ScenarioField& field, EngineKind engine, std::string_view dashes) {
  const auto name = [dashes](const ScenarioField& option) {
    return dashes.empty() ? option.key : std::string(dashes) + option.flag;
  };
  std::vector<std::string> counterparts, own, engines;
  for (std::size_t i = 0; i < kNumEngines; ++i) {
    if (field.engines.has(static_cast<EngineKind>(i))) engines.push_back(engine_names()[i]);
  }
  const std::string not_of =
      fmt::format("is not an option of {}, but of {}", engine_name(engine), fmt::join(engines, ", "));
  for (const ScenarioField& other : scenario_fields()) {
    if (other.engines.is_all() || !other.engines.has(engine)) continue;
    (other.role == field.role ? counterparts : own).push_back(name(other));
  }
  if (counterparts.empty()) {
    return fmt::format("{}; {} has {}", not_of, engine_name(engine), fmt::join(own, ", "));
  }
  return fmt::format("{}; that of {} ({}) is {}", not_of, engine_name(engine), field.role,
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
    case FieldKind::groups:
      return "groups, as count=2,num_gpu_blocks=9000";
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
    case FieldKind::groups:
      scenario.groups = groups_from_json(value, where);
      if (!scenario.groups.empty()) scenario.replicas = 0;
      for (const ReplicaGroup& group : scenario.groups) scenario.replicas += group.count;
      return;
  }
  const bool zero = field.kind == FieldKind::real && value.get<double>() == 0;
  field.set(scenario, zero ? Json(0.0) : value);  // -0 is 0
}

void set_field_from_text(const ScenarioField& field, Scenario& scenario, const std::string& text,
                         std::string_view where) {
  Json value = text;
  if (field.kind == FieldKind::groups) value = groups_json(parse_groups(text, where));
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
