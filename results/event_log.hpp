// Every event of a run as a line of text, times exact: what golden logs are made of.
#pragma once

#include <filesystem>
#include <string>

#include "core/cluster/simulation.hpp"
#include "core/input/write_file.hpp"

namespace switchyard {

class EventLog final : public Observer {
 public:
  // Throws InputError if the log cannot be written.
  explicit EventLog(std::filesystem::path path) : out_(std::move(path), "--event-log") {}

  // Gives the log its name. Throws InputError if it could not be written in full.
  void close() { out_.close(); }

  void on_arrival(Time now, const QueuedRequest& request) override;
  void on_assign(Time now, RequestId id, std::int32_t replica) override;
  // Only where a prefix cache held something of the request.
  void on_admit(Time now, RequestId id, std::int32_t replica, std::int32_t cached_tokens) override;
  void on_batch(Time start, Time end, std::int32_t replica, const BatchShape& shape,
                const ReplicaState& state) override;
  void on_restart(Time now, RequestId id, std::int32_t replica) override;
  void on_transfer(RequestId id, const HandOff& moved) override;
  void on_complete(Time now, RequestId id, std::int32_t replica) override;
  void on_replica(Time now, std::int32_t replica, ReplicaChange change) override;
  void on_loss(Time now, RequestId id, std::int32_t replica, bool again) override;

 private:
  void line(Time now, const std::string& event);

  StreamedFile out_;
};

}  // namespace switchyard
