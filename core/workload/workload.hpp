// A workload: what arrives when. What a policy may see and what it may not are split here, at load.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/api/views.hpp"
#include "core/workload/closed_loop.hpp"
#include "core/workload/content.hpp"
#include "core/workload/hash_ids.hpp"
#include "core/workload/prefix_trees.hpp"

namespace switchyard {

// The output lengths: the cluster's to know. No header of core/api includes this one.
struct HiddenLengths {
  std::vector<std::int32_t> num_decode_tokens;  // by row, at least 1
};

struct Workload {
  std::string source;  // "splitwise_conv.csv", "embedded azure-conv", ...: for reports
  // By row. Known arrivals do not decrease; those that others bring about say kNever. What requests are called, their
  // ids, is settled as they arrive.
  std::vector<QueuedRequest> requests;
  HiddenLengths hidden;
  Content content;              // by row; hidden too, as it says what outputs will be
  ClosedLoop loop;              // what arrives because something else has completed; empty: nothing does
  std::vector<bool> counted;    // by row: whether metrics count it; empty: all
  std::size_t num_dropped = 0;  // requests that were left out because they are longer than the context
  std::size_t num_cut = 0;      // requests that were longer than the context, and were cut to it

  std::size_t size() const { return requests.size(); }
  bool is_counted(std::size_t row) const { return counted.empty() || counted[row]; }

  // What requests have in common, as paths through a tree of an engine's blocks. The content must not change any more.
  const PrefixTree& prefix_tree(std::int32_t block_size) const {
    return prefix_trees.of(content, requests.size(), block_size);
  }
  PrefixTrees prefix_trees;
};

// One row before it becomes part of a workload.
struct RawRequest {
  double arrived_at_s = 0;  // of a later turn: when it was recorded, or would arrive if answers took no time
  std::int32_t num_prefill_tokens = 0;
  std::int32_t num_decode_tokens = 0;
  std::int32_t content = -1;           // the row of the trace's HashIds that names its blocks; -1: none
  std::int32_t num_hashed_tokens = 0;  // how many of its leading tokens, prompt and output, are named there
  // Closed loop: the row, before this one, after whose completion and a time to think it arrives; -1: it arrives at
  // arrived_at_s, whatever becomes of others.
  std::int32_t parent = -1;
  std::int32_t session = -1;  // rows of the same number are turns of one session; -1: not known
  double think_s = 0;         // with a parent
  bool counted = true;        // false: it warms the cluster up, and metrics leave it out

  bool operator==(const RawRequest&) const = default;
};

// Changes a row's lengths. What is known of its content stays known up to where the tokens are others than before: if
// the prompt becomes longer or shorter, what follows it is a new output.
void set_lengths(RawRequest& row, std::int32_t num_prefill_tokens, std::int32_t num_decode_tokens);

// What the rows of a trace hold: their ids, and how many tokens an id stands for.
struct TraceContent {
  HashIds ids;
  std::int32_t hash_id_tokens = 1;
};

// How the sessions of a trace's rows are meant.
struct TraceSessions {
  bool says_thinks = false;  // it tells how long users, or tools, took from an answer to the next turn
  bool own_clocks = false;   // each session's times count from its own beginning: when they began is not known
};

// Splits rows (sorted by arrival; seconds in [0, kMaxArrivalSeconds]) into the visible and the hidden part. Where rows
// are copies of one row of the trace, as in a bootstrap, the end of the prompt that no other row of the trace shares is
// another one in each copy: nobody sends it twice.
//
// `concurrency` above 0: clients, each of which goes through one session (or request that is none) after another; when
// the sessions would begin by themselves is then not looked at.
Workload make_workload(std::string source, const std::vector<RawRequest>& rows,
                       const TraceContent& content = TraceContent(), std::int32_t concurrency = 0);

// A workload's source and, if any of its requests were cut or left out for their length, how many of how many: "x.csv;
// 2 of 4 requests cut to 4096 tokens". `num_requests` are those that are left.
std::string workload_title(const std::string& source, std::size_t num_cut, std::size_t num_dropped,
                           std::size_t num_requests, std::int32_t max_tokens);
std::string workload_title(const Workload& workload, std::int32_t max_tokens);

// Throws InputError, naming the row (and the limit that it breaks), for the first request that could never run on a
// replica with these limits: prompt + output must be at most the context (max_tokens), the usable KV
// ((num_blocks - watermark_blocks) * block_size; under vllm_v1 one token less) and, under vllm_v0, max_tokens_in_batch.
void check_fits(const Workload& workload, const ReplicaLimits& limits);

// The most tokens, prompt and output together, of a request that fits such a replica.
std::int64_t longest_request(const ReplicaLimits& limits);

}  // namespace switchyard
