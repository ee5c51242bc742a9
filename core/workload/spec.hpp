// What a workload is made of, as a scenario file or the command line states it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/workload/known_traces.hpp"
#include "core/workload/trace_reading.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

enum class ArrivalKind : std::uint8_t {
  trace,
  vidur_poisson,
  poisson,
  gamma,
  lognormal,
  fixed,  // "static"
  hyperexponential
};
enum class LengthKind : std::uint8_t { trace, shuffle, resample, lognormal, fixed, uniform, sessions };

// Requests that have prompts in common, made up (generators.hpp).
enum class GeneratorKind : std::uint8_t { none, tenants, chat, agents, retrieval };
enum class PrefixLengths : std::uint8_t { lognormal, even };

// When the later turns of a trace's sessions arrive: by_trace is closed where the trace says how long users took.
enum class TurnArrivals : std::uint8_t { by_trace, recorded, closed };

inline constexpr double kMostWave = 0.95;

struct WorkloadSpec {
  // A file, or one of the known traces (azure-conv, azure-code), which are read from the data folder if they are
  // there and drawn from the embedded model if not; or a model (.json) that `workload fit` made. Empty: arrivals and
  // lengths are both synthetic.
  std::string trace;
  TimeUnit time_unit = TimeUnit::by_format;  // of the times in the file
  std::string trace_columns;                 // "arrived_at=ts,...": what the file calls them; empty: by format
  std::int32_t hash_id_tokens = 0;           // how many tokens a hash id stands for; 0: by format
  ArrivalKind arrivals = ArrivalKind::trace;
  LengthKind lengths = LengthKind::trace;

  double qps = 2.0;                   // requests per second, synthetic arrivals
  double arrival_cv = 1.0;            // gamma: coefficient of variation of the gaps
  double arrival_sigma = 2.0;         // lognormal: sigma of the log of the gaps (their mean is 1 / qps)
  double duration_s = 0.0;            // requests that arrive at or after this are dropped; 0: no cut
  std::int32_t num_requests = 0;      // at most this many; 0: no limit
  double time_scale = 1.0;            // trace arrivals: times are divided by this (3: three times the load)
  std::uint64_t held_out_from = 100;  // trace arrivals: see seeds below

  double prompt_median = 0.0, prompt_sigma = 0.0;  // lognormal lengths, tokens
  double output_median = 0.0, output_sigma = 0.0;
  std::int32_t prompt_min = 1, prompt_max = 0;  // uniform (inclusive); fixed uses prompt_min and output_min
  std::int32_t output_min = 1, output_max = 0;  // output_min is also the least output of lognormal lengths
  double inflate_prompt_share = 0.0;            // this share of prompts, and independently of outputs, is multiplied
  double inflate_output_share = 0.0;
  double inflate_factor = 10.0;

  double burst_share = 0.2, burst_gap = 2.6;  // hyperexponential: this share of gaps has a mean of so many mean gaps
  double spike_factor = 1.0;                  // synthetic arrivals come so many times as fast ...
  double spike_from = 0.4, spike_to = 0.55;   // ... from this share of the time to that one
  double wave = 0.0;                          // their rate rises and falls by this share about qps ...
  double wave_period_s = 86'400;              // ... once in this time, and is lowest at 0

  TurnArrivals turn_arrivals = TurnArrivals::by_trace;
  std::int32_t concurrency = 0;       // so many clients, each with one request or session at a time; 0: no such limit
  double warm_up_share = 0.0;         // of all requests, the first, which metrics do not count
  std::int32_t warm_up_requests = 0;  // the same as a number

  // Sessions, of a generator or drawn from a trace.
  std::int32_t sessions_at_start = 0;  // under way at 0, each at a turn drawn at random; metrics leave them out
  std::int32_t turns_max = 20;         // of a session, at most; 0: no limit
  double think_max_s = 120.0;          // longer times to think are so long; 0: no limit
  GeneratorKind generator = GeneratorKind::none;
  double further_turns = 4.5;  // mean of the exponential, rounded down, of turns after the first
  double think_median_s = 12.0, think_sigma = 0.8;
  std::int32_t num_prefixes = 100;  // system prompts
  double prefix_zipf = 1.0;         // exponent of their popularity; 0: all alike
  PrefixLengths prefix_lengths = PrefixLengths::lognormal;
  double prefix_median = 3500.0, prefix_sigma = 0.8;
  std::int32_t prefix_min = 256, prefix_max = 24'000;
  double document_share = 0.0;  // of sessions that begin with one
  double document_median = 3500.0, document_sigma = 0.9;
  double tool_calls = 8.0;                       // mean of the exponential, rounded down, of calls in a turn
  double tool_median = 400.0, tool_sigma = 1.2;  // tokens that a call's result adds
  double tool_wait_median_s = 1.0, tool_wait_sigma = 1.0;
  std::int32_t num_passages = 2000;  // of the corpus
  double passage_zipf = 1.0;
  std::int32_t passages_per_request = 5;
  double passage_median = 400.0, passage_sigma = 0.5;
};

// The trace that a spec names, read as it says; none if it names none. Throws InputError for bad files.
std::shared_ptr<const TraceRows> trace_of(const WorkloadSpec& spec);

// Rows of a workload, arrivals not yet rounded to ticks.
struct WorkloadRows {
  std::string source;  // see Workload
  std::vector<RawRequest> rows;
  std::shared_ptr<const TraceContent> content;  // what rows point to; nullptr: the trace's
  std::size_t num_cut = 0;                      // rows that the context cut short
  std::size_t num_dropped = 0;                  // rows that were left out because they are longer than the context
};

// What these rows point to: their own content, or that of the trace that they are from.
const TraceContent& content_of(const WorkloadRows& rows, const TraceRows* trace);

// Makes the rows of one seed: a pure function of its arguments. `trace` is trace_of(spec); `max_tokens` is the context:
// longer requests are cut in proportion, as Vidur does.
//
// Trace arrivals: seed 0 is the trace as it is; seed k > 0 is a moving-block bootstrap of it (60 s blocks, arrivals
// and lengths together), from the first half of the trace's time below `held_out_from`, from that on from the second.
// Throws InputError for contradictory specs.
WorkloadRows make_rows(const WorkloadSpec& spec, const TraceRows* trace, std::uint64_t seed, std::int32_t max_tokens);
Workload make_workload(const WorkloadSpec& spec, const TraceRows* trace, std::uint64_t seed, std::int32_t max_tokens);

// The same with the trace loaded.
Workload make_workload(const WorkloadSpec& spec, std::uint64_t seed, std::int32_t max_tokens);
std::vector<RawRequest> make_rows(const WorkloadSpec& spec, std::uint64_t seed, std::int32_t max_tokens,
                                  std::string* source = nullptr);

}  // namespace switchyard
