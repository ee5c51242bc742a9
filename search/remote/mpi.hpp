// Searches over the processes of an MPI job: `mpirun -n 64 switchyard search ...`.
#pragma once

#include <functional>

namespace switchyard {

// Runs `command` (the whole program: its exit code is the result). Within an MPI job of several processes only the
// first runs it, and its searches hand their replays to all of them; the others replay until it ends, and return 0.
// Outside of such a job, and in a build without MPI, it is just run.
int with_mpi(const std::function<int()>& command);

// How this build came to MPI: its library's name, or "none".
const char* mpi_library();

}  // namespace switchyard
