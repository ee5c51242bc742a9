// Makes workloads from their specs.
#include <fmt/format.h>

#include <algorithm>

#include "core/input/error.hpp"
#include "core/workload/arrivals.hpp"
#include "core/workload/bootstrap.hpp"
#include "core/workload/generators.hpp"
#include "core/workload/lengths.hpp"
#include "core/workload/python_random.hpp"
#include "core/workload/random.hpp"
#include "core/workload/session_draw.hpp"
#include "core/workload/spec.hpp"

namespace switchyard {

namespace {

bool takes_arrivals(const WorkloadSpec& spec) { return spec.arrivals == ArrivalKind::trace; }

bool takes_lengths(const WorkloadSpec& spec) {
  return spec.lengths == LengthKind::trace || spec.lengths == LengthKind::shuffle ||
         spec.lengths == LengthKind::resample || spec.lengths == LengthKind::sessions;
}

void check_spec(const WorkloadSpec& spec) {
  if (spec.generator != GeneratorKind::none && takes_arrivals(spec)) {
    throw InputError(
        "--arrivals: is trace, which contradicts --generator; say when requests or sessions begin, as by poisson");
  }
  if (spec.generator != GeneratorKind::none && takes_lengths(spec) && spec.lengths != LengthKind::resample) {
    throw InputError(
        "--lengths: contradicts --generator, whose parts are drawn: lognormal, fixed, uniform or resample");
  }
  if (spec.trace.empty() && takes_arrivals(spec)) {
    throw InputError("--arrivals: is trace, but no trace is named (--workload)");
  }
  if (spec.trace.empty() && takes_lengths(spec)) {
    throw InputError(
        "--lengths: takes rows of a trace, but no trace is named (--workload); synthetic lengths are "
        "lognormal, fixed, uniform");
  }
  if (spec.lengths == LengthKind::sessions && takes_arrivals(spec)) {
    throw InputError("--lengths: sessions are drawn, so that --arrivals must say when they begin, as by poisson");
  }
  if (spec.lengths == LengthKind::sessions && (spec.inflate_prompt_share > 0 || spec.inflate_output_share > 0)) {
    throw InputError(fmt::format("--{}: contradicts --lengths sessions: prompts contain what was said before them",
                                 spec.inflate_prompt_share > 0 ? "inflate-prompt-share" : "inflate-output-share"));
  }
  if (!spec.trace.empty() && !takes_arrivals(spec) && !takes_lengths(spec)) {
    throw InputError(
        fmt::format("--workload: names the trace {}, but neither --arrivals nor --lengths takes anything "
                    "from it; leave it empty, or name trace, shuffle or resample there",
                    in_quotes(spec.trace)));
  }
}

TraceHalf half_of(const WorkloadSpec& spec, std::uint64_t seed) {
  return seed < spec.held_out_from ? TraceHalf::first : TraceHalf::second;
}

// All of a request but its arrival.
void copy_request(const RawRequest& from, RawRequest& to) {
  const double arrived_at_s = to.arrived_at_s;
  to = from;
  to.arrived_at_s = arrived_at_s;
  to.parent = to.session = -1;  // what it waited for is not there
  to.think_s = 0;
}

// Rows of the trace as the lengths of `rows`. Where the trace runs out, it begins again (shuffled anew).
void take_lengths(const WorkloadSpec& spec, std::uint64_t seed, const std::vector<RawRequest>& trace,
                  std::vector<RawRequest>& rows) {
  if (spec.lengths == LengthKind::resample) {
    WorkloadRandom random(seed, WorkloadRandom::Purpose::lengths);
    for (RawRequest& row : rows) copy_request(trace[random.below(trace.size())], row);
  } else if (spec.lengths == LengthKind::shuffle) {
    NumpyRandom random(seed);
    std::vector<std::uint32_t> order;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i % trace.size() == 0) order = random.permutation(trace.size());
      copy_request(trace[order[i % trace.size()]], rows[i]);
    }
  } else {
    for (std::size_t i = 0; i < rows.size(); ++i) copy_request(trace[i % trace.size()], rows[i]);
  }
}

// The trace's own arrivals at the scenario's pace, cut to its duration and number.
void scale_and_cut(const WorkloadSpec& spec, std::vector<RawRequest>& rows) {
  for (RawRequest& row : rows) row.arrived_at_s /= spec.time_scale;
  if (spec.duration_s > 0) {
    rows.erase(std::find_if(rows.begin(), rows.end(),
                            [&](const RawRequest& row) { return row.arrived_at_s >= spec.duration_s; }),
               rows.end());
  }
  if (spec.num_requests > 0 && rows.size() > static_cast<std::size_t>(spec.num_requests)) {
    rows.resize(static_cast<std::size_t>(spec.num_requests));
  }
  if (!rows.empty() && rows.back().arrived_at_s > kMaxArrivalSeconds) {
    throw InputError(
        fmt::format("--workload: the trace goes on to {:.0f} s at --time-scale {}; the latest arrival allowed is at "
                    "{:.0f} s (cut it with --duration, or speed it up with --time-scale)",
                    rows.back().arrived_at_s, spec.time_scale, kMaxArrivalSeconds));
  }
}

