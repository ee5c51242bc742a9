// The door of references that know output lengths. They show what perfect prediction could buy and can never be
// deployed. It stands apart from core/api on purpose: tests/compile_fail refuses this header to every policy outside
// policies/clairvoyant, describe() marks whoever comes through in its PolicyInfo, and PolicySpec::make refuses a policy
// that comes through unmarked.
#pragma once

#include <cstdint>
#include <span>

namespace switchyard {

// A policy that inherits this, too, is shown all output lengths before each replay, before its start().
class Clairvoyant {
 public:
  virtual ~Clairvoyant() = default;

  // Outputs by request id, tokens; valid during the replay.
  virtual void see(std::span<const std::int32_t> num_decode_tokens) = 0;
};

}  // namespace switchyard
