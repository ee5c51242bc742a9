// TensorRT-LLM's routers, decision by decision as their rules say.
#include <catch2/catch.hpp>

#include "tests/support/hand_cluster.hpp"

using namespace switchyard;

TEST_CASE("trtllm_load_balancing: fewest requests or tokens in flight, ties in turn", "[routers]") {
  HandCluster cluster(3, "trtllm_load_balancing");
  CHECK(cluster.arrive(100) == 0);  // three equal: the first of them, decision 0
  CHECK(cluster.arrive(900) == 2);  // 1 and 2 are equal: decision 1 takes the second
  CHECK(cluster.arrive(50) == 1);
  CHECK(cluster.arrive(10) == 0);  // three equal, decision 3
  HandCluster by_tokens(3, "trtllm_load_balancing(count=tokens)");
  CHECK(by_tokens.arrive(100) == 0);
  CHECK(by_tokens.arrive(900) == 2);
  CHECK(by_tokens.arrive(50) == 1);
  CHECK(by_tokens.arrive(10) == 1);  // 100, 50, 900
  CHECK(by_tokens.arrive(70) == 1);  // 100, 60, 900
  CHECK(by_tokens.arrive(10) == 0);  // 100, 130, 900
  by_tokens.complete(1);
  CHECK(by_tokens.arrive(10) == 2);  // 110, 130, 0
}

TEST_CASE("trtllm_conversation: most blocks of the prompt known, whatever the load; else fewest tokens", "[routers]") {
  // Blocks of 16 tokens, a letter each.
  HandCluster cluster(3, "trtllm_conversation(tokens_per_block=16)");
  CHECK(cluster.arrive("ABCDEF") == 0);    // 96 tokens
  CHECK(cluster.arrive("ABCDEFGH") == 0);  // 6 of 8: the threshold
  // 8 of 11 are less than that: tokens in flight are 224, 0, 0, and the second decision between equals takes the
  // second.
  CHECK(cluster.arrive("ABCDEFGHIJK") == 2);
  CHECK(cluster.arrive("ABCDEFGHIJKL") == 2);  // 11 of 12 of that one
  CHECK(cluster.arrive("ABCDEFGHIJKLM") == 2);
  CHECK(cluster.arrive("XYZ") == 1);      // 224, 0, 576
  CHECK(cluster.arrive("XYZ", 16) == 1);  // the rest of a prompt counts as a block: 3 of 4
  cluster.complete(0);
  cluster.complete(1);
  CHECK(cluster.arrive("XYZ", 17) == 0);  // 3 of 5: 0, 112, 576
}

TEST_CASE("trtllm_conversation knows the last used conversations only", "[routers]") {
  HandCluster cluster(2, "trtllm_conversation(tokens_per_block=16,max_sessions=2)");
  CHECK(cluster.arrive("AAAA") == 0);
  CHECK(cluster.arrive("BBBB") == 1);
  CHECK(cluster.arrive("AAAAA") == 0);  // used again
  CHECK(cluster.arrive("CCCC") == 1);   // 144, 64 tokens in flight; B is forgotten
  CHECK(cluster.arrive("DDDD") == 1);   // 144, 128; A is forgotten
  cluster.complete(1);
  CHECK(cluster.arrive("AAAAAA") == 1);  // 144, 128: by load
  CHECK(cluster.arrive("DDDDD") == 1);   // 144, 224: known
}

TEST_CASE("trtllm_conversation: an explicit session goes to its server, and prompts are not compared", "[routers]") {
  HandCluster cluster(2, "trtllm_conversation(tokens_per_block=16)");
  CHECK(cluster.arrive("AAAA", 0, 1) == 0);
  CHECK(cluster.arrive("AAAA", 0, 2) == 1);    // another session: 64, 0 tokens
  CHECK(cluster.arrive("BBBBBB", 0, 2) == 1);  // 64, 64
  CHECK(cluster.arrive("C", 0, 2) == 1);       // 64, 160
  CHECK(cluster.arrive("AAAAA") == 0);         // without one: 4 of 5 blocks of session 1's last prompt
}

TEST_CASE("trtllm_kv_cache_aware: share known to be held less in flight / 64, by what was told as requests ended",
          "[routers]") {
  HandCluster cluster(3, "trtllm_kv_cache_aware");
  CHECK(cluster.arrive("ABCD", 1) == 0);  // three equal, decision 0
  cluster.tell(0, KvEvent::stored, "ABCD");
  CHECK(cluster.arrive("ABCD", 1) == 2);  // it has not been fetched: 1 and 2 are equal, decision 1
  cluster.complete(0);
  CHECK(cluster.arrive("ABCD", 1) == 0);  // 4 of 4 blocks
  cluster.set_outstanding({32, 0, 16});
  CHECK(cluster.arrive("ABCD", 17) == 0);     // 4 of 5 - 0.5, 0, -0.25
  CHECK(cluster.arrive("ABCDEFGH", 1) == 1);  // 4 of 8 - 33/64, 0
  // The last token is computed anyway, so a prompt's last block cannot match in full: 3 of 4.
  cluster.set_outstanding({48, 0, 0});
  CHECK(cluster.arrive("ABCD") == 2);  // 0.75 - 0.75, 0, 0: the sixth decision takes the third of three
  cluster.set_outstanding({47, 0, 0});
  CHECK(cluster.arrive("ABCD") == 0);
  // A block that is gone ends the match, whatever is held after it.
  cluster.tell(0, KvEvent::removed, "AB", 1);
  cluster.complete(2);
  cluster.set_outstanding({17, 0, 0});
  CHECK(cluster.arrive("ABCD", 1) == 2);  // 0.25 - 17/64, 0, 0: the eighth decision takes the second of two
}
