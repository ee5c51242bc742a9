// How KV moves from replicas that prefill to those that decode. The ports are the replicas' own (cluster_fields.cpp).
#include "core/scenario/field_declaration.hpp"

namespace switchyard {

Fields transfer_fields() {
  constexpr double kFastest = 1e6;
  Fields fields("transfers");
  fields
      .real("link_gb_s", "kv-link-gb-s", SWITCHYARD_MEMBER(kv_link_gb_s), 0, kFastest,
            "what the link between two replicas carries of KV, GB/s (10^9 bytes); 0: no limit but those of their ports")
      .of({EngineKind::vllm_v1}, "link")
      .real("latency_s", "kv-latency", SWITCHYARD_MEMBER(kv_latency_s), 0, 10,
            "what a transfer takes before its first byte, s")
      .of({EngineKind::vllm_v1}, "latency of transfers")
      .integer("bytes_per_token", "kv-bytes-per-token", SWITCHYARD_MEMBER(kv_bytes_per_token), 0, 1e8,
               "of KV that move for a token; 0: 4 * layers * KV heads * head dimension of the model")
      .of({EngineKind::vllm_v1}, "bytes that move")
      .left_out_at_defaults();
  return fields;
}

}  // namespace switchyard
