// What is known of the terminal that output goes to, if it does.
#pragma once

#include <optional>

namespace switchyard {

// Columns of the terminal behind a file descriptor; none if it is not a terminal.
std::optional<unsigned> terminal_width(int descriptor);

// Whether colour is wanted there: a terminal that can, and no NO_COLOR in the environment (no-color.org).
bool wants_colour(int descriptor);

}  // namespace switchyard
