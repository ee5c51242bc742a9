// What `validate` leaves behind: validation.json.
#pragma once

#include <string>

#include "core/measured/validation.hpp"

namespace switchyard {

// A measured run, its replay and how far they are apart, as JSON. `profile` describes the times of steps.
std::string validation_json(const MeasuredRun& run, const ReplayedRun& replayed, const Validation& validation,
                            const std::string& profile);

std::string validation_schema();

}  // namespace switchyard
