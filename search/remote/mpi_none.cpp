#include "search/remote/mpi.hpp"

namespace switchyard {

int with_mpi(const std::function<int()>& command) { return command(); }

const char* mpi_library() { return "none"; }

}  // namespace switchyard
