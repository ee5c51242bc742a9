#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <limits>

#include "core/input/error.hpp"
#include "core/input/write_file.hpp"
#include "core/scenario/experiment.hpp"
#include "core/scenario/fields.hpp"
#include "core/scenario/scenario_rows.hpp"
#include "core/workload/fit.hpp"
#include "core/workload/fit_sessions.hpp"
#include "core/workload/inspect.hpp"
#include "core/workload/spec.hpp"
#include "results/terminal.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"
#include "search/cli/out_flags.hpp"
#include "search/cli/single_run.hpp"

namespace switchyard {

namespace {

// The workload of one seed of a scenario, as `run` would run it but for what replicas have no memory for.
WorkloadRows rows_of(const Options& options, const Scenario& scenario, std::int32_t context) {
  check_seed_flags_matter(options, scenario);
  scenario.check_seeds_apart("--train-seeds");
  if (const std::int32_t clients = scenario.workload.concurrency; clients > 0) {
    throw InputError(
        fmt::format("--concurrency: {} is not allowed: when a request of a closed loop arrives is known only as it "
                    "runs; --concurrency 0 gives its requests, and a run of them with --concurrency {} the loop",
                    clients, clients));
  }
  const std::shared_ptr<const TraceRows> trace = trace_of(scenario.workload);
  WorkloadRows made = scenario_rows(scenario, trace.get(), scenario.seed, context);
  made.source = workload_title(made.source, made.num_cut, made.num_dropped, made.rows.size(), context);
  return made;
}

// Throws InputError for a request that `run` would refuse for its length.
void check_context(const WorkloadRows& made, const Scenario& scenario, std::int32_t context) {
  const LongRequests rule = scenario.long_requests_rule();
  if (rule == LongRequests::cut || rule == LongRequests::drop) return;
  const bool v1 = scenario.replica_scheduler == EngineKind::vllm_v1;
  for (std::size_t i = 0; i < made.rows.size(); ++i) {
    const RawRequest& row = made.rows[i];
    if (std::int64_t{row.num_prefill_tokens} + row.num_decode_tokens <= context) continue;
    throw InputError(
        fmt::format("{}: request {} (row {}) has {} prompt + {} output tokens; the context ({}) allows {}; "
                    "--long-requests cut shortens requests to it",
                    made.source, i, i + 1, row.num_prefill_tokens, row.num_decode_tokens,
                    v1 ? "--max-model-len" : "--max-tokens", context));
  }
}

WorkloadRows rows_of_scenario(const Options& options) {
  const Scenario scenario = options.scenario();
  const std::int32_t context = context_of(scenario);
  WorkloadRows made = rows_of(options, scenario, context);
  check_context(made, scenario, context);
  return made;
}

std::string as_csv(const std::vector<RawRequest>& rows) {
  std::string csv = "arrived_at,num_prefill_tokens,num_decode_tokens\n";
  for (const RawRequest& row : rows) {
    fmt::format_to(std::back_inserter(csv), "{},{},{}\n", row.arrived_at_s, row.num_prefill_tokens,
                   row.num_decode_tokens);
  }
  return csv;
}

// With sessions and what prompts hold, in the keys of lines that are prepared for replay. `content` is by row.
std::string as_json_lines(const WorkloadRows& made, const Content& content) {
  std::vector<std::int32_t> last_of_session;
  std::string text;
  for (std::size_t i = 0; i < made.rows.size(); ++i) {
    const RawRequest& row = made.rows[i];
    fmt::format_to(std::back_inserter(text), "{{\"arrived_at\":{},\"num_prefill_tokens\":{},\"num_decode_tokens\":{}",
                   row.arrived_at_s, row.num_prefill_tokens, row.num_decode_tokens);
    if (row.session >= 0) {
      const auto session = static_cast<std::size_t>(row.session);
      if (last_of_session.size() <= session) last_of_session.resize(session + 1, -1);
      if (row.parent >= 0 && row.parent != last_of_session[session]) {
        throw InputError(
            fmt::format("{}: row {} goes on with row {}, which is not the turn before it of its session; such "
                        "a workload cannot be written",
                        made.source, i + 1, row.parent + 1));
      }
      last_of_session[session] = static_cast<std::int32_t>(i);
      fmt::format_to(std::back_inserter(text), ",\"session_id\":{}", row.session);
      if (row.parent >= 0) fmt::format_to(std::back_inserter(text), ",\"delay\":{}", row.think_s);
    }
    if (content.num_hashed_tokens(i) > 0) {
      text += ",\"hash_ids\":[";
      const char* comma = "";
      for (const Content::StoredRun& run : content.runs(i)) {
        for (std::uint32_t k = 0; k < run.count; ++k, comma = ",") {
          fmt::format_to(std::back_inserter(text), "{}{}", comma, run.first + k);
        }
      }
      fmt::format_to(std::back_inserter(text), "],\"num_hashed_tokens\":{}", content.num_hashed_tokens(i));
    }
    text += "}\n";
  }
  return text;
}

// Rows that are lengths and arrivals and nothing else as CSV.
std::string as_text(const WorkloadRows& made, const TraceRows* trace) {
  const bool sessions =
      std::any_of(made.rows.begin(), made.rows.end(), [](const RawRequest& row) { return row.parent >= 0; });
  if (!sessions && !made.content) return as_csv(made.rows);
  return as_json_lines(made, make_workload(made.source, made.rows, content_of(made, trace)).content);
}

const std::string& file_of(const Options& options) {
  if (options.words().size() < 2) throw InputError("workload: a trace file is missing (see --help)");
  return options.words()[1];
}

// The rows of a file, a model or a known trace, and what it is. Lengths stay as they are unless the context is spoken
// of.
WorkloadRows rows_of_file(const Options& options) {
  const Scenario scenario = options.scenario_of_trace(file_of(options));
  const bool limited = options.has("long-requests");
  for (const std::string flag : {"max-tokens", "max-model-len", "replica-scheduler"}) {
    if (!options.has(flag) || limited) continue;
    throw InputError(fmt::format(
        "--{}: has no effect on a trace unless --long-requests says what becomes of longer requests", flag));
  }
  const std::int32_t context = limited ? context_of(scenario) : std::numeric_limits<std::int32_t>::max();
  WorkloadRows made = rows_of(options, scenario, context);
  if (limited) check_context(made, scenario, context);
  const std::string& format = trace_of(scenario.workload)->format;
  made.source += fmt::format(", {}{}", format, format == "model" ? "" : " format");
  return made;
}

// Whether block characters will be seen as such: by people, at a terminal whose locale says so.
bool wants_unicode(const Options& options) {
  if (options.has("out") || !terminal_width(STDOUT_FILENO)) return false;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
    const std::string_view locale = value ? value : "";
    if (!locale.empty()) return locale.find("UTF-8") != locale.npos || locale.find("utf8") != locale.npos;
  }
  return false;
}

std::string inspect(const Options& options) {
  const bool file = options.words().size() > 1;
  const WorkloadRows made = file ? rows_of_file(options) : rows_of_scenario(options);
  const auto trace = trace_of((file ? options.scenario_of_trace(file_of(options)) : options.scenario()).workload);
  Content content;
  if (trace || made.content) content = make_workload(made.source, made.rows, content_of(made, trace.get())).content;
  const WorkloadFigures figures = inspect_workload(made.rows, content);
  if (options.has("json")) return workload_json(made.source, figures);
  return describe_workload(made.source, figures, wants_unicode(options) ? PlotStyle::unicode : PlotStyle::ascii);
}

std::string generate(const Options& options) {
  if (options.words().size() > 1) {
    throw InputError(fmt::format("workload: generate takes flags, not the word {}", in_quotes(options.words()[1])));
  }
  return as_text(rows_of_scenario(options), trace_of(options.scenario().workload).get());
}

std::string convert(const Options& options) {
  return as_text(rows_of_file(options), trace_of(options.scenario_of_trace(file_of(options)).workload).get());
}

std::string fit(const Options& options) {
  for (const std::string& flag : options.given_fields()) {
    if (flag == "time-unit" || flag == "trace-columns" || flag == "hash-id-tokens") continue;
    throw InputError(fmt::format("--{}: has no effect on fit, which takes the trace as it is", flag));
  }
  const WorkloadSpec spec = options.scenario_of_trace(file_of(options)).workload;
  const TraceReading reading{.time_unit = spec.time_unit,
                             .columns = parse_trace_columns(spec.trace_columns, "--trace-columns"),
                             .hash_id_tokens = spec.hash_id_tokens};
  const std::filesystem::path file = spec.trace;
  const auto trace = shared_trace(spec.trace, reading);  // read once: it may be a pipe
  if (trace->format == "model") {
    throw InputError(fmt::format("{}: is a model of a trace; fit takes the trace", file.string()));
  }
  if (trace->rows.size() < 2) {
    throw InputError(fmt::format("{}: holds 1 request; a model needs at least 2", file.string()));
  }
  if (trace->content.ids.num_rows() == 0) return fit_trace_model(file.filename().string(), trace->rows);
  const SessionModel model = fit_sessions(file.filename().string(), *trace);
  std::cerr << hit_rate_lines(compare_hit_rates(*trace, model));
  return model.json();
}

// All that a workload does not depend on; and what only metrics do.
std::set<std::string> flags_of_replicas() {
  std::set<std::string> flags;
  for (const ScenarioField& field : scenario_fields()) {
    const bool context =
        field.flag == "max-tokens" || field.flag == "max-model-len" || field.flag == "replica-scheduler";
    const bool shapes = field.section == "workload" || field.section == "seeds" || context;
    const bool counts = field.flag == "warm-up-share" || field.flag == "warm-up-requests";
    if (!shapes || counts || field.flag == "held-out-seeds") flags.insert(field.flag);
  }
  return flags;
}

struct Action {
  std::string name;
  std::string (*run)(const Options&);
};

const std::vector<Action>& actions() {
  static const std::vector<Action> all = {
      {"inspect", inspect}, {"generate", generate}, {"convert", convert}, {"fit", fit}};
  return all;
}

std::vector<std::string> action_names() {
  std::vector<std::string> names;
  for (const Action& action : actions()) names.push_back(action.name);
  return names;
}

}  // namespace

