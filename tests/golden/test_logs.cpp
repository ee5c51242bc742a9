// A full event log of a small run for each registered policy: any shift in what the kernel or a policy does is a diff.
// To make one anew, after a change that is meant: switchyard run with the flags of tests/golden/logs/README.md.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "policies/registry.hpp"

using namespace switchyard;

TEST_CASE("every registered policy has a golden log", "[logs]") {
  for (const PolicyInfo& info : registered_policies()) {
    INFO(info.name);
    CHECK(std::filesystem::exists(std::filesystem::path(SWITCHYARD_SOURCE_DIR) / "tests/golden/logs" /
                                  (info.name + ".log")));
  }
}

TEST_CASE("the golden log under vllm_v0 has restarts", "[logs]") {
  std::ifstream in(std::filesystem::path(SWITCHYARD_SOURCE_DIR) / "tests/golden/logs/engines/vllm_v0.log");
  int restarts = 0;
  for (std::string line; std::getline(in, line);) restarts += line.find(" restart request=") != std::string::npos;
  CHECK(restarts >= 3);
}
