// Profiles of today's engines: how long their steps take and how much KV cache they have, as JSON.
#pragma once

#include <memory>
#include <string>

#include "core/cost/front_end.hpp"
#include "core/cost/kv_memory.hpp"
#include "core/cost/model_shape.hpp"
#include "core/cost/step_times.hpp"
#include "core/input/json_file.hpp"

namespace switchyard {

struct StepProfile {
  std::string name;
  std::string source;
  ModelShape shape;
  std::int32_t tensor_parallel = 1;
  std::string dtype = "bf16";
  KvMemory memory;
  FrontEnd front_end;
  double host_ms = 0;  // of each step; part of `times`
  std::shared_ptr<const StepTimes> times;
};

// Whether a JSON file holds such a profile, rather than one of profile.hpp or roofline.hpp.
bool is_step_profile(const JsonFile& file);

// Throws InputError.
StepProfile read_step_profile(const JsonFile& file);

std::string step_profile_json(const StepProfile& profile);

}  // namespace switchyard
