// The step of an engine as a few fitted numbers and the shape of its model:
//   overhead + GEMM(T) + e T + decode(sum of contexts) + prefill + s n
//   GEMM(T)   = ((w (1 + d log2 T))^m + (f T)^m)^(1/m)
//   decode(K) = A + a K (1 - exp(-(a K / A)^1.5)), 0 without decodes
//   prefill   = sum over prompts of A + p c + f r c (q + c / 2)
// w: ms to read the weights, d: what tile sizes cost at each doubling of the tokens, f: ms of a token's share of the
// GEMMs, s: ms a request, A: ms that the attention kernels of all layers take at least, a: ms to read the KV of a
// token, p: ms that attention takes for a token of a prompt by itself, r: operations of attention per query and key by
// those of the GEMMs per token. With A, d and p of 0 and m = 3 it is a plain roofline.
#pragma once

#include <memory>
#include <string>

#include "core/cost/step_times.hpp"
#include "core/input/json_file.hpp"

namespace switchyard {

struct RooflineNumbers {
  double overhead_ms = 0;
  double weights_ms = 0;        // w
  double token_ms = 0;          // f
  double request_ms = 0;        // s
  double context_token_ms = 0;  // a
  double activation_ms = 0;     // e, with all-reduces
  double attention_ratio = 0;   // r
  double most_tokens = 0;       // of a step that was measured; more is outside
  double most_requests = 0;
  double weights_error = 0;  // standard errors of w, f and s, relative to them
  double token_error = 0;
  double request_error = 0;
  double sharpness = 3;         // m
  double rise = 0;              // d
  double attention_ms = 0;      // A
  double prompt_token_ms = 0;   // p
  double request_error_ms = 0;  // standard error of s where s may be 0; then request_error is 0
};

class TiedRoofline final : public StepTimes {
 public:
  explicit TiedRoofline(const RooflineNumbers& numbers) : numbers_(numbers) {}

  double milliseconds(const BatchShape& step, bool& outside) const override;
  double prefill_attention(std::int64_t, std::int64_t, bool&) const override { return 0; }  // in the sum of products
  std::string_view kind() const override { return "tied_roofline"; }
  std::string json() const override;
  static std::shared_ptr<const TiedRoofline> from_json(const JsonFile& file, const std::string& pointer);

  const RooflineNumbers& numbers() const { return numbers_; }

 private:
  RooflineNumbers numbers_;
};

}  // namespace switchyard
