#pragma once

namespace switchyard {

// Raised by one with each change of the kernel, of the workloads that it makes, of metrics or of a policy that moves
// any result; not by changes that move none, such as a new policy. Results of different numbers are not to be mixed.
// tests/golden/logs/kernel_number.sh holds it against the golden logs: who renews one raises this too.
inline constexpr int kKernelNumber = 1;

}  // namespace switchyard
