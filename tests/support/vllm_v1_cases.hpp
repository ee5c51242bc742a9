// Cases of vLLM's own scheduler: workloads and what became of each request, measured by running vLLM's code with the
// batch times of a table. Two folders have the same layout: the whole reference, and the cases that the project ships.
#pragma once

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/cluster/simulation.hpp"
#include "core/workload/hash_ids.hpp"

namespace switchyard {

struct VllmV1Case {
  std::filesystem::path folder;  // that holds cases.json
  nlohmann::json parameters;     // its entry there

  std::string name() const { return parameters.at("name"); }
  bool has_step_log() const { return parameters.value("steplog", false); }
  std::filesystem::path step_log() const { return folder / "steplogs" / (name() + ".jsonl"); }
  std::filesystem::path expected() const { return folder / "expected" / (name() + ".csv"); }

  VllmV1Options options() const {
    VllmV1Options options;
    options.num_gpu_blocks = parameters.at("num_gpu_blocks");
    options.max_num_batched_tokens = parameters.at("max_num_batched_tokens");
    options.max_num_seqs = parameters.at("max_num_seqs");
    options.max_model_len = parameters.at("max_model_len");
    options.long_prefill_token_threshold = parameters.at("long_prefill_token_threshold");
    options.enable_prefix_caching = parameters.at("prefix_caching");
    options.reserve_full_prompt = parameters.at("reserve_full_prompt");
    options.async_scheduling = parameters.value("async_scheduling", false);
    options.output_ends = parameters.value("output_ends", "length") == "stop" ? OutputEnds::stop : OutputEnds::length;
    options.sleep_after_empty_plan = parameters.value("sleep_after_empty_plan_ps", Time{0});
    return options;
  }

  ClusterConfig config(const CostModel& cost) const {
    return ClusterConfig::uniform(parameters.at("num_replicas"), ReplicaKind(options(), cost));
  }

  Workload workload() const {
    const std::string file = parameters.at("workload");
    std::ifstream in(folder / "workloads" / file);
    std::vector<RawRequest> rows;
    TraceContent content;
    content.hash_id_tokens = parameters.at("hash_id_tokens");
    for (std::string line; std::getline(in, line);) {
      const nlohmann::json request = nlohmann::json::parse(line);
      RawRequest& row = rows.emplace_back();
      row.arrived_at_s = request.at("arrived_at");
      row.num_prefill_tokens = request.at("num_prefill_tokens");
      row.num_decode_tokens = request.at("num_decode_tokens");
      if (!request.contains("hash_ids")) continue;
      row.content = content.ids.add(request.at("hash_ids").get<std::vector<std::int64_t>>());
      row.num_hashed_tokens = request.value("num_hashed_tokens", row.num_prefill_tokens);
    }
    return make_workload(file, rows, content);
  }

  // What the policies of the cases are called here.
  std::string router() const {
    const std::string router = parameters.at("router");
    return router == "single" ? "round_robin" : router;
  }
};

inline std::vector<VllmV1Case> vllm_v1_cases(const std::filesystem::path& folder) {
  std::ifstream in(folder / "cases.json");
  std::vector<VllmV1Case> cases;
  for (const nlohmann::json& parameters : nlohmann::json::parse(in)) cases.push_back({folder, parameters});
  return cases;
}

}  // namespace switchyard
