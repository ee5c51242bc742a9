// Commands of the command line in this process: what they print becomes a text.
#pragma once

#include <string>
#include <vector>

namespace switchyard::python {

// Runs the command and returns what its own thread has printed. Call it without the GIL. Throws InputError, and what
// the command throws.
std::string run_command(const std::string& name, const std::vector<std::string>& words);

// While one lives, what commands say on stderr goes to Python's sys.stderr, where notebooks show it.
class ErrorsToPython {
 public:
  ErrorsToPython();
  ~ErrorsToPython();
  ErrorsToPython(const ErrorsToPython&) = delete;
  ErrorsToPython& operator=(const ErrorsToPython&) = delete;
};

}  // namespace switchyard::python
