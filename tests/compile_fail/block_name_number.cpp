// Refused: shown_as_.* is .*private
// A block's name can be compared, and looked up in a table; the number behind it is nobody's business.
#include "core/api/policy.hpp"

bool peek(const switchyard::BlockName& a, const switchyard::BlockName& b) {
#ifdef REFUSED
  return a.shown_as_ < b.shown_as_;
#else
  return a == b && std::hash<switchyard::BlockName>()(a) == std::hash<switchyard::BlockName>()(b);
#endif
}
