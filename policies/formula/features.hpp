// What a formula may read.
#pragma once

#include <span>
#include <string>

#include "policies/compose/part.hpp"

namespace switchyard {

// What a formula is about: a queued request, and a replica that could take it. In an order there is no replica.
struct Moment {
  Scene& scene;
  const QueuedRequest& request;
  std::int32_t replica;
};

inline constexpr unsigned kReadsShift = 24;

struct Feature {
  const char* name;
  const char* doc;
  bool of_replica;  // not for orders
  unsigned uses;    // PartUses; the signals that it reads itself (signal_bits), shifted by kReadsShift
  double (*value)(const Moment&);
};

std::span<const Feature> features();

}  // namespace switchyard
