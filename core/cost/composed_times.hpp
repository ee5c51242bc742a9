// The step of an engine as the sum of its operators, each measured alone:
//   overhead + tokens(T) + derate max(0, tokens(T) - tokens(256)) + requests(n) + n per_request
//            + decode(b, mean context) + prefill attention of each member
// T: tokens that the step computes, n: requests in it, b: decodes among them.
#pragma once

#include <memory>
#include <string>

#include "core/cost/curve.hpp"
#include "core/cost/step_times.hpp"
#include "core/input/json_file.hpp"

namespace switchyard {

struct OperatorSum {
  double overhead_ms = 0;     // of the host, a step
  double per_request_us = 0;  // of the host, a request in it
  double derate = 0;          // how much slower a GPU is that is busy all the time, in what is not bound by memory
  Curve tokens;               // ms over T: GEMMs, elementwise kernels, all-reduces
  Curve requests;             // ms over n: the head
  CurveSet decode;            // ms over batch (positions) and context
  Curve prefill;              // ms of a whole prompt over its length; between knots linear in the square of the length
};

class ComposedTimes final : public StepTimes {
 public:
  explicit ComposedTimes(OperatorSum sum);

  double milliseconds(const BatchShape& step, bool& outside) const override;

  // What the prefill of processed + chunk tokens takes more than that of the processed ones; at least the share of its
  // products of query and key.
  double prefill_attention(std::int64_t processed, std::int64_t chunk, bool& outside) const override;

  std::string_view kind() const override { return "operators"; }
  std::string json() const override;
  static std::shared_ptr<const ComposedTimes> from_json(const JsonFile& file, const std::string& pointer);

  const OperatorSum& sum() const { return sum_; }

 private:
  double whole_prefill(double length) const;

  OperatorSum sum_;
  double memory_bound_ = 0;  // tokens(256)
};

}  // namespace switchyard
