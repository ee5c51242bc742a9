#include "core/workload/trace_sessions.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace switchyard {

namespace {

// Whether two rows have the same first `num_blocks` names.
bool begin_alike(const HashIds& ids, std::int32_t a, std::int32_t b, std::int64_t num_blocks) {
  if (num_blocks == 0) return true;
  // A name stands for all before it, too.
  const auto name = [&](std::int32_t row) -> std::int64_t {
    std::int64_t before = 0;
    for (const HashIds::Run& run : ids.runs(row)) {
      if (num_blocks <= before + run.count) return std::int64_t{run.first} + (num_blocks - 1 - before);
      before += run.count;
    }
    return -1;
  };
  return name(a) >= 0 && name(a) == name(b);
}

}  // namespace

// Of several requests that are waited for, the one that comes last where answers take no time.
TraceSessionLinks::Last* TraceSessionLinks::awaited(const TraceRecords& records, const TraceRecord& record) {
  Last* last = nullptr;
  for (const std::string& name : record.waits_for) {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) {
      throw records.fail(TraceRecords::Field::parent,
                         fmt::format("must name requests of rows above; {} is none", in_quotes(name)));
    }
    if (!last || found->second.ready_s >= last->ready_s) last = &found->second;
  }
  return last;
}

void TraceSessionLinks::check_name(const TraceRecords& records, const TraceRecord& record) const {
  if (!by_name_.contains(std::string(record.request))) return;
  throw records.fail(TraceRecords::Field::session, "must be another name than those of the rows above");
}

void TraceSessionLinks::leave_out(const TraceRecords& records, const TraceRecord& record) {
  if (!record.request.empty()) {
    check_name(records, record);
    const Last* const before = awaited(records, record);
    Last last = before ? *before : Last{.session = -1, .ready_s = record.arrived_at_s};
    if (before) {
      const double think = record.think_s.value_or(0);
      last.ready_s += think;
      last.failed_think_s += think;
    }
    by_name_.emplace(std::string(record.request), last);
  } else if (!record.session.empty()) {
    const std::string name(record.session);
    const auto before = failed_.find(name);
    if (!record.arrives_after_think) {
      failed_[name] = record.arrived_at_s;
    } else if (before != failed_.end()) {
      before->second += record.think_s.value_or(0);
    }
  }
}

// Arrives after a request that failed, and so took no time, and that no other came before.
void TraceSessionLinks::begin_after_failed(const TraceRecords& records, const TraceRecord& record, double ready_s,
                                           RawRequest& row) const {
  row.arrived_at_s = ready_s + record.think_s.value_or(0);
  if (row.arrived_at_s <= kMaxTraceSeconds) return;
  throw records.fail(TraceRecords::Field::think,
                     fmt::format("must be an arrival of at most {:.0f} s", kMaxTraceSeconds));
}

std::int32_t TraceSessionLinks::number_of(const TraceRecord& record) {
  const auto [entry, is_new] = by_name_.try_emplace(std::string(record.session));
  if (is_new) entry->second.session = num_sessions_++;
  return entry->second.session;
}

