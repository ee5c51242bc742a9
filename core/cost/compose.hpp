// A profile of a model that nobody has run, from the times of the operators that it consists of.
#pragma once

#include <string>

#include "core/cost/composed_times.hpp"
#include "core/cost/gpu.hpp"
#include "core/cost/operator_tables.hpp"
#include "core/cost/step_profile.hpp"
#include "core/cost/transformer.hpp"

namespace switchyard {

struct Deployment {
  Gpu gpu;
  std::int32_t tensor_parallel = 1;
  std::string dtype = "bf16";  // of the layers' weights; bf16 or fp8. Head and KV cache are bf16
};

// The fields of OperatorSum that the host decides, as real runs on H100 told them (README.md): 0.6 ms a step, with
// four GPUs and more 1.8 ms; derate 0.05.
inline constexpr double kHostMs = 0.6;
inline constexpr double kHostMsOfMany = 1.8;
inline constexpr double kDerate = 0.05;

// Throws InputError for what cannot be split over the GPUs, or was not measured.
OperatorSum compose_step(const OperatorTables& tables, const Transformer& model, const Deployment& deployment);

}  // namespace switchyard
