// What a router can learn about output lengths, from completed requests only. One interface, several estimators.
//
// Before anything has completed, all of them say the same on every workload: outputs are geometric with a mean of 128
// tokens. This prior counts as much as 8 completed requests, and fades as they come in.
#pragma once

#include <cstdint>
#include <memory>

#include "core/api/views.hpp"

namespace switchyard {

inline constexpr double kPriorOutputMean = 128.0;
inline constexpr double kPriorOutputWeight = 8.0;

class OutputLengths {
 public:
  virtual ~OutputLengths() = default;

  virtual void start() = 0;  // forgets everything
  virtual void observe(const CompletedRequest& request) = 0;

  // Expected output tokens of a queued request.
  virtual double expected(const QueuedRequest& request) const = 0;

  // Chance that a request which has produced `generated` tokens and goes on will produce more than `steps` others.
  virtual double survival(std::int32_t prompt, double generated, double steps) const = 0;

  // Tokens that a request which has produced `generated` and goes on is expected to produce within its next `horizon`
  // steps: the sum of survival(prompt, generated, t) over t < horizon.
  virtual double growth(std::int32_t prompt, double generated, double horizon) const = 0;

  // Whether what it says depends on the prompt.
  virtual bool by_prompt() const { return false; }
};

// mean: a running mean; outputs are taken to be geometric, so that what is left does not depend on what was generated.
// bucket: the survival curve, stretched to the mean of completed requests with a prompt of the same power of two.
// window: the survival curve of the last `window` completed requests.
// survival: the survival curve of all completed requests (Kaplan and Meier 1958, without censoring).
enum class Learning : std::uint8_t { mean, bucket, window, survival };

std::unique_ptr<OutputLengths> make_output_lengths(Learning kind, std::int32_t window);

}  // namespace switchyard
