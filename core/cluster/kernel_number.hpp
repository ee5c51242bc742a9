#pragma once

namespace switchyard {

// Raised by one with each change of the kernel, of the workloads that it makes, of metrics or of a policy that moves
// any result; not by changes that move none, such as a new policy. It is part of every digest
// (core/scenario/digest.hpp), so that replays of before and after are never taken for one another.
// tests/golden/logs/kernel_number.sh holds it against the golden logs: who renews one raises this too.
inline constexpr int kKernelNumber = 9;

}  // namespace switchyard