void TraceSessionLinks::read(const TraceRecords& records, const TraceRecord& record, std::int32_t number,
                             const std::vector<RawRequest>& rows, RawRequest& row) {
  using Field = TraceRecords::Field;
  const Last* before = nullptr;
  if (!record.request.empty()) {
    check_name(records, record);
    Last* const last = awaited(records, record);
    if (last && last->session < 0) last->session = num_sessions_++;
    row.session = last ? last->session : num_sessions_++;
    if (last && last->row >= 0) before = last;
    if (last && !before) begin_after_failed(records, record, last->ready_s, row);
  } else if (!record.session.empty()) {
    number_of(record);
    const Last& last = by_name_.at(std::string(record.session));
    row.session = last.session;
    if (last.row >= 0) before = &last;
    if (!before && record.arrives_after_think) {
      const auto failed = failed_.find(std::string(record.session));
      if (failed == failed_.end()) {
        throw records.fail(Field::session, "the first row of a session must say when it arrives");
      }
      begin_after_failed(records, record, failed->second, row);
    }
  } else if (record.chat) {
    if (*record.parent >= *record.chat) {
      throw records.fail(Field::parent, fmt::format("must be an earlier chat than the row's own, {}", *record.chat));
    }
    const auto found = by_chat_.find(*record.parent);
    if (found != by_chat_.end()) before = &found->second;
    row.session = before ? before->session : num_sessions_++;
  } else {
    return;
  }
  if (before) {
    const RawRequest& parent = rows[static_cast<std::size_t>(before->row)];
    row.parent = before->row;
    // What was recorded is when rows came, not when the ones before were answered; service times are taken off where
    // they are known.
    const double gap = std::max(0.0, record.arrived_at_s - before->recorded_s - before->service_s);
    row.think_s = record.think_s.value_or(gap) + before->failed_think_s;
    if (record.think_s || format_ == TraceFormat::agents) says_thinks_ = true;
    if (row.think_s > kMaxTraceSeconds) {
      throw records.fail(record.think_s ? Field::think : Field::arrival,
                         fmt::format("must be at most {:.0f} s after the turn before", kMaxTraceSeconds));
    }
    if (record.arrives_after_think || format_ == TraceFormat::agents) {
      row.arrived_at_s = parent.arrived_at_s + row.think_s;
    } else if (row.arrived_at_s < parent.arrived_at_s) {
      throw records.fail(Field::arrival, "must not be before the turn above it");
    }
  }
  const Last last{.row = number,
                  .session = row.session,
                  .recorded_s = record.arrives_after_think ? row.arrived_at_s : record.arrived_at_s,
                  .service_s = record.service_s,
                  .ready_s = row.arrived_at_s};
  if (!record.request.empty()) {
    by_name_.emplace(std::string(record.request), last);
  } else if (!record.session.empty()) {
    by_name_.at(std::string(record.session)) = last;
  } else {
    by_chat_[*record.chat] = last;
  }
}

void infer_outputs(std::vector<RawRequest>& rows, TraceContent& content) {
  const std::int32_t block = content.hash_id_tokens;
  std::vector<std::int32_t> shown_by(rows.size(), -1);  // by row: the first of its children that shows its output
  bool any = false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const RawRequest& child = rows[i];
    if (child.parent < 0 || child.content < 0) continue;
    const auto of = static_cast<std::size_t>(child.parent);
    RawRequest& parent = rows[of];
    if (parent.content < 0 || shown_by[of] >= 0 || parent.num_hashed_tokens > parent.num_prefill_tokens) continue;
    const std::int64_t all = std::int64_t{parent.num_prefill_tokens} + parent.num_decode_tokens;
    const std::int64_t known = std::min<std::int64_t>(all, child.num_hashed_tokens) / block;
    const std::int64_t prompt = parent.num_prefill_tokens / block;  // whole blocks of it
    if (known <= prompt || !begin_alike(content.ids, parent.content, child.content, prompt)) continue;
    shown_by[of] = child.content;
    parent.num_hashed_tokens = static_cast<std::int32_t>(known * block);
    any = true;
  }
  if (!any) return;
  // The ids anew, of rows as they are now: what stands for nothing any more would seem to be another session's.
  HashIds ids;
  std::vector<HashIds::Run> runs;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    RawRequest& row = rows[i];
    if (row.content < 0) continue;
    std::int64_t left = (row.num_hashed_tokens + block - 1) / block;
    runs.clear();
    for (const HashIds::Run& run : content.ids.runs(shown_by[i] < 0 ? row.content : shown_by[i])) {
      if (left == 0) break;
      runs.push_back({run.first, static_cast<std::uint32_t>(std::min<std::int64_t>(left, run.count))});
      left -= runs.back().count;
    }
    row.content = ids.add_named(runs);
  }
  content.ids = std::move(ids);
}

}  // namespace switchyard
