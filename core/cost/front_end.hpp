#pragma once

namespace switchyard {

// What lies between a client and the engine, and is not in the time of a step: the way there and back, the place of a
// request among the tokens of a step that are sent one after the other, and the first step of an idle engine.
struct FrontEnd {
  double latency_ms = 0;
  double token_us = 0;
  double first_step_ms = 0;
};

}  // namespace switchyard
