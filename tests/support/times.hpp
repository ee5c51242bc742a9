// Spans of time that hand-computed cases are written in.
#pragma once

#include "core/api/time.hpp"

namespace switchyard {

inline constexpr Time kMs = kTicksPerSecond / 1000;

}  // namespace switchyard
