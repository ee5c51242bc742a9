#include "policies/declarations.hpp"
#include "policies/memory_headroom.hpp"

namespace switchyard {

PolicyInfo hra_policy() { return MemoryHeadroom::hra_info(); }

}  // namespace switchyard
