// The step of an engine as three fitted numbers and the shape of its model:
//   overhead + (w^3 + (f T)^3)^(1/3) + a (sum of contexts) + f r (sum of c (q + c / 2)) + s n
// w: ms to read the weights, f: ms of a token's share of the GEMMs, s: ms a request. Tied to them, as a light run
// does not tell them apart: a = w times the bytes of a token's KV per byte of weights (both are read from memory), and
// r, the floating-point operations of attention per query and key by those of the GEMMs per token.
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
