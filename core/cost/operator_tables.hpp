// Measured times of single GPU operators, as aiconfigurator publishes them for vLLM (README.md, *Operator tables*), and
// what they say between their points.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/cost/curve.hpp"

namespace switchyard {

// Attention heads of one GPU.
struct Heads {
  std::int32_t query = 0;
  std::int32_t kv = 0;
  std::int32_t size = 0;
  auto operator<=>(const Heads&) const = default;
};

class OperatorTables {
 public:
  // The files GPU-VERSION-OPERATOR.csv of a folder, of the newest version that has the operator, or of `version`.
  // `gpu`: h100, or h100_sxm as the files say. Cells of the GEMM table that are slower than 0.6 of the rate of both
  // neighbours in m are broken, unless they stand right behind a tile: they are left out and named in broken_cells().
  // Throws InputError.
  OperatorTables(const std::filesystem::path& folder, std::string_view gpu, std::string_view version = "");

  // Microseconds of an (m x k) by (k x n) GEMM, as a curve over m whose last rate goes on. Between the (n, k) of the
  // table linear in the rate. Throws InputError for a data type that was not measured.
  Curve gemm(const std::string& dtype, std::int64_t n, std::int64_t k) const;

  // Microseconds of one layer's attention: decode over batch (the positions) and context; prefill of one prompt
  // over its length.
  CurveSet decode_attention(const Heads& heads) const;
  Curve prefill_attention(const Heads& heads) const;

  // Microseconds of one all-reduce over the number of bf16 elements, inside a CUDA graph.
  Curve all_reduce(std::int32_t gpus) const;

  // Microseconds of the experts' GEMMs of one layer over tokens, evenly routed.
  Curve experts(const std::string& dtype, std::int64_t hidden, std::int64_t mlp, std::int32_t active,
                std::int32_t experts, std::int32_t tensor_parallel) const;

  const std::vector<std::string>& broken_cells() const { return broken_cells_; }
  const std::vector<std::string>& files() const { return files_; }  // what was read, without the folder

 private:
  using GemmColumn = std::map<std::int64_t, Curve>;  // by n

  std::filesystem::path find(const std::string& what, bool optional = false);
  void read_gemm(const std::filesystem::path& file);
  void read_attention(const std::filesystem::path& decode, const std::filesystem::path& prefill);
  void read_all_reduce(const std::filesystem::path& file);
  void read_experts(const std::filesystem::path& file);

  std::filesystem::path folder_;
  std::string gpu_;
  std::string version_;
  std::map<std::string, std::map<std::int64_t, GemmColumn>> gemm_;  // by data type, k, n: us over m
  std::map<Heads, std::map<std::int32_t, Curve>> decode_;           // by batch: us over context
  std::map<Heads, Curve> prefill_;
  std::map<std::int32_t, Curve> all_reduce_;
  std::map<std::tuple<std::string, std::int64_t, std::int64_t, std::int32_t, std::int32_t, std::int32_t>, Curve>
      experts_;
  std::vector<std::string> broken_cells_;
  std::vector<std::string> files_;
};

}  // namespace switchyard
