// A measured run replayed: the same requests into one simulated engine of the same settings.
#pragma once

#include <vector>

#include "core/cost/cost_model.hpp"
#include "core/cost/front_end.hpp"
#include "core/measured/measured_run.hpp"

namespace switchyard {

// Where the time of the mean request goes, seconds.
struct MeanBreakdown {
  double front_end_s = 0;
  double waiting_s = 0;  // until the first step that computes its prompt
  double prefill_s = 0;  // until its first token
  double decode_s = 0;
  double host_s = 0;  // of prefill and decode: what the host took of each step
};

struct ReplayedRun {
  std::vector<MeasuredRequest> requests;  // as in the measured run
  std::vector<LoggedState> log;           // at the times of the measured one
  MeanBreakdown breakdown;
  std::int64_t num_steps = 0;
  std::int64_t num_extrapolated_steps = 0;
  std::int64_t num_preemptions = 0;
  std::int32_t num_blocks = 0;
};

// `run.engine.num_gpu_blocks` must be set. The front end is applied if the run's clock is a client's: a request arrives
// its latency later; its first token comes behind those of the step's decodes, its last behind half of them; and who
// finds the engine idle waits for the longer first step.
ReplayedRun replay_run(const MeasuredRun& run, const CostModel& cost, const FrontEnd& front_end, double host_ms);

}  // namespace switchyard
