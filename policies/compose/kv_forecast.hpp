// How many KV blocks a replica is committed to: what its running requests hold and are expected to grow to within a
// horizon, and what its waiting ones will take.
#pragma once

#include <cstdint>
#include <vector>

#include "core/api/views.hpp"

namespace switchyard {

class Scene;

class KvForecast {
 public:
  // A request that has not started is expected to need  prompt * (1 + decode_ratio) + growth(prompt, 0, horizon)
  // tokens; a running one to take growth(prompt, generated, horizon) more than it holds.
  double decode_ratio = 0.0;
  double horizon = 0.0;     // decode steps, tokens; 0: nothing is learned
  bool by_request = false;  // growth of each running request at its own age, or of all at their mean age

  void start(Scene& scene);
  void learned();
  void assigned(const QueuedRequest& request, std::int32_t replica);

  // Blocks that the request would take on this replica.
  std::int64_t needed(const QueuedRequest& request, std::int32_t replica);

  // Blocks that the replica is committed to. Read once a call; assignments of the call add what they need.
  std::int64_t committed(std::int32_t replica);

 private:
  struct Entry {
    std::int64_t call = -1;
    std::int64_t blocks = 0;
  };
  // The last answer of needed(): as a rule the same request is asked about for one replica after the other.
  struct Needed {
    double tokens = -1;
    std::int32_t block_size = 0;
    std::int64_t blocks = 0;
  };
  double tokens_of(std::int32_t prompt) const;
  double growth_of_running(std::int32_t replica) const;

  Scene* scene_ = nullptr;
  double new_growth_ = 0.0;  // of a request that has produced nothing, where its prompt does not matter
  std::vector<Entry> entries_;
  Needed needed_;
};

}  // namespace switchyard
