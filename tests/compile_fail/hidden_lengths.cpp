// Refused: (HiddenLengths.*does not name a type|no type named .*HiddenLengths)
// The type that holds output lengths is out of reach of the policy-facing API.
#include "core/api/policy.hpp"

#ifdef REFUSED
switchyard::HiddenLengths* lengths = nullptr;
#else
switchyard::QueuedRequest* requests = nullptr;
#endif
