// Which rows of a trace go on with which, by what its format says of sessions.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/workload/trace_records.hpp"

namespace switchyard {

class TraceSessionLinks {
 public:
  explicit TraceSessionLinks(TraceFormat format) : format_(format) {}

  // Links `row`, which becomes number `number`, to the one that it goes on with: its parent, session, time to think
  // and, where that is all that is known, arrival. Throws InputError if what the record says contradicts earlier ones.
  void read(const TraceRecords& records, const TraceRecord& record, std::int32_t number,
            const std::vector<RawRequest>& rows, RawRequest& row);

  // The number of the record's session; it need not have rows.
  std::int32_t number_of(const TraceRecord& record);

  bool any() const { return num_sessions_ > 0; }
  TraceSessions take() const {
    const bool own = format_ == TraceFormat::agents || format_ == TraceFormat::trace_lab;
    return {.says_thinks = says_thinks_, .own_clocks = own};
  }

 private:
  struct Last {
    std::int32_t row = -1;
    std::int32_t session = 0;
    double recorded_s = 0;  // its arrival
    double service_s = 0;
  };

  const Last* awaited(const TraceRecords& records, const TraceRecord& record,
                      const std::vector<RawRequest>& rows) const;

  TraceFormat format_;
  std::unordered_map<std::string, Last> by_name_;   // looked up, never gone through
  std::unordered_map<std::int64_t, Last> by_chat_;  // the same
  std::int32_t num_sessions_ = 0;
  bool says_thinks_ = false;
};

// What a parent's output was, where a trace names prompts only: its child's prompt contains it. Points parents to what
// their children's prompts show of them. Their hashed tokens are whole blocks then.
void infer_outputs(std::vector<RawRequest>& rows, TraceContent& content);

}  // namespace switchyard