Options declare_workload() {
  Options options(
      "workload inspect|generate|convert|fit [FILE]",
      "inspect [FILE]   rates, lengths, burstiness and reuse of prompts of a trace, in figures and plots, or of a\n"
      "                 scenario's workload\n"
      "generate         a scenario's workload as a CSV in Vidur's columns\n"
      "convert FILE     a trace file as a CSV in Vidur's columns; flags as --duration, --time-scale, --seed change it "
      "as\n"
      "                 they would a run of it\n"
      "fit FILE         a small model of the trace, to share and replay where the trace is not (README of\n"
      "                 core/workload); --workload takes it\n"
      "example: switchyard workload inspect azure-conv\n"
      "example: switchyard workload generate --scenario azure-conv --seed 42 --out conv42.csv",
      2);
  options.file("out", "file to write, in place of stdout")
      .toggle("json", "inspect: figures as JSON")
      .scenario_flags(flags_of_replicas())
      .word_candidates(action_names());
  return options;
}

int command_workload(const Options& options) {
  if (options.words().empty()) {
    throw InputError(fmt::format("workload: say what to do: {}", fmt::join(action_names(), ", ")));
  }
  for (const Action& action : actions()) {
    if (action.name != options.words()[0]) continue;
    if (options.has("json") && action.run != inspect) {
      throw InputError(fmt::format("--json: contradicts {}: it is for inspect", action.name));
    }
    check_output_file(options, "out");
    const std::string text = action.run(options);
    if (options.has("out")) {
      write_file(options.text("out"), text);
    } else {
      std::cout << text;
    }
    return 0;
  }
  throw unknown_name("workload", "action", options.words()[0], action_names());
}

}  // namespace switchyard
