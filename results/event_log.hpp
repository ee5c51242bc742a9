// Every event of a run as a line of text, times exact: what golden logs are made of.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "core/cluster/simulation.hpp"

namespace switchyard {

class EventLog final : public Observer {
 public:
  // Opens the log under a temporary name; throws InputError if it cannot be written.
  explicit EventLog(std::filesystem::path path);
  ~EventLog() override;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Gives the log its name. Throws InputError if it could not be written in full.
  void close();

  void on_arrival(Time now, const QueuedRequest& request) override;
  void on_assign(Time now, RequestId id, std::int32_t replica) override;
  void on_batch(Time start, Time end, std::int32_t replica, const BatchShape& shape,
                const ReplicaState& state) override;
  void on_restart(Time now, RequestId id, std::int32_t replica) override;
  void on_complete(Time now, RequestId id, std::int32_t replica) override;

 private:
  void line(Time now, const std::string& event);

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::ofstream out_;
};

}  // namespace switchyard
