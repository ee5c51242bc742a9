#include "core/metrics/summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/input/error.hpp"
#include "core/metrics/interference_free.hpp"

namespace switchyard {

namespace {

constexpr std::array kQuantiles = {0.50, 0.90, 0.95, 0.99};

// Nearest-rank quantile: the smallest value that at least a share q of the values do not exceed. Reorders `values`.
template <class T>
T quantile(std::vector<T>& values, double q) {
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double mean_seconds(const std::vector<Time>& times) {
  Int128 sum = 0;
  for (const Time time : times) sum += time;
  return static_cast<double>(sum) / static_cast<double>(times.size()) / static_cast<double>(kTicksPerSecond);
}

// The words of a name, sorted.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : name) {
    if (c == '_') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  std::sort(words.begin(), words.end());
  return words;
}

// `prompts` of the same requests as `e2e` and `alone`.
void add_slowdown(Summary& summary, const std::vector<std::int32_t>& prompts, const std::vector<Time>& e2e,
                  const std::vector<Time>& alone) {
  struct Class {
    std::int32_t below;  // prompt tokens
    double Summary::*mean;
    double sum = 0;
    std::size_t count = 0;
  };
  Class classes[] = {{128, &Summary::slowdown_prompt_to_127},
                     {512, &Summary::slowdown_prompt_128_to_511},
                     {2048, &Summary::slowdown_prompt_512_to_2047},
                     {INT32_MAX, &Summary::slowdown_prompt_from_2048}};
  std::vector<double> slowdowns(e2e.size());
  double sum = 0;
  for (std::size_t i = 0; i < e2e.size(); ++i) {
    slowdowns[i] = static_cast<double>(e2e[i]) / static_cast<double>(alone[i]);
    sum += slowdowns[i];
    Class* of = classes;
    while (prompts[i] >= of->below) ++of;
    of->sum += slowdowns[i];
    ++of->count;
  }
  summary.interference_free_e2e_s = mean_seconds(alone);
  summary.mean_slowdown = sum / static_cast<double>(e2e.size());
  summary.p99_slowdown = quantile(slowdowns, 0.99);
  for (const Class& of : classes) {  // one without requests has no slowdown
    if (of.count > 0) summary.*of.mean = of.sum / static_cast<double>(of.count);
  }
}

// Of a replay.
void add_hours(Summary& summary, const Replay& replay) {
  constexpr double kTicksPerHour = 3600.0 * static_cast<double>(kTicksPerSecond);
  Int128 there = Int128{replay.makespan} * static_cast<std::int64_t>(replay.replicas.size());
  Int128 down = 0;
  for (const ReplicaAbsence& absence : replay.absences) {
    const bool away = absence.why == ReplicaAbsence::Why::not_there;
    (away ? there : down) += (away ? -1 : 1) * Int128{absence.to - absence.from};
  }
  summary.replica_hours = static_cast<double>(there) / kTicksPerHour;
  summary.down_hours = static_cast<double>(down) / kTicksPerHour;
}

// Of requests that count.
void add_hand_offs(Summary& summary, const Replay& replay, const Workload& workload) {
  Int128 bytes = 0;
  std::vector<Time> transfers, waits;
  for (const HandOff& entry : replay.hand_offs) {
    if (!workload.is_counted(static_cast<std::size_t>(entry.row))) continue;
    bytes += entry.num_moved_bytes;
    transfers.push_back(entry.ended_at - entry.began_at);
    waits.push_back(entry.began_at - entry.prefilled_at);
  }
  if (transfers.empty()) return;
  summary.split_share = static_cast<double>(transfers.size()) / static_cast<double>(summary.num_requests);
  summary.moved_gb = static_cast<double>(bytes) / 1e9;
  summary.mean_transfer_s = mean_seconds(transfers);
  summary.mean_handoff_wait_s = mean_seconds(waits);
}

double in_seconds_of(Time time) { return seconds_from_ticks(time); }
double in_seconds_of(double seconds) { return seconds; }

template <class T>
void set_quantiles(Summary& summary, std::vector<T>& times, const std::array<double Summary::*, 4>& members) {
  for (std::size_t i = 0; i < kQuantiles.size(); ++i) {
    summary.*members[i] = in_seconds_of(quantile(times, kQuantiles[i]));
  }
}

}  // namespace

const std::vector<SummaryField>& summary_fields() {
  using S = Summary;
  using enum Better;
  const std::string tpot = "a request with a second output token";
  const auto prompts = [](const std::string& tokens) { return "a prompt of " + tokens + " tokens"; };
  static const std::vector<SummaryField> fields = {
      {"mean_e2e_s", "mean end-to-end time, s", &S::mean_e2e_s, lower},
      {"p50_e2e_s", "median end-to-end time, s", &S::p50_e2e_s, lower},
      {"p90_e2e_s", "90th percentile of end-to-end time, s", &S::p90_e2e_s, lower},
      {"p95_e2e_s", "95th percentile of end-to-end time, s", &S::p95_e2e_s, lower},
      {"p99_e2e_s", "99th percentile of end-to-end time, s", &S::p99_e2e_s, lower},
      {"mean_ttft_s", "mean time to first token, s", &S::mean_ttft_s, lower},
      {"p50_ttft_s", "median time to first token, s", &S::p50_ttft_s, lower},
      {"p90_ttft_s", "90th percentile of time to first token, s", &S::p90_ttft_s, lower},
      {"p95_ttft_s", "95th percentile of time to first token, s", &S::p95_ttft_s, lower},
      {"p99_ttft_s", "99th percentile of time to first token, s", &S::p99_ttft_s, lower},
      {"mean_tpot_s", "mean time per output token after the first, s", &S::mean_tpot_s, lower, tpot},
      {"p50_tpot_s", "median of the same, s", &S::p50_tpot_s, lower, tpot},
      {"p90_tpot_s", "90th percentile of the same, s", &S::p90_tpot_s, lower, tpot},
      {"p95_tpot_s", "95th percentile of the same, s", &S::p95_tpot_s, lower, tpot},
      {"p99_tpot_s", "99th percentile of the same, s", &S::p99_tpot_s, lower, tpot},
      {"longest_wait_s", "longest wait for a first batch, s", &S::longest_wait_s, lower},
      {"interference_free_e2e_s", "mean end-to-end time were each request alone: a bound, s",
       &S::interference_free_e2e_s},
      {"mean_slowdown", "mean of end-to-end time over that of the request alone", &S::mean_slowdown, lower},
      {"p99_slowdown", "99th percentile of the same", &S::p99_slowdown, lower},
      {"slowdown_prompt_to_127", "mean slowdown, prompts below 128 tokens", &S::slowdown_prompt_to_127, lower,
       prompts("less than 128")},
      {"slowdown_prompt_128_to_511", "mean slowdown, prompts of 128 to 511", &S::slowdown_prompt_128_to_511, lower,
       prompts("128 to 511")},
      {"slowdown_prompt_512_to_2047", "mean slowdown, prompts of 512 to 2047", &S::slowdown_prompt_512_to_2047, lower,
       prompts("512 to 2047")},
      {"slowdown_prompt_from_2048", "mean slowdown, prompts of 2048 and more", &S::slowdown_prompt_from_2048, lower,
       prompts("2048 and more")},
      {"makespan_s", "time of the last completion, s", &S::makespan_s, lower},
      {"throughput_rps", "completed requests per second from the first arrival to the last completion",
       &S::throughput_rps, higher},
      {"goodput_rps", "the same of requests within the stated limits (all, if none is stated)", &S::goodput_rps,
       higher},
      {"kv_use_mean", "mean share of the KV capacity that holds tokens, from the first arrival on", &S::kv_use_mean},
      {"kv_use_peak", "largest share of KV blocks allocated on a replica", &S::kv_use_peak},
      {"imbalance", "busiest replica's busy time over the mean", &S::imbalance, lower},
      {"num_requests", "completed requests", &S::num_requests},
      {"num_cut_requests", "of these, cut to the context", &S::num_cut_requests, Better::neither, "", true},
      {"num_batches", "batches", &S::num_batches},
      {"num_restarts", "restarts", &S::num_restarts, lower},
      {"num_extrapolated_batches", "batches whose time lay outside what the cost model covers",
       &S::num_extrapolated_batches},
      {"hit_rate", "share of prompt tokens found in a prefix cache at first admission", &S::hit_rate, higher, "", true},
      {"goodput_share", "share of requests within the limits of goodput (1, if none is stated)", &S::goodput_share,
       higher, "", true},
      {"num_scheduled_tokens", "tokens computed by all batches (vllm_v1)", &S::num_scheduled_tokens, neither, "", true},
      {"hit_tokens", "prompt tokens found in a prefix cache at first admission", &S::hit_tokens, higher, "", true},
      {"hit_tokens_resumed", "tokens that restarted requests found in a prefix cache", &S::hit_tokens_resumed, neither,
       "", true},
      {"num_recomputed_tokens", "tokens computed again after a restart (vllm_v1)", &S::num_recomputed_tokens, lower, "",
       true},
      {"split_share", "share of requests that decoded elsewhere than where their prompt was computed", &S::split_share,
       neither, "", true},
      {"moved_gb", "KV that moved between replicas for them, GB", &S::moved_gb, lower, "", true},
      {"mean_transfer_s", "mean time that it took to move a request's KV, s", &S::mean_transfer_s, lower,
       "a request that decoded elsewhere than where its prompt was computed", true},
      {"mean_handoff_wait_s", "mean time from the first token until its KV began to move, s", &S::mean_handoff_wait_s,
       lower, "a request that decoded elsewhere than where its prompt was computed", true},
      {"num_evicted_blocks", "cached KV blocks that lost what they held to others", &S::num_evicted_blocks, lower, "",
       true},
      {"num_failed", "requests that failed: they are in no time above", &S::num_failed, lower, "", true},
      {"failed_share", "their share of all requests", &S::failed_share, lower, "", true},
      {"num_retries", "times that a request was lost and sent again", &S::num_retries, lower, "", true},
      {"replica_hours", "hours for which replicas were there, up to the last completion, all together",
       &S::replica_hours, lower, "", true},
      {"down_hours", "of these, hours in which they had failed or were starting up", &S::down_hours, lower, "", true},
  };
  return fields;
}

double SummaryField::get(const Summary& summary) const {
  return std::visit([&](auto m) { return static_cast<double>(summary.*m); }, member);
}

void SummaryField::set(Summary& summary, double value) const {
  const double known = whole() && std::isnan(value) ? 0 : value;  // a count that was not recorded
  std::visit([&](auto m) { summary.*m = static_cast<std::remove_reference_t<decltype(summary.*m)>>(known); }, member);
}

const SummaryField& find_summary_field(std::string_view name, std::string_view where) {
  std::vector<std::string> names;
  for (const SummaryField& field : summary_fields()) {
    if (field.name == name || words_of(field.name) == words_of(name)) return field;
    names.push_back(field.name);
  }
  throw unknown_name(where, "figure", name, names);
}

Summary mean_of(const std::vector<Summary>& summaries) {
  Summary mean;
  for (const SummaryField& field : summary_fields()) {
    double sum = 0;
    std::size_t count = 0;
    for (const Summary& summary : summaries) {
      const double value = field.get(summary);
      if (std::isnan(value)) continue;
      sum += value;
      ++count;
    }
    const double value = count == 0 ? kAbsent : sum / static_cast<double>(count);
    field.set(mean, field.whole() ? std::round(value) : value);
  }
  return mean;
}

Summary summarize(const Replay& replay, const Workload& workload, const ClusterConfig& config) {
  return summarize(replay, workload, config, interference_free_times(config, workload));
}

Summary summarize(const Replay& replay, const Workload& workload, const ClusterConfig& config,
                  const std::vector<Time>& alone, const RequestLimits& limits) {
  using S = Summary;
  Summary summary;
  std::size_t good = 0;
  std::vector<Time> e2e, ttft, counted_alone;
  std::vector<std::int32_t> prompts;
  std::vector<double> tpot;
  for (auto* times : {&e2e, &ttft, &counted_alone}) times->reserve(workload.size());
  prompts.reserve(workload.size());
  tpot.reserve(workload.size());
  std::int64_t prompt_tokens = 0, hit_tokens = 0;
  Time longest_wait = 0, begin = kNever, first_arrival = kNever;
  for (std::size_t i = 0; i < workload.size(); ++i) {
    const RequestRecord& record = replay.requests[i];
    begin = std::min(begin, record.arrived_at);
    if (!workload.is_counted(i)) continue;
    const Time arrived_at = record.arrived_at;
    first_arrival = std::min(first_arrival, arrived_at);
    summary.num_retries += record.num_retries;
    if (record.failed) {
      ++summary.num_failed;
      continue;
    }
    e2e.push_back(record.completed_at - arrived_at);
    ttft.push_back(record.prefill_completed_at - arrived_at);
    counted_alone.push_back(alone[i]);
    prompts.push_back(workload.requests[i].num_prefill_tokens);
    prompt_tokens += prompts.back();
    hit_tokens += record.num_cached_tokens;
    longest_wait = std::max(longest_wait, record.scheduled_at - arrived_at);
    const std::int32_t outputs = workload.hidden.num_decode_tokens[i];
    double per_token = 0;
    if (outputs > 1) {
      per_token = seconds_from_ticks(record.completed_at - record.prefill_completed_at) / (outputs - 1);
      tpot.push_back(per_token);
    }
    good += per_token <= limits.tpot_s && seconds_from_ticks(ttft.back()) <= limits.ttft_s &&
            seconds_from_ticks(e2e.back()) <= limits.e2e_s;
  }
  const std::size_t n = e2e.size();
  if (n == 0) throw StalledError("no request completed that counts: there is nothing to tell of them");
  add_slowdown(summary, prompts, e2e, counted_alone);
  summary.num_requests = static_cast<std::int64_t>(n);
  summary.num_cut_requests = static_cast<std::int64_t>(workload.num_cut);
  summary.mean_e2e_s = mean_seconds(e2e);
  summary.mean_ttft_s = mean_seconds(ttft);
  if (!tpot.empty()) {
    double sum = 0;
    for (const double value : tpot) sum += value;
    summary.mean_tpot_s = sum / static_cast<double>(tpot.size());
    set_quantiles(summary, tpot, {&S::p50_tpot_s, &S::p90_tpot_s, &S::p95_tpot_s, &S::p99_tpot_s});
  }
  set_quantiles(summary, e2e, {&S::p50_e2e_s, &S::p90_e2e_s, &S::p95_e2e_s, &S::p99_e2e_s});
  set_quantiles(summary, ttft, {&S::p50_ttft_s, &S::p90_ttft_s, &S::p95_ttft_s, &S::p99_ttft_s});
  summary.longest_wait_s = seconds_from_ticks(longest_wait);
  summary.makespan_s = seconds_from_ticks(replay.makespan);
  // A trace may begin at any time: what a second holds counts from its first request.
  const Time span = replay.makespan - first_arrival, whole_span = replay.makespan - begin;
  summary.throughput_rps = static_cast<double>(n) / seconds_from_ticks(span);
  summary.goodput_rps = static_cast<double>(good) / seconds_from_ticks(span);

  summary.goodput_share =
      static_cast<double>(good) / static_cast<double>(n + static_cast<std::size_t>(summary.num_failed));
  summary.failed_share =
      static_cast<double>(summary.num_failed) / static_cast<double>(n + static_cast<std::size_t>(summary.num_failed));
  add_hours(summary, replay);

  Int128 kv_token_ticks = 0;
  Int128 busy = 0;  // 16 replicas that are busy for a week are more than a Time counts
  Time busiest = 0;
  double capacity = 0;  // tokens of KV memory, all replicas
  for (std::size_t r = 0; r < replay.replicas.size(); ++r) {
    const ReplicaTotals& replica = replay.replicas[r];
    const ReplicaLimits& kv = config.kind(static_cast<std::int32_t>(r)).limits();
    summary.num_batches += replica.num_batches;
    summary.num_restarts += replica.num_restarts;
    summary.num_extrapolated_batches += replica.num_extrapolated_batches;
    summary.num_scheduled_tokens += replica.num_scheduled_tokens;
    summary.hit_tokens += replica.hit_tokens;
    summary.hit_tokens_resumed += replica.hit_tokens_resumed;
    summary.num_recomputed_tokens += replica.num_recomputed_tokens;
    summary.num_evicted_blocks += replica.num_evicted_blocks;
    kv_token_ticks += replica.kv_token_ticks;
    busy += replica.busy;
    busiest = std::max(busiest, replica.busy);
    capacity += static_cast<double>(kv.num_blocks) * kv.block_size;
    summary.kv_use_peak = std::max(summary.kv_use_peak, static_cast<double>(replica.peak_blocks) / kv.num_blocks);
  }
  add_hand_offs(summary, replay, workload);
  const double replicas = static_cast<double>(replay.replicas.size());
  summary.kv_use_mean =
      static_cast<double>(kv_token_ticks) / (capacity / replicas * static_cast<double>(whole_span) * replicas);
  if (workload.counted.empty()) hit_tokens = summary.hit_tokens;  // of all requests, as replicas have it
  summary.hit_rate = static_cast<double>(hit_tokens) / static_cast<double>(prompt_tokens);
  summary.imbalance = static_cast<double>(busiest) / (static_cast<double>(busy) / replicas);
  return summary;
}

}  // namespace switchyard
