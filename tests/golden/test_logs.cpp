// A full event log of a small run for each registered policy: any shift in what the kernel or a policy does is a diff.
// To make one anew, after a change that is meant: switchyard run with the flags of tests/golden/logs/README.md.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
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

TEST_CASE("every router of a serving system is held against decisions worked by hand", "[routers]") {
  std::string tests;
  for (const auto& entry : std::filesystem::directory_iterator(SWITCHYARD_SOURCE_DIR "/tests/unit")) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("test_router", 0) != 0) continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    tests += text.str();
  }
  REQUIRE(tests.size() > 100'000);
  for (const PolicyInfo& info : registered_policies()) {
    if (info.group != PolicyGroup::production) continue;
    INFO(info.name);
    const bool worked = tests.find('"' + info.name + '"') != std::string::npos ||
                        tests.find('"' + info.name + '(') != std::string::npos;
    CHECK(worked);
  }
}

namespace {

int count_events(const std::string& log, const std::string& event) {
  std::ifstream in(std::filesystem::path(SWITCHYARD_SOURCE_DIR) / "tests/golden/logs/engines" / log);
  int count = 0;
  for (std::string line; std::getline(in, line);) count += line.find(" " + event + " request=") != std::string::npos;
  return count;
}

}  // namespace

TEST_CASE("golden logs of engines that restart requests have restarts", "[logs]") {
  CHECK(count_events("vllm_v0.log", "restart") >= 3);
  for (const std::string log : {"vllm_v1.log", "vllm_v1_sync.log"}) {
    INFO(log);
    CHECK(count_events(log, "restart") >= 3);
    CHECK(count_events(log, "hit") >= 3);
  }
}
