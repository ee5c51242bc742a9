// What a workload is made of, as a scenario file or the command line states it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/workload/known_traces.hpp"
#include "core/workload/trace_reading.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

enum class ArrivalKind : std::uint8_t { trace, vidur_poisson, poisson, gamma, lognormal, fixed };  // fixed: "static"
enum class LengthKind : std::uint8_t { trace, shuffle, resample, lognormal, fixed, uniform };

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
};

// The trace that a spec names, read as it says; none if it names none. Throws InputError for bad files.
std::shared_ptr<const TraceRows> trace_of(const WorkloadSpec& spec);

// Rows of a workload, arrivals not yet rounded to ticks.
struct WorkloadRows {
  std::string source;  // see Workload
  std::vector<RawRequest> rows;
  std::size_t num_cut = 0;      // rows that the context cut short
  std::size_t num_dropped = 0;  // rows that were left out because they are longer than the context
};

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
