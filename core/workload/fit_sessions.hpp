// Boils a trace with prompts in common down to a model of it (session_model.hpp).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/workload/known_traces.hpp"
#include "core/workload/session_model.hpp"

namespace switchyard {

// The model of a trace whose rows say what they hold; `name` is the file's, as models name it. The same for the same
// rows. Throws InputError for fewer than 2 requests.
SessionModel fit_sessions(const std::string& name, const TraceRows& trace);

// How well a model's hit-rate curve follows its trace's, at five sizes of a cache that has all requests.
struct HitRates {
  std::int64_t cache_tokens = 0;
  double trace = 0, model = 0;
};
std::array<HitRates, 5> compare_hit_rates(const TraceRows& trace, const SessionModel& model);

// The same as lines of text.
std::string hit_rate_lines(const std::array<HitRates, 5>& rates);

}  // namespace switchyard
