#include "core/cluster/engine_options.hpp"

#include <limits>
#include <type_traits>

namespace switchyard {

namespace {

template <EngineKind kind, class Options>
constexpr bool kHasPlaceOf =
    std::is_same_v<std::variant_alternative_t<static_cast<std::size_t>(kind), EngineOptions>, Options>;
static_assert(kHasPlaceOf<EngineKind::vllm_v0, VllmV0Options> && kHasPlaceOf<EngineKind::sarathi, SarathiOptions> &&
              kHasPlaceOf<EngineKind::orca, OrcaOptions> && kHasPlaceOf<EngineKind::vllm_v1, VllmV1Options>);

ReplicaLimits limits(const VllmV0Options& options) {
  return {.engine = EngineKind::vllm_v0,
          .num_blocks = options.num_blocks,
          .block_size = options.block_size,
          .watermark_blocks = options.watermark_blocks,
          .batch_size_cap = options.batch_size_cap,
          .batch_tokens = options.max_tokens_in_batch,
          .max_tokens = options.max_tokens};
}

ReplicaLimits limits(const SarathiOptions& options) {
  return {.engine = EngineKind::sarathi,
          .num_blocks = options.num_blocks,
          .block_size = options.block_size,
          .watermark_blocks = options.watermark_blocks,
          .batch_size_cap = options.batch_size_cap,
          .batch_tokens = options.chunk_size,
          .max_tokens = options.max_tokens};
}

ReplicaLimits limits(const OrcaOptions& options) {
  return {.engine = EngineKind::orca,
          .num_blocks = options.num_blocks,
          .block_size = options.block_size,
          .watermark_blocks = 0,
          .batch_size_cap = options.batch_size_cap,
          .batch_tokens = std::numeric_limits<std::int32_t>::max(),
          .max_tokens = options.max_tokens};
}

ReplicaLimits limits(const VllmV1Options& options) {
  return {.engine = EngineKind::vllm_v1,
          .num_blocks = options.num_gpu_blocks - 1,
          .block_size = options.block_size,
          .watermark_blocks = 0,
          .batch_size_cap = options.max_num_seqs,
          .batch_tokens = options.max_num_batched_tokens,
          .max_tokens = options.max_model_len};
}

}  // namespace

EngineKind engine_of(const EngineOptions& options) { return static_cast<EngineKind>(options.index()); }

ReplicaLimits limits_of(const EngineOptions& options) {
  return std::visit([](const auto& engine) { return limits(engine); }, options);
}

}  // namespace switchyard
