// Versions of files that one part of the program writes and another reads.
#pragma once

namespace switchyard {

inline constexpr int kSuiteVersion = 3;       // suite.json
inline constexpr int kValidationVersion = 1;  // validation.json

}  // namespace switchyard
