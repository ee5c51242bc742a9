// The hash ids of a trace's rows, checked against their lengths.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/workload/trace_file.hpp"
#include "core/workload/trace_records.hpp"

namespace switchyard {

class TraceHashIds {
 public:
  // `hash_id_tokens` 0: as many as an id of this format stands for.
  TraceHashIds(TraceFormat format, std::int32_t hash_id_tokens);

  // Takes in what the current record says of its content, and points `row` to it. Throws InputError if they are not
  // as many as its tokens need.
  void read(const TraceRecords& records, const TraceRecord& record, RawRequest& row);

  // Throws InputError that starts with `where` if hash_id_tokens was given for a file without ids.
  TraceContent take(const std::string& where) &&;

 private:
  std::span<const HashIds::IdRun> own_ids(const TraceRecord& record);

  bool recorded_;  // by a serving system: ids of prompts
  bool given_;
  TraceContent content_;
  std::vector<HashIds::IdRun> own_ids_;
  std::map<std::int64_t, std::size_t> shared_;  // beginnings that sessions have in common, numbered
};

}  // namespace switchyard
