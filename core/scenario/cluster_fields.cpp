// The replicas: how many, and the options of their engine. vllm_v1's carry vLLM's names and defaults, so that a command
// line can be copied.
#include "core/scenario/field_declaration.hpp"

namespace switchyard {

Fields cluster_fields() {
  using enum EngineKind;
  static_assert(static_cast<int>(OutputEnds::stop) == 1);  // as its choices below
  static_assert(static_cast<int>(Role::prefill) == 1 && static_cast<int>(Role::decode) == 2);
  const EngineSet before_v1 = {vllm_v0, sarathi, orca};
  const auto planned = [](const Scenario& s) {
    return (s.replica_scheduler == vllm_v1 ? s.num_gpu_blocks : s.num_blocks) == 0;
  };
  const char* planned_words = "--num-blocks is 0 (vllm_v1: --num-gpu-blocks)";
  const auto asynchronous = [](const Scenario& s) { return s.async_scheduling; };
  Fields fields("cluster");
  fields.integer("replicas", "replicas", SWITCHYARD_MEMBER(replicas), 1, 100000, "number of replicas")
      .only_if("--group is not given", [](const Scenario& s) { return s.groups.empty(); })
      .groups("groups", "group", SWITCHYARD_MEMBER(groups),
              "replicas that are not alike: groups of so many, and what differs from the rest of the scenario by the "
              "names of its fields in cluster and cost; as a flag, one group each time: 'count=2,num_gpu_blocks=9000'")
      .later()
      .choice("replica_scheduler", "replica-scheduler", SWITCHYARD_MEMBER(replica_scheduler), engine_names(),
              "the engine: how a replica forms batches")
      .also_choice("vllm", "vllm_v0")
      .integer("chunk_size", "chunk-size", SWITCHYARD_MEMBER(chunk_size), 1, kMostTokens, "tokens per batch")
      .of({sarathi}, "tokens of a batch")
      .integer("batch_size_cap", "batch-size-cap", SWITCHYARD_MEMBER(batch_size_cap), 1, 100000,
               "requests per batch, at most")
      .of(before_v1, "running requests")
      .integer("max_tokens_in_batch", "max-tokens-in-batch", SWITCHYARD_MEMBER(max_tokens_in_batch), 1, kMostTokens,
               "tokens per prefill batch, at most")
      .of({vllm_v0}, "tokens of a batch")
      .integer("max_tokens", "max-tokens", SWITCHYARD_MEMBER(max_tokens), 2, kMostTokens,
               "context: prompt + output of a request, tokens")
      .of(before_v1, "context")
      .integer("block_size", "block-size", SWITCHYARD_MEMBER(block_size), 1, 4096, "tokens per KV block")
      .integer("num_blocks", "num-blocks", SWITCHYARD_MEMBER(num_blocks), 0, 1e8,
               "KV blocks per replica; 0: planned from the GPU's memory")
      .of(before_v1, "KV blocks")
      .real("watermark", "watermark", SWITCHYARD_MEMBER(watermark), 0, 0.5,
            "share of KV blocks kept free when a request is admitted")
      .of({vllm_v0, sarathi}, "watermark")
      .integer("num_gpu_blocks", "num-gpu-blocks", SWITCHYARD_MEMBER(num_gpu_blocks), 0, 1e8,
               "KV blocks per replica, with block 0, which is never given out; 0: planned from the GPU's memory")
      .of({vllm_v1}, "KV blocks")
      .also_flag("num-gpu-blocks-override")
      .integer("max_num_batched_tokens", "max-num-batched-tokens", SWITCHYARD_MEMBER(max_num_batched_tokens), 1,
               kMostTokens, "the budget: tokens that one step computes, at most")
      .of({vllm_v1}, "tokens of a batch")
      .integer("max_num_seqs", "max-num-seqs", SWITCHYARD_MEMBER(max_num_seqs), 1, 100000,
               "requests that run at once, at most")
      .of({vllm_v1}, "running requests")
      .integer("max_model_len", "max-model-len", SWITCHYARD_MEMBER(max_model_len), 0, kMostTokens,
               "context: prompt + output of a request, tokens; 0: the profile's")
      .of({vllm_v1}, "context")
      .integer("long_prefill_token_threshold", "long-prefill-token-threshold",
               SWITCHYARD_MEMBER(long_prefill_token_threshold), 0, kMostTokens,
               "tokens of one request in one step, at most; 0: no such limit")
      .of({vllm_v1}, "chunk")
      .on_off("enable_prefix_caching", "enable-prefix-caching", SWITCHYARD_MEMBER(enable_prefix_caching),
              "whether KV blocks are found again by their content")
      .of({vllm_v1}, "prefix cache")
      .on_off("reserve_full_prompt", "reserve-full-prompt", SWITCHYARD_MEMBER(reserve_full_prompt),
              "whether admission asks for room for all tokens of a request, not only for its first chunk")
      .of({vllm_v1}, "admission")
      .also_flag("scheduler-reserve-full-isl")
      .on_off("async_scheduling", "async-scheduling", SWITCHYARD_MEMBER(async_scheduling),
              "whether a step is planned while the one before it runs")
      .of({vllm_v1}, "asynchronous scheduling")
      .choice("output_ends", "output-ends", SWITCHYARD_MEMBER(output_ends), {"length", "stop"},
              "how the engine learns that an output ends: its length is known, or a stop token comes up")
      .of({vllm_v1}, "end of output")
      .only_if("--async-scheduling is on", asynchronous)
      .real("sleep_after_empty_plan_ms", "sleep-after-empty-plan-ms", SWITCHYARD_MEMBER(sleep_after_empty_plan_ms), 0,
            1000, "how long the engine's loop gives way when it has planned nothing, ms")
      .of({vllm_v1}, "sleep")
      .only_if("--async-scheduling is on", asynchronous)
      .real("gpu_memory_gib", "gpu-memory-gib", SWITCHYARD_MEMBER(gpu_memory_gib), 1, 100000, "GPU memory, GiB")
      .only_if(planned_words, planned)
      .real("memory_margin", "memory-margin", SWITCHYARD_MEMBER(memory_margin), 0, 0.9, "share of GPU memory not used")
      .only_if(planned_words, planned)
      .choice("role", "role", SWITCHYARD_MEMBER(role), {"both", "prefill", "decode"},
              "what replicas are there for, where prefill and decode are apart: a field of groups")
      .of({vllm_v1}, "role")
      .left_out_at_default()
      .real("kv_port_gb_s", "kv-port-gb-s", SWITCHYARD_MEMBER(kv_port_gb_s), 0, 1e6,
            "what a replica's port carries of KV that moves, each way, GB/s (10^9 bytes); 0: no limit")
      .of({vllm_v1}, "port")
      .left_out_at_default();
  return fields;
}

}  // namespace switchyard
