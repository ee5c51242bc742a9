// Which part of a request a replica computes.
#pragma once

#include <cstdint>

#include "core/api/views.hpp"

namespace switchyard {

enum class Stage : std::uint8_t {
  whole,
  prefill,  // the prompt, which yields the first token; its blocks are then held until its KV has been moved
  decode,   // from the second token on, with KV that comes from where the prompt was computed
};

// The blocks of a request's KV have been taken where it decodes: what its prefix cache lacks can be moved.
struct Reservation {
  RequestId id = 0;
  std::int32_t num_missing_tokens = 0;
};

}  // namespace switchyard
