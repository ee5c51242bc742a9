// A run in the trace event format (JSON object form) that chrome://tracing and Perfetto open: see results/README.md for
// the tracks and their events. Streamed, an event a line, in order of time.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/cluster/simulation.hpp"
#include "core/input/write_file.hpp"

namespace switchyard {

class Timeline final : public Observer {
 public:
  struct Title {
    std::string policy;  // canonical spec
    std::string scenario;
    std::uint64_t seed = 0;
  };

  // `workload` outlives the timeline. Throws InputError if the file cannot be written.
  Timeline(std::filesystem::path path, const Workload& workload, std::int32_t num_replicas, const Title& title);

  // Ends what is open and gives the file its name. Throws InputError if it could not be written in full.
  void close();

  void on_row(RequestId, std::int32_t row) override { row_ = row; }
  void on_arrival(Time now, const QueuedRequest& request) override;
  void on_decision(Time now, const QueuedRequest& request, std::int32_t replica, const ClusterView& cluster,
                   std::span<const double> scores) override;
  void on_assign(Time now, RequestId id, std::int32_t replica) override;
  void on_hold(Time now, std::int32_t queue_length) override;
  void on_admit(Time now, RequestId id, std::int32_t replica, std::int32_t cached_tokens) override;
  void on_batch(Time start, Time end, std::int32_t replica, const BatchShape& shape,
                const ReplicaState& state) override;
  void on_booking(Time now, std::int32_t replica, const ReplicaState& state) override;
  void on_prefill_complete(Time now, RequestId id, std::int32_t replica) override;
  void on_restart(Time now, RequestId id, std::int32_t replica) override;
  void on_transfer(RequestId id, const HandOff& moved) override;
  void on_complete(Time now, RequestId id, std::int32_t replica) override;
  void on_replica(Time now, std::int32_t replica, ReplicaChange change) override;
  void on_loss(Time now, RequestId id, std::int32_t replica, bool again) override;

 private:
  struct Replica {
    Time ends_at = 0;  // its last batch
    std::int32_t waiting = 0, running = 0;
    std::int32_t shown_waiting = 0, shown_running = 0, shown_blocks = 0, shown_cached = 0;
    std::int32_t cached = 0;          // after its last batch
    const char* operation = nullptr;  // what it is but serving
    bool prefills = false;            // its role is `prefill`
    std::int32_t num_resets = 0;      // of `waiting`, as it failed or came anew
  };
  // Where a request waits.
  struct Place {
    std::int32_t replica = -1;
    std::int32_t num_resets = 0;  // of that replica, then
  };

  // An event: the fields that all have, then `rest`, which starts with a comma unless it is empty.
  void event(std::string_view name, char phase, std::int32_t process, Time now, std::string_view rest);
  void request_event(std::string_view name, char phase, Time now, RequestId id, std::string_view args = "{}");
  void metadata(std::int32_t process, std::string_view what, std::string_view args);
  void show_queue(Time now);
  void show_counters(Time now, std::int32_t replica, std::int32_t blocks, std::int32_t cached);
  void show_idle(std::int32_t replica);
  void begin_waiting(Time now, RequestId id, std::int32_t replica);
  void end_waiting(RequestId id);
  Place& place_of(RequestId id) { return place_of_[static_cast<std::size_t>(id)]; }
  void operation_event(Time now, std::int32_t replica, const char* name, char phase);
  void enter(Time now, RequestId id, const char* phase, std::string_view args = "{}");

  StreamedFile out_;
  const Workload* workload_;
  std::int32_t row_ = 0;               // of the request that arrives
  std::vector<const char*> phase_of_;  // of each request's life; null: not there
  std::vector<Place> place_of_;
  std::vector<Replica> replicas_;
  std::int32_t queued_ = 0;
  fmt::memory_buffer buffer_;
};

}  // namespace switchyard
