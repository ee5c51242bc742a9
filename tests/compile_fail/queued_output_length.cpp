// Refused: no member named .*num_decode_tokens
// A queued request shows its prompt length, not its output length.
#include "core/api/policy.hpp"

std::int32_t peek(const switchyard::QueuedRequest& request) {
#ifdef REFUSED
  return request.num_decode_tokens;
#else
  return request.num_prefill_tokens;
#endif
}
