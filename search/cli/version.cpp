#include "search/cli/version.hpp"

#include <fmt/format.h>
#include <tbb/version.h>

#include <boost/version.hpp>
#include <nlohmann/json.hpp>

#include "core/cluster/kernel_number.hpp"
#include "search/cli/build_facts.hpp"

namespace switchyard {

std::string version_text() {
  return fmt::format(
      "switchyard {}\n"
      "revision   {}\n"
      "compiler   {}\n"
      "build      {}\n"
      "kernel     {}\n"
      "libraries  Boost {}.{}.{}, fmt {}.{}.{}, nlohmann-json {}.{}.{}, oneTBB {}.{}\n",
      SWITCHYARD_VERSION, kRevision, SWITCHYARD_COMPILER, SWITCHYARD_BUILD, kKernelNumber, BOOST_VERSION / 100000,
      BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100, FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100,
      NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH, TBB_VERSION_MAJOR,
      TBB_VERSION_MINOR);
}

}  // namespace switchyard
