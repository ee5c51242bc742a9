// vLLM's own balancer and production-stack, decision by decision as their rules say.
#include <catch2/catch.hpp>

#include "tests/support/hand_cluster.hpp"

using namespace switchyard;

namespace {

std::vector<std::int32_t> sent_to(HandCluster& cluster, const std::vector<std::string>& prompts) {
  std::vector<std::int32_t> decided;
  for (const std::string& prompt : prompts) decided.push_back(cluster.arrive(prompt));
  return decided;
}

}  // namespace

TEST_CASE("production-stack without a session key: engines without requests first, then the fewest in 60 s",
          "[routers]") {
  HandCluster cluster(3, "vllm_stack_qps");
  cluster.set_outstanding({9, 0, 0});  // is not looked at
  CHECK(sent_to(cluster, {"A", "B", "C"}) == std::vector<std::int32_t>{0, 1, 2});
  cluster.at(30);
  CHECK(sent_to(cluster, {"D", "E"}) == std::vector<std::int32_t>{0, 1});
  cluster.at(60);  // those of time 0 are out of the window: 1, 1, 0
  CHECK(sent_to(cluster, {"F", "G"}) == std::vector<std::int32_t>{2, 0});
}

TEST_CASE("production-stack prefixaware: chunks of 128 characters, the rate below the minimum", "[routers]") {
  // A chunk is 32 tokens, two letters; 200 characters are more than one chunk.
  HandCluster cluster(3, "vllm_stack_prefix(prefix_min_match_length=200)");
  CHECK(cluster.arrive("ABCD") == 0);  // matches nothing: no engine has been sent any
  CHECK(cluster.arrive("ABCD") == 0);  // 256 characters
  CHECK(cluster.arrive("ABXY") == 1);  // 128: by the rate, engine 1 was sent nothing yet
  CHECK(cluster.arrive("EF") == 2);
  CHECK(cluster.arrive("GH") == 1);    // sent so far: 2, 1, 1
  CHECK(cluster.arrive("ABXY") == 1);  // 256 characters at engine 1
  CHECK(cluster.arrive("IJK") == 2);   // sent so far: 2, 3, 1
  CHECK(cluster.arrive("IJK") == 2);   // a rest of half a chunk counts as one: 256
  CHECK(cluster.arrive("IJKL") == 0);  // but is found again only by the same prompt: 128; sent so far: 2, 3, 3
}

TEST_CASE("production-stack prefixaware never looks at load, and sends what matches nothing anywhere", "[routers]") {
  HandCluster cluster(4, "vllm_stack_prefix");
  const std::int32_t home = cluster.arrive("ABCD");
  std::vector<std::int32_t> loads(4, 0);
  loads[static_cast<std::size_t>(home)] = 100;
  cluster.set_outstanding(loads);
  for (int i = 0; i < 5; ++i) CHECK(cluster.arrive("ABCD" + std::string(static_cast<std::size_t>(i), 'E')) == home);
  std::vector<int> cold(4, 0);
  for (int i = 0; i < 400; ++i) ++cold[static_cast<std::size_t>(cluster.arrive(64))];
  for (const int count : cold) CHECK(std::abs(count - 100) < 40);
}

TEST_CASE("production-stack loadaware: share matched less the load above the mean", "[routers]") {
  HandCluster cluster(2, "vllm_stack_loadaware");
  CHECK(cluster.arrive("ABCD") == 0);  // 0 and 0
  CHECK(cluster.arrive("ABCD") == 0);  // loads 1, 0: 1 - 0.5 and 0 + 0.5
  CHECK(cluster.arrive("ABCD") == 1);  // loads 2, 0: 1 - 1 and 0 + 1
  CHECK(cluster.arrive("ABCD") == 1);  // loads 2, 1: 1 - 1/3 and 1 + 1/3
  CHECK(cluster.arrive("ABXY") == 0);  // loads 2, 2: a half each
  cluster.set_outstanding({3, 2});
  cluster.use("vllm_stack_loadaware(beta=0)");
  CHECK(cluster.arrive("IJ") == 0);
  CHECK(cluster.arrive("IJ") == 0);
}

TEST_CASE("production-stack kvaware: the fullest cache unless it lacks more than the threshold", "[routers]") {
  HandCluster cluster(3, "vllm_stack_kvaware");
  cluster.cached = {400, 496, 500};
  CHECK(cluster.arrive(2500) == 2);  // lacks 2000
  cluster.cached = {400, 499, 480};
  CHECK(cluster.arrive(2500) == 0);  // lacks 2001: by the rate, engine 0 was sent nothing yet
  CHECK(cluster.arrive(2499) == 1);  // lacks 2000
  cluster.cached = {0, 0, 0};
  CHECK(cluster.arrive(1000) == 0);  // short prompts may lack all: the first
  CHECK(cluster.arrive(1000) == 0);
}
