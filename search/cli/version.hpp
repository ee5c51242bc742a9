#pragma once

#include <string>

namespace switchyard {

// "switchyard 1.2.3", then how it was built: compiler, build type, revision, libraries.
std::string version_text();

}  // namespace switchyard
