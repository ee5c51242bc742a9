// How long a step takes where that is no sum of the tables of cost_model.hpp: today's GPU profiles, composed of
// operator times, interpolated in a grid, or fitted (README.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace switchyard {

struct BatchShape;

class StepTimes {
 public:
  virtual ~StepTimes() = default;

  // Milliseconds of a step with at least one member. Sets `outside` if some part lay beyond what was measured, and
  // leaves it as it is otherwise.
  virtual double milliseconds(const BatchShape& step, bool& outside) const = 0;

  // Whether BatchShape::decode_kv_max matters: then a step of decodes depends on more than their mean context.
  virtual bool uneven() const { return false; }

  // Milliseconds of attention for one prefilling member: `chunk` tokens after `processed` ones. Their sum over the
  // members is BatchShape::prefill_attention_ms.
  virtual double prefill_attention(std::int64_t processed, std::int64_t chunk, bool& outside) const = 0;

  // The key of a profile's JSON that holds it, and what is there.
  virtual std::string_view kind() const = 0;
  virtual std::string json() const = 0;
};

}  // namespace switchyard
