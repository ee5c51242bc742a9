#include "core/cost/compose.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

constexpr double kElementwiseEfficiency = 0.8;  // of the memory's bandwidth
constexpr double kMostStepTokens = 32768;
constexpr double kMostRequests = 4096;

void scale(Curve& curve, double factor) {
  for (double& value : curve.y) value *= factor;
}

// The sum of curves, at all their knots up to `most`.
Curve sum_of(const std::vector<Curve>& curves, double most) {
  std::set<double> positions;
  for (const Curve& curve : curves) positions.insert(curve.x.begin(), curve.x.end());
  Curve sum;
  for (const double x : positions) {
    if (x < 1) continue;  // less than a token of an all-reduce
    if (x > most) break;
    double y = 0;
    for (const Curve& curve : curves) y += curve.at(x);
    sum.x.push_back(x);
    sum.y.push_back(y);
  }
  return sum;
}

void check_split(const Transformer& model, std::int32_t gpus) {
  const auto check = [gpus](std::int64_t value, const char* what) {
    if (value % gpus != 0) {
      throw InputError(fmt::format("--tp: {} GPUs cannot share {} {} evenly", gpus, value, what));
    }
  };
  check(model.shape.num_q_heads, "query heads");
  check(model.shape.mlp_dim, "columns of the MLP");
  const std::int64_t kv = model.shape.num_kv_heads;
  if (kv % gpus != 0 && gpus % kv != 0) {
    throw InputError(fmt::format("--tp: {} GPUs cannot share {} KV heads evenly", gpus, kv));
  }
}

}  // namespace

OperatorSum compose_step(const OperatorTables& tables, const Transformer& model, const Deployment& deployment) {
  const ModelShape& shape = model.shape;
  const std::int32_t gpus = deployment.tensor_parallel;
  check_split(model, gpus);
  const std::string dtype = deployment.dtype == "bf16" ? "bfloat16" : deployment.dtype;
  const std::int64_t hidden = shape.embedding_dim, head = shape.head_dim, mlp = shape.mlp_dim / gpus;
  const std::int64_t query = shape.num_q_heads / gpus, kv = std::max(1, shape.num_kv_heads / gpus);

  std::vector<Curve> layer = {tables.gemm(dtype, (query + 2 * kv) * head, hidden),
                              tables.gemm(dtype, hidden, query * head)};
  // Bytes that norms with residuals, rotary embedding and norms of queries and keys move for a token.
  double bytes = 2.0 * static_cast<double>(hidden) * 8 + static_cast<double>((query + 2 * kv) * head) * 4;
  if (model.num_experts > 0) {
    layer.push_back(tables.experts(dtype, hidden, shape.mlp_dim, model.experts_per_token, model.num_experts, gpus));
  } else {
    layer.push_back(tables.gemm(dtype, 2 * mlp, hidden));
    layer.push_back(tables.gemm(dtype, hidden, mlp));
    bytes += 3.0 * static_cast<double>(mlp) * 2;
  }
  const double elementwise_us = 1e6 * bytes / (kElementwiseEfficiency * deployment.gpu.memory_bandwidth);
  layer.push_back({{0, kMostStepTokens}, {0, kMostStepTokens * elementwise_us}});
  if (gpus > 1) {
    Curve reduce = tables.all_reduce(gpus);
    scale(reduce, 2);
    for (double& elements : reduce.x) elements /= static_cast<double>(hidden);
    layer.push_back(std::move(reduce));
  }

  const double layers = 1e-3 * shape.num_layers;  // us of one layer to ms of all
  OperatorSum sum;
  sum.overhead_ms = gpus >= 4 ? kHostMsOfMany : kHostMs;
  sum.derate = kDerate;
  sum.tokens = sum_of(layer, kMostStepTokens);
  scale(sum.tokens, layers);
  sum.requests = sum_of({tables.gemm("bfloat16", (model.vocabulary + gpus - 1) / gpus, hidden)}, kMostRequests);
  scale(sum.requests, 1e-3);
  const Heads heads{static_cast<std::int32_t>(query), static_cast<std::int32_t>(kv), shape.head_dim};
  sum.decode = tables.decode_attention(heads);
  for (Curve& curve : sum.decode.curves) scale(curve, layers);
  sum.prefill = tables.prefill_attention(heads);
  scale(sum.prefill, layers);
  return sum;
}

}  // namespace switchyard
