// Refused: no member named .*total_tokens
// A request that a replica holds shows what it has generated so far, not what it will.
#include "core/api/policy.hpp"

std::int32_t peek(const switchyard::ResidentRequest& request) {
#ifdef REFUSED
  return request.total_tokens;
#else
  return request.num_generated_tokens();
#endif
}
