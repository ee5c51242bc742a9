#include "search/cli/profile_compose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "core/cost/compose.hpp"
#include "core/input/error.hpp"
#include "core/input/write_file.hpp"

namespace switchyard {

namespace {

const std::vector<std::string> kDtypes = {"bf16", "fp8"};

std::string needed(const Options& options, const std::string& flag) {
  if (!options.has(flag)) throw InputError(fmt::format("profile compose: --{} is needed", flag));
  return options.text(flag);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

std::string dtype_of(const Options& options) {
  const std::string dtype = options.text("dtype", "bf16");
  if (std::find(kDtypes.begin(), kDtypes.end(), dtype) == kDtypes.end()) {
    throw unknown_name("--dtype", "data type", dtype, kDtypes);
  }
  return dtype;
}

double bytes_per_weight(const std::string& dtype) { return dtype == "fp8" ? 1 : 2; }

void declare_profile_compose(Options& options) {
  options.value("tables", "compose, fit of a benchmark: folder of operator tables")
      .value("gpu", "compose, fit: a100, h100, h200 or l40s", {"a100", "h100", "h200", "l40s"})
      .value("tp", "compose, fit: GPUs of a replica, tensor parallel (1)")
      .value("dtype", "compose, fit: weights of the layers, bf16 or fp8 (bf16)", kDtypes)
      .value("engine-version",
             "compose, fit with --tables: vLLM version of the tables; else the newest that has each operator")
      .value("host-ms", "compose, fit: host time a step, ms (0.6; with 4 GPUs and more 1.8; grids 0)")
      .value("per-request-us", "compose: host time for each request of a step, us (0)")
      .value("derate", "compose: how much slower a busy GPU is where it is not bound by memory (0.05)")
      .value("kv-tokens", "compose, fit: KV cache size from the engine's log; else planned from the GPU's memory")
      .value("max-num-batched-tokens", "compose, fit: the engine's (as vLLM on that GPU; fit: 8192)")
      .value("max-num-seqs", "compose, fit: the engine's, to plan its KV memory (256)");
}

int profile_compose(const Options& options) {
  Deployment deployment;
  deployment.gpu = gpu_by_name(needed(options, "gpu"));
  const Transformer model = load_transformer(needed(options, "model"));
  deployment.tensor_parallel = static_cast<std::int32_t>(options.whole("tp", 1, 1, 64));
  deployment.dtype = dtype_of(options);
  const OperatorTables tables(needed(options, "tables"), deployment.gpu.name, options.text("engine-version"));
  OperatorSum sum = compose_step(tables, model, deployment);
  sum.overhead_ms = options.number("host-ms", sum.overhead_ms, 0, 1000);
  sum.per_request_us = options.number("per-request-us", sum.per_request_us, 0, 1e6);
  sum.derate = options.number("derate", sum.derate, 0, 1);

  StepProfile profile;
  const std::string suffix =
      deployment.tensor_parallel > 1 ? fmt::format("-tp{}", deployment.tensor_parallel) : std::string();
  profile.name = options.text("name", fmt::format("{}-{}{}", deployment.gpu.name, model.name, suffix));
  profile.source = options.text(
      "source",
      fmt::format("composed of operator times of ai-dynamo/aiconfigurator (Apache-2.0): {}", joined(tables.files())));
  profile.shape = model.shape;
  profile.tensor_parallel = deployment.tensor_parallel;
  profile.dtype = deployment.dtype;
  profile.memory = plan_kv_memory(
      model, deployment.gpu.memory_bytes, bytes_per_weight(deployment.dtype), deployment.tensor_parallel,
      static_cast<std::int32_t>(options.whole("max-num-batched-tokens", deployment.gpu.batched_tokens, 1, 1 << 20)),
      static_cast<std::int32_t>(options.whole("max-num-seqs", 256, 1, 1 << 20)));
  profile.memory.kv_tokens = options.whole("kv-tokens", 0, 1, INT32_MAX);
  num_kv_blocks(profile.memory, 0.1, 16);  // whether the model fits at all, by vLLM's default share
  profile.times = std::make_shared<ComposedTimes>(std::move(sum));

  for (const std::string& cell : tables.broken_cells()) std::cerr << cell << "\n";
  const std::string json = step_profile_json(profile);
  if (options.has("out")) {
    write_file(options.text("out"), json);
  } else {
    std::cout << json;
  }
  return 0;
}

}  // namespace switchyard
