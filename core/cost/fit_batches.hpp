// A profile from measured batch times.
//
// A batch of n tokens with b decoding members of k tokens each, and c prefill tokens after q earlier ones, takes
//   T(n) + [b > 0] (d0 + d1 k + d2 b k) + [c > 0] (p0 + p1 (q + c) + p2 c (q + c / 2))
// T rises, piecewise linear between knots at quantiles of the measured n: weights and activations. d1 and d2 read KV
// caches, p2 is attention's arithmetic. n, k and q are rounded as the kernel rounds them when it looks a time up. No
// term is negative. What is minimised is the sum of squared relative errors, with Huber's weights (1964) so that a few
// stalls on the machine do not bend the fit.
#pragma once

#include <vector>

#include "core/cost/fit_error.hpp"
#include "core/cost/measured_batches.hpp"
#include "core/cost/profile.hpp"

namespace switchyard {

inline constexpr std::size_t kFewestBatches = 50;        // in all
inline constexpr std::size_t kFewestBatchesOfKind = 10;  // that decode, and that prefill

// Fits batches of a model of this shape (num_layers 1 and one head if it is not known). Throws InputError, led by
// `file`, if there are too few batches.
Profile fit_batches(const std::string& file, const std::vector<MeasuredBatch>& batches, const ModelShape& shape);

// Errors of batches that only decode, that only prefill, that do both, and of all.
std::vector<FitError> cross_validate(const std::string& file, const std::vector<MeasuredBatch>& batches,
                                     const ModelShape& shape);

}  // namespace switchyard