// Outputs are at least the spec's least; what that adds beyond the context comes off the prompt.
void raise_outputs(const WorkloadSpec& spec, std::int32_t max_tokens, RawRequest& row) {
  const std::int32_t output = std::max(row.num_decode_tokens, spec.output_min);
  set_lengths(row, std::min(row.num_prefill_tokens, max_tokens - output), output);
}

// Whether later turns wait for earlier ones.
bool closed_loop(const WorkloadSpec& spec, const TraceRows& trace) {
  if (spec.turn_arrivals == TurnArrivals::by_trace) return trace.sessions.says_thinks;
  return spec.turn_arrivals == TurnArrivals::closed;
}

void check_clocks(const TraceRows& trace) {
  if (!trace.sessions.own_clocks) return;
  throw InputError(
      fmt::format("--arrivals: is trace, but {} does not say when its sessions began; draw that, as by --arrivals "
                  "poisson --lengths sessions --qps 0.1 --duration 600",
                  trace.source));
}

}  // namespace

std::shared_ptr<const TraceRows> trace_of(const WorkloadSpec& spec) {
  if (spec.trace.empty()) return nullptr;  // if it must not be, make_rows says so
  check_spec(spec);
  return shared_trace(spec.trace, {.time_unit = spec.time_unit,
                                   .columns = parse_trace_columns(spec.trace_columns, "--trace-columns"),
                                   .arrivals = takes_arrivals(spec),
                                   .hash_id_tokens = spec.hash_id_tokens});
}

const TraceContent& content_of(const WorkloadRows& rows, const TraceRows* trace) {
  return rows.content ? *rows.content : content_of(trace);
}

WorkloadRows make_rows(const WorkloadSpec& spec, const TraceRows* trace, std::uint64_t seed, std::int32_t max_tokens) {
  check_spec(spec);
  if (spec.output_min >= max_tokens) {
    throw InputError(fmt::format("--output-min: is {}; with a context (--max-tokens) of {} it must be below that",
                                 spec.output_min, max_tokens));
  }
  WorkloadRows made{.source = trace ? trace->source : "synthetic"};
  if (spec.generator != GeneratorKind::none) {
    const std::string of_trace = made.source;
    made = generate_requests(spec, seed, trace ? &trace->rows : nullptr);
    if (trace) made.source = fmt::format("{}, lengths of {}", made.source, of_trace);
  } else if (spec.lengths == LengthKind::sessions) {
    made.rows = draw_sessions(spec, trace->rows, seed, generate_arrivals(spec, seed));
  } else if (takes_arrivals(spec)) {
    check_clocks(*trace);
    made.rows = seed == 0 ? trace->rows : bootstrap_trace(trace->rows, seed, half_of(spec, seed));
    if (!closed_loop(spec, *trace)) {
      for (RawRequest& row : made.rows) row.parent = -1;
    }
    scale_and_cut(spec, made.rows);
  } else {
    for (const double time : generate_arrivals(spec, seed)) made.rows.push_back({.arrived_at_s = time});
  }
  if (spec.generator != GeneratorKind::none || spec.lengths == LengthKind::sessions) {
    // They have theirs.
  } else if (!takes_lengths(spec)) {
    draw_lengths(spec, seed, made.rows);
  } else if (!takes_arrivals(spec) || spec.lengths != LengthKind::trace) {
    take_lengths(spec, seed, trace->rows, made.rows);
  }
  inflate_lengths(spec, seed, made.rows);
  for (RawRequest& row : made.rows) {
    const RawRequest whole = row;
    cut_to_context(row, max_tokens);
    raise_outputs(spec, max_tokens, row);
    made.num_cut +=
        row.num_prefill_tokens < whole.num_prefill_tokens || row.num_decode_tokens < whole.num_decode_tokens;
  }
  return made;
}

Workload make_workload(const WorkloadSpec& spec, const TraceRows* trace, std::uint64_t seed, std::int32_t max_tokens) {
  WorkloadRows made = make_rows(spec, trace, seed, max_tokens);
  Workload workload = make_workload(std::move(made.source), made.rows, content_of(made, trace), spec.concurrency);
  workload.num_cut = made.num_cut;
  return workload;
}

Workload make_workload(const WorkloadSpec& spec, std::uint64_t seed, std::int32_t max_tokens) {
  return make_workload(spec, trace_of(spec).get(), seed, max_tokens);
}

std::vector<RawRequest> make_rows(const WorkloadSpec& spec, std::uint64_t seed, std::int32_t max_tokens,
                                  std::string* source) {
  WorkloadRows made = make_rows(spec, trace_of(spec).get(), seed, max_tokens);
  if (source) *source = std::move(made.source);
  return std::move(made.rows);
}

}  // namespace switchyard
