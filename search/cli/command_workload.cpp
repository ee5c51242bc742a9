#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <limits>

#include "core/input/error.hpp"
#include "core/input/write_file.hpp"
#include "core/workload/fit.hpp"
#include "core/workload/inspect.hpp"
#include "core/workload/known_traces.hpp"
#include "core/workload/spec.hpp"
#include "results/terminal.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"

namespace switchyard {

namespace {

struct Rows {
  std::string source;
  std::vector<RawRequest> rows;
};

// The workload of the scenario that the flags describe, before it is fitted to replicas.
Rows rows_of_scenario(const Options& options) {
  const Scenario scenario = options.scenario();
  const bool cut = scenario.long_requests_rule() == LongRequests::cut;
  Rows made;
  made.rows = make_rows(scenario.workload, scenario.seed,
                        cut ? scenario.max_tokens : std::numeric_limits<std::int32_t>::max(), &made.source);
  if (made.rows.empty()) throw InputError("--duration: no request arrives within it");
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

const std::string& file_of(const Options& options) {
  if (options.words().size() < 2) throw InputError("workload: a trace file is missing (see --help)");
  return options.words()[1];
}

// The rows of a file, a model or a known trace, and what it is.
Rows rows_of_file(const Options& options) {
  TraceRows trace = load_trace(file_of(options));
  return {fmt::format("{}, {}{}", trace.source, trace.format, trace.format == "model" ? "" : " format"),
          std::move(trace.rows)};
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
  const Rows made = options.words().size() > 1 ? rows_of_file(options) : rows_of_scenario(options);
  const WorkloadFigures figures = inspect_workload(made.rows);
  if (options.has("json")) return workload_json(made.source, figures);
  return describe_workload(made.source, figures, wants_unicode(options) ? PlotStyle::unicode : PlotStyle::ascii);
}

std::string generate(const Options& options) {
  if (options.words().size() > 1) {
    throw InputError(fmt::format("workload: generate takes flags, not the word {}", in_quotes(options.words()[1])));
  }
  return as_csv(rows_of_scenario(options).rows);
}

std::string convert(const Options& options) { return as_csv(rows_of_file(options).rows); }

std::string fit(const Options& options) { return fit_trace_model(file_of(options)); }

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
      "inspect [FILE]   rates, lengths and burstiness of a trace, in figures and plots, or of a scenario's workload\n"
      "generate         a scenario's workload as a CSV in Vidur's columns\n"
      "convert FILE     a trace file as a CSV in Vidur's columns\n"
      "fit FILE         a small model of the trace, to share and replay where the trace is not (README of\n"
      "                 core/workload); --workload takes it\n"
      "example: switchyard workload inspect azure-conv\n"
      "example: switchyard workload generate --scenario azure-conv --seed 42 --out conv42.csv",
      2);
  options.value("out", "file to write, in place of stdout")
      .toggle("json", "inspect: figures as JSON")
      .scenario_flags()
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
