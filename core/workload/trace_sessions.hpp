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

  // A row that failed and is left out: what waits for it goes on with what it waited for, or, where that is nothing,
  // counts from its arrival. Throws InputError as read.
  void leave_out(const TraceRecords& records, const TraceRecord& record);

  // The number of the record's session; it need not have rows.
  std::int32_t number_of(const TraceRecord& record);

  bool any() const { return num_sessions_ > 0; }
  TraceSessions take() const {
    const bool own = format_ == TraceFormat::agents || format_ == TraceFormat::trace_lab;
    return {.says_thinks = says_thinks_, .own_clocks = own};
  }

 private:
  struct Last {
    std::int32_t row = -1;     // -1: all so far have failed
    std::int32_t session = 0;  // -1: none yet
    double recorded_s = 0;     // its arrival
    double service_s = 0;
    double ready_s = 0;         // when what waits for it may go on, where answers take no time
    double failed_think_s = 0;  // what requests that failed since waited
  };

  void check_name(const TraceRecords& records, const TraceRecord& record) const;
  Last* awaited(const TraceRecords& records, const TraceRecord& record);
  void begin_after_failed(const TraceRecords& records, const TraceRecord& record, double ready_s,
                          RawRequest& row) const;

  TraceFormat format_;
  std::unordered_map<std::string, Last> by_name_;   // looked up, never gone through
  std::unordered_map<std::int64_t, Last> by_chat_;  // the same
  std::unordered_map<std::string, double> failed_;  // the same: sessions of which all rows so far failed, and ready_s
  std::int32_t num_sessions_ = 0;
  bool says_thinks_ = false;
};

// What a parent's output was, where a trace names prompts only: its child's prompt contains it. Points parents to what
// their children's prompts show of them. Their hashed tokens are whole blocks then.
void infer_outputs(std::vector<RawRequest>& rows, TraceContent& content);

}  // namespace switchyard
