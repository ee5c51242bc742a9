// What a router knows of each replica's work: its own books, and what other routers send there as far as replicas
// publish it. Good under signals of any age: what this router sent since a report was taken is added to it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/api/cluster_view.hpp"

namespace switchyard {

// The work that a replica has, as far as the router can tell.
struct ReplicaLoad {
  double requests = 0;  // sent there and not come back
  double decoding = 0;  // of these, those whose answer has begun
  double pending = 0;   // ticks of the prompts that it has yet to compute, what it has cached left out
  double context = 0;   // KV tokens that its decodes read
  double blocks = 0;    // KV blocks in use, each once, and those that requests on their way will take

  // Of pending and blocks what the router knows, and does not guess: other routers' share only as far as the report of
  // it still holds. What is held back for a guess waits for news that old reports do not bring.
  double known_pending = 0;
  double known_blocks = 0;
};

// KV tokens by which n requests, which hold so many each on average and whose outputs are expected to be so many,
// outgrow what they hold now before completions make room, on average. They grow by n tokens a step, and complete at
// random, each time freeing J = held + outputs. The most that such a walk reaches is exponentially distributed, with
// the mean J / x for x * outputs / J = 1 - exp(-x), however many they are; outputs / (1 - (outputs / J)^2) is that to
// 6%, and never below. It is at most what their answers will take.
double overgrowth(double requests, double held, double outputs);

// How fast what a router knows of other routers' work grows old.
struct SentMemory {
  double queue_s = 0.5;   // what they have queued: time after which 1/e of a report still holds
  double decode_s = 2.0;  // what they have decoding
  double felt_s = 1.0;    // the delay that they caused to this router's own latest prompt there; 0: not looked at
};

class SentWork {
 public:
  explicit SentWork(const SentMemory& memory = {}) : memory_(memory) {}
  void start(const ClusterView& cluster);

  // What the router sees happen. Of a request that is sent: prompt tokens that the replica will have to compute, the
  // ticks that this takes, and the outputs that are expected.
  void sent(const QueuedRequest& request, std::int32_t replica, std::int32_t uncached, double prefill, double outputs,
            Time now);
  void first_token(const FirstToken& token);
  void completed(const CompletedRequest& request);

  ReplicaLoad load(const ClusterView& cluster, std::int32_t replica);

  // Mean ticks of the prompts sent so far, what was cached left out; 0 before any.
  double mean_prefill() const { return num_sent_ > 0 ? prefill_sum_ / num_sent_ : 0.0; }

 private:
  struct Sent {
    RequestId id = 0;
    Time sent_at = 0;
    Time first_token_at = -1;
    Time done_at = -1;
    double uncached = 0;  // prompt tokens to be computed: the blocks that it does not share
    double prefill = 0;   // ticks of computing them
    double prompt = 0;    // tokens
    double outputs = 0;   // expected, tokens
    double ahead = 0;     // ticks of this router's own prompts there when it was sent, its own included
  };
  // Sums over requests of this router, at some time.
  struct Sums {
    double waiting = 0, decoding = 0, pending = 0, uncached = 0, context = 0;
    double held = 0;  // tokens of KV blocks that decoding ones have filled
  };
  struct Replica {
    std::vector<Sent> sent;  // in the order of sending; the done ones while a report may still hold them
    Sums now;
    std::size_t num_done = 0;
    Time taken_at = -1;  // of the report that `others` and `blocks` were made of
    Sums others;         // what it reported beyond this router's own
    double blocks = 0;   // in use, as it reported
    double felt = 0;     // ticks by which others delayed the latest own prompt whose first token came
    Time felt_at = -1;
  };
  // What others have there: expected by now, and of that what is known.
  struct Others {
    Sums expected;
    double pending = 0, uncached = 0, held = 0;
  };

  static void add(Sums& sums, const Sent& request, bool begun, double sign);
  void read_report(const ClusterView& cluster, std::int32_t replica);
  void forget_done(Replica& books, Time before);
  Others drawn_others(const ClusterView& cluster, std::int32_t replica) const;
  static double tokens_since_report(const Replica& books, Time now);

  SentMemory memory_;
  bool alone_ = true;
  std::vector<Replica> replicas_;
  double prefill_sum_ = 0, num_sent_ = 0;
};

}  // namespace switchyard
