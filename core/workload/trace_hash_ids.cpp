#include "core/workload/trace_hash_ids.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

// What the publishers of the formats say; 0: nothing.
std::int32_t tokens_of_id(TraceFormat format) {
  switch (format) {
    case TraceFormat::mooncake:
    case TraceFormat::agentic_mooncake:
      return 512;
    case TraceFormat::bailian:
    case TraceFormat::vidur:  // as vLLM's blocks
      return 16;
    default:
      return 0;
  }
}

}  // namespace

std::int64_t TraceRecord::num_ids() const {
  std::int64_t all = std::ssize(hash_ids);
  for (const HashIds::IdRun& run : id_runs) all += run.count;
  return all;
}

TraceHashIds::TraceHashIds(TraceFormat format, std::int32_t hash_id_tokens)
    : recorded_(format != TraceFormat::vidur), given_(hash_id_tokens != 0) {
  content_.hash_id_tokens = given_ ? hash_id_tokens : tokens_of_id(format);
}

void TraceHashIds::read(const TraceRecords& records, const TraceRecord& record, RawRequest& row) {
  using Field = TraceRecords::Field;
  const std::int64_t num_ids = record.num_ids();
  if (num_ids == 0) {
    if (record.num_hashed_tokens.value_or(0) > 0) {
      throw records.fail(Field::num_hashed_tokens, "must be 0, or missing, in a row without hash_ids");
    }
    return;
  }
  if (content_.hash_id_tokens == 0) content_.hash_id_tokens = records.hash_id_tokens();
  const std::int64_t block = content_.hash_id_tokens;
  if (block == 0) {
    throw records.fail(Field::hash_ids, "stand for a number of tokens that is not known; say it with --hash-id-tokens");
  }
  const std::int64_t all = record.num_prefill_tokens + record.num_decode_tokens;
  std::int64_t hashed = record.num_hashed_tokens.value_or(record.num_prefill_tokens);
  if (hashed > all) {
    throw records.fail(Field::num_hashed_tokens,
                       fmt::format("must be at most the {} tokens of prompt and output", all));
  }
  // A recorder may leave out a prompt's last block where that is not full.
  if (recorded_ && num_ids == hashed / block) hashed = num_ids * block;
  if (const std::int64_t needed = (hashed + block - 1) / block; num_ids != needed) {
    throw records.fail(Field::hash_ids, fmt::format("must be {} ids for {} tokens, at {} tokens an id "
                                                    "(--hash-id-tokens)",
                                                    needed, hashed, block));
  }
  row.content = record.session_number < 0 ? content_.ids.add(record.hash_ids) : content_.ids.add(own_ids(record));
  row.num_hashed_tokens = static_cast<std::int32_t>(hashed);
}

// Numbers that other sessions do not have.
std::span<const HashIds::IdRun> TraceHashIds::own_ids(const TraceRecord& record) {
  own_ids_.clear();
  const std::int64_t own = (std::int64_t{record.session_number} + 1) << 32;
  std::int64_t shared = 0;
  if (record.num_shared_ids > 0) {
    const auto number = static_cast<std::int64_t>(shared_.try_emplace(record.shared_by, shared_.size()).first->second);
    shared = (std::int64_t{1} << 62) + (number << 32);
  }
  std::int64_t shared_left = record.num_shared_ids;
  for (const HashIds::IdRun& run : record.id_runs) {
    const std::int64_t of_all = std::min(run.count, shared_left);
    shared_left -= of_all;
    if (of_all > 0) own_ids_.push_back({run.first + shared, of_all});
    if (run.count > of_all) own_ids_.push_back({run.first + of_all + own, run.count - of_all});
  }
  return own_ids_;
}

TraceContent TraceHashIds::take(const std::string& where) && {
  if (given_ && content_.ids.num_rows() == 0) {
    throw InputError(fmt::format("{}: --hash-id-tokens has no effect: no row has hash_ids", where));
  }
  content_.hash_id_tokens = std::max(content_.hash_id_tokens, 1);
  return std::move(content_);
}

}  // namespace switchyard
