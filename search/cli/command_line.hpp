#pragma once

#include <vector>

#include "core/api/policy.hpp"

namespace switchyard {

// The whole command line. `policies` join the built-in ones: a program of one's own that calls this with its policies
// runs, tunes and ranks them like any other. Returns the exit code: 0, 2 (the user's input), 1 (our fault); errors are
// one line on stderr.
int switchyard_main(int argc, char** argv, std::vector<PolicyInfo> policies = {});

}  // namespace switchyard
