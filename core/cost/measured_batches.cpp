#include "core/cost/measured_batches.hpp"

#include <fmt/format.h>

#include <optional>

#include "core/cost/profile.hpp"
#include "core/input/csv.hpp"

namespace switchyard {

namespace {

constexpr double kLongestBatchMs = 1e6;

std::int64_t count(const CsvReader& csv, std::size_t column, std::int64_t least, std::int64_t most) {
  const std::int64_t value = csv.integer(column);
  if (value < least || value > most) throw csv.fail(column, fmt::format("must be from {} to {}", least, most));
  return value;
}

}  // namespace

std::vector<MeasuredBatch> read_measured_batches(const std::filesystem::path& file) {
  CsvReader csv(file);
  const auto optional = [&csv](std::string_view name) {
    return csv.has_column(name) ? std::optional(csv.column(name)) : std::nullopt;
  };
  const std::size_t tokens = csv.column("batch_tokens"), decodes = csv.column("decode_batch_size");
  const std::size_t kv = csv.column("mean_kv_tokens"), prefill = csv.column("prefill_tokens");
  const std::size_t time = csv.column("milliseconds");
  const auto prefills = optional("num_prefills"), prefill_kv = optional("prefill_kv_tokens");
  std::vector<MeasuredBatch> batches;
  while (csv.next()) {
    MeasuredBatch batch;
    BatchShape& shape = batch.shape;
    shape.num_decodes = static_cast<std::int32_t>(count(csv, decodes, 0, kLargestProfileBatch));
    shape.prefill_tokens = count(csv, prefill, 0, kLongestProfile);
    const std::int64_t sum = shape.prefill_tokens + shape.num_decodes;
    if (sum == 0) throw csv.fail(prefill, "must be above 0 where decode_batch_size is 0: a batch computes something");
    if (count(csv, tokens, 1, 2 * std::int64_t{kLongestProfile}) != sum) {
      throw csv.fail(tokens, fmt::format("must be decode_batch_size + prefill_tokens, which is {}", sum));
    }
    const double mean_kv = csv.number(kv);
    if (mean_kv < 0 || mean_kv > kLongestProfile)
      throw csv.fail(kv, fmt::format("must be from 0 to {}", kLongestProfile));
    if (shape.num_decodes == 0 && mean_kv > 0) throw csv.fail(kv, "must be 0 where no request decodes");
    shape.decode_kv_tokens = static_cast<std::int64_t>(mean_kv * shape.num_decodes);
    if (shape.prefill_tokens > 0) {
      shape.num_prefills = prefills ? static_cast<std::int32_t>(count(csv, *prefills, 1, shape.prefill_tokens)) : 1;
      shape.prefill_chunk_squares = shape.prefill_tokens * shape.prefill_tokens / shape.num_prefills;
    } else if (prefills) {
      count(csv, *prefills, 0, 0);
    }
    if (prefill_kv) shape.prefill_kv_tokens = count(csv, *prefill_kv, 0, shape.num_prefills > 0 ? kLongestProfile : 0);
    batch.milliseconds = csv.number(time);
    if (!(batch.milliseconds > 0 && batch.milliseconds <= kLongestBatchMs)) {
      throw csv.fail(time, fmt::format("must be above 0 and at most {} ms", kLongestBatchMs));
    }
    batches.push_back(batch);
  }
  return batches;
}

}  // namespace switchyard
