#include "core/cost/composed_times.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/cost/cost_model.hpp"
#include "core/cost/curve_json.hpp"
#include "core/cost/json_fields.hpp"
#include "core/cost/profile.hpp"

namespace switchyard {

namespace {

constexpr double kMemoryBoundTokens = 256;

}  // namespace

ComposedTimes::ComposedTimes(OperatorSum sum)
    : sum_(std::move(sum)), memory_bound_(sum_.tokens.at(kMemoryBoundTokens)) {}

double ComposedTimes::milliseconds(const BatchShape& step, bool& outside) const {
  const auto tokens = static_cast<double>(step.prefill_tokens + step.num_decodes);
  const double requests = step.num_decodes + step.num_prefills;
  outside |= tokens > sum_.tokens.x.back() || requests > sum_.requests.x.back();
  const double linear = sum_.tokens.at(tokens);
  double ms = sum_.overhead_ms + 1e-3 * sum_.per_request_us * requests + linear +
              sum_.derate * std::max(0.0, linear - memory_bound_) + sum_.requests.at(requests);
  if (step.num_decodes > 0) {
    const double batch = step.num_decodes;
    const double context = static_cast<double>(step.decode_kv_tokens) / batch;
    const auto& batches = sum_.decode.position;
    const auto above = std::lower_bound(batches.begin(), batches.end(), batch);
    outside |= above == batches.end() ||
               context > sum_.decode.curves[static_cast<std::size_t>(above - batches.begin())].x.back();
    ms += sum_.decode.at(batch, context);
  }
  if (step.num_prefills > 0) ms += step.prefill_attention_ms;
  return ms;
}

double ComposedTimes::whole_prefill(double length) const {
  const auto& [x, y] = sum_.prefill;
  if (length <= 0) return 0;
  if (length <= x.front()) return y.front();
  const auto found = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), length) - x.begin());
  const std::size_t next = std::min(found, x.size() - 1);
  const double low = x[next - 1] * x[next - 1], high = x[next] * x[next];
  return y[next - 1] + (length * length - low) / (high - low) * (y[next] - y[next - 1]);
}

double ComposedTimes::prefill_attention(std::int64_t processed, std::int64_t chunk, bool& outside) const {
  const auto before = static_cast<double>(processed), after = static_cast<double>(processed + chunk);
  outside |= after > sum_.prefill.x.back();
  const double whole = whole_prefill(after);
  return std::max(whole - whole_prefill(before), whole * (after * after - before * before) / (after * after));
}

std::string ComposedTimes::json() const {
  return fmt::format(
      "{{\n    \"overhead_ms\": {}, \"per_request_us\": {:.6g}, \"derate\": {},\n    \"tokens\": {},\n    "
      "\"requests\": "
      "{},\n"
      "    \"decode_attention\": {},\n    \"prefill_attention\": {}\n  }}",
      sum_.overhead_ms, sum_.per_request_us, sum_.derate, curve_json(sum_.tokens), curve_json(sum_.requests),
      curve_set_json(sum_.decode), curve_json(sum_.prefill));
}

std::shared_ptr<const ComposedTimes> ComposedTimes::from_json(const JsonFile& file, const std::string& pointer) {
  static const std::array<std::string, 7> keys = {"overhead_ms", "per_request_us",   "derate",           "tokens",
                                                  "requests",    "decode_attention", "prefill_attention"};
  json_check_keys(file, keys, pointer);
  OperatorSum sum;
  sum.overhead_ms = json_number(file, keys[0], 0, 1000, pointer);
  sum.per_request_us = json_number(file, keys[1], 0, 1e6, pointer);
  sum.derate = json_number(file, keys[2], 0, 1, pointer);
  sum.tokens = curve_from(file, pointer + "/tokens", 2);
  sum.requests = curve_from(file, pointer + "/requests", 2);
  sum.decode = curve_set_from(file, pointer + "/decode_attention", 1, kLargestProfileBatch);
  sum.prefill = curve_from(file, pointer + "/prefill_attention", 2);
  return std::make_shared<ComposedTimes>(std::move(sum));
}

}  // namespace switchyard
