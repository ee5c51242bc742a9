#include "core/cost/profile.hpp"

#include <algorithm>
#include <cmath>

namespace switchyard {

namespace {

constexpr int kMaxContext = 4096;  // what Vidur's profiles and tables end at

}  // namespace

LayerTimes compile_profile(const Profile& profile) {
  LayerTimes times{.shape = profile.shape, .ms = {}, .grouped_query_factor = profile.grouped_query_factor};
  CostTables& ms = times.ms;
  ms.max_tokens = kMaxContext;
  ms.max_decodes = static_cast<std::int32_t>(profile.decode.position.back());
  ms.max_decode_kv_steps = ms.max_prefill_kv_steps = kMaxContext / kKvGrain;
  ms.max_chunk = kMaxContext;
  ms.allocate();
  for (std::int32_t t = 1; t <= ms.max_tokens; ++t) {
    const std::int32_t rounded = (t + kTokenGrain - 1) / kTokenGrain * kTokenGrain;
    ms.tokens[static_cast<std::size_t>(t)] = profile.tokens.at(rounded) + profile.save.at(t);
  }
  ms.covered_tokens = static_cast<std::int32_t>(profile.tokens.x.back());
  auto last_of = [](const CurveSet& set, double position) {  // the shorter of the curves around it
    const auto above = std::lower_bound(set.position.begin(), set.position.end(), position) - set.position.begin();
    if (above == static_cast<std::ptrdiff_t>(set.position.size())) return -1.0;
    const auto next = static_cast<std::size_t>(above);
    const double end = set.curves[next].x.back();
    return next > 0 ? std::min(end, set.curves[next - 1].x.back()) : end;
  };
  ms.decode_covered.assign(static_cast<std::size_t>(ms.max_decodes) + 1, ms.max_decode_kv_steps);
  for (std::int32_t b = 1; b <= ms.max_decodes; ++b) {
    for (std::int32_t k = 0; k <= ms.max_decode_kv_steps; ++k) ms.decode_at(b, k) = profile.decode.at(b, k * kKvGrain);
    ms.decode_covered[static_cast<std::size_t>(b)] =
        static_cast<std::int32_t>(std::ceil(last_of(profile.decode, b) / kKvGrain));
  }
  ms.prefill_covered.assign(static_cast<std::size_t>(ms.max_prefill_kv_steps) + 1, -1);
  for (std::int32_t k = 0; k <= ms.max_prefill_kv_steps; ++k) {
    for (std::int32_t c = 1; c <= ms.max_chunk; ++c) ms.prefill_at(k, c) = profile.prefill.at(k * kKvGrain, c);
    ms.prefill_covered[static_cast<std::size_t>(k)] = static_cast<std::int32_t>(last_of(profile.prefill, k * kKvGrain));
  }
  return times;
}

}  // namespace switchyard
