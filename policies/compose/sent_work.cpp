#include "policies/compose/sent_work.hpp"

#include <algorithm>
#include <cmath>

namespace switchyard {

namespace {

// What another router's share of a replica has forgotten after so long, s: queues turn over quickly, decodes slowly.
constexpr double kQueueMemory = 0.5;
constexpr double kDecodeMemory = 4.0;

constexpr std::int32_t kRateTokens = 2048;

}  // namespace

void SentWork::start(const ClusterView& cluster) {
  replicas_.resize(static_cast<std::size_t>(cluster.num_replicas()));
  for (Replica& books : replicas_) {
    std::vector<Sent> kept = std::move(books.sent);  // its memory
    kept.clear();
    books = Replica{};
    books.sent = std::move(kept);
  }
  prefill_sum_ = num_sent_ = 0;
}

void SentWork::add(Sums& sums, const Sent& request, bool begun, double sign) {
  if (begun) {
    sums.decoding += sign;
    sums.context += sign * (request.prompt + request.outputs / 2);  // somewhere in its answer
  } else {
    sums.waiting += sign;
    sums.pending += sign * request.prefill;
    sums.uncached += sign * request.uncached;
  }
}

void SentWork::sent(const QueuedRequest& request, std::int32_t replica, std::int32_t uncached, double prefill,
                    double outputs, Time now) {
  Replica& books = replicas_[static_cast<std::size_t>(replica)];
  Sent& made = books.sent.emplace_back();
  made.id = request.id;
  made.sent_at = now;
  made.uncached = uncached;
  made.prefill = prefill;
  made.prompt = request.num_prefill_tokens;
  made.outputs = outputs;
  add(books.now, made, false, 1);
  prefill_sum_ += prefill;
  ++num_sent_;
}

void SentWork::first_token(const FirstToken& token) {
  Replica& books = replicas_[static_cast<std::size_t>(token.replica)];
  for (Sent& request : books.sent) {
    if (request.id != token.id || request.first_token_at >= 0) continue;
    add(books.now, request, false, -1);
    add(books.now, request, true, 1);
    request.first_token_at = token.at;
    return;
  }
}

void SentWork::completed(const CompletedRequest& done) {
  Replica& books = replicas_[static_cast<std::size_t>(done.replica)];
  for (Sent& request : books.sent) {
    if (request.id != done.id) continue;
    add(books.now, request, request.first_token_at >= 0, -1);
    request.done_at = done.completed_at;
    ++books.num_done;
    if (books.num_done == books.sent.size()) books.now = {};  // no rounding is carried on
    return;
  }
}

void SentWork::forget_done(Replica& books, Time before) {
  if (books.num_done == 0) return;
  std::erase_if(books.sent, [&](const Sent& request) { return request.done_at >= 0 && request.done_at <= before; });
  books.num_done = static_cast<std::size_t>(
      std::count_if(books.sent.begin(), books.sent.end(), [](const Sent& request) { return request.done_at >= 0; }));
}

// What the report says of the replica, less what this router had there when it was taken: the others' share.
void SentWork::read_report(const ClusterView& cluster, std::int32_t replica) {
  Replica& books = replicas_[static_cast<std::size_t>(replica)];
  const ReplicaState state = cluster.state(replica);
  if (state.taken_at == books.taken_at && state.taken_at < cluster.now()) return;
  books.taken_at = state.taken_at;
  books.blocks = state.blocks_used;
  forget_done(books, state.taken_at);
  if (cluster.num_routers() == 1) return;
  Sums own;
  for (const Sent& request : books.sent) {
    if (request.sent_at > state.taken_at || (request.done_at >= 0 && request.done_at <= state.taken_at)) continue;
    add(own, request, request.first_token_at >= 0 && request.first_token_at <= state.taken_at, 1);
  }
  const double waiting_tokens = static_cast<double>(state.waiting_uncached_tokens >= 0 ? state.waiting_uncached_tokens
                                                                                       : state.waiting_prefill_tokens);
  const double uncached = waiting_tokens + static_cast<double>(state.remaining_prefill_tokens);
  books.others.waiting = std::max(0.0, state.num_waiting + state.num_prefilling - own.waiting);
  books.others.decoding = std::max(0.0, state.num_decoding() - own.decoding);
  books.others.uncached = std::max(0.0, uncached - own.uncached);
  books.others.context = std::max(0.0, static_cast<double>(state.decoding_kv_tokens) - own.context);
  books.others.pending = 0;
  if (books.others.uncached <= 0) return;
  // Prompts of which only the sum is known, at the rate of a full batch.
  const std::int64_t batch = std::min(cluster.limits(replica).batch_tokens, kRateTokens);
  books.others.pending = books.others.uncached * static_cast<double>(cluster.batch_times(replica).prefill(batch)) /
                         static_cast<double>(batch);
}

// The others' share as it is likely to be by now: it draws to the mean over the fleet as the report ages.
SentWork::Sums SentWork::drawn_others(const ClusterView& cluster, std::int32_t replica) const {
  Sums mean;
  for (const Replica& books : replicas_) {
    mean.waiting += books.others.waiting;
    mean.decoding += books.others.decoding;
    mean.pending += books.others.pending;
    mean.context += books.others.context;
    mean.uncached += books.others.uncached;
  }
  const Replica& books = replicas_[static_cast<std::size_t>(replica)];
  const double age = seconds_from_ticks(cluster.now() - books.taken_at);
  const double queue = std::exp(-age / kQueueMemory), decode = std::exp(-age / kDecodeMemory);
  const auto n = static_cast<double>(replicas_.size());
  const auto drawn = [n](double value, double sum, double kept) { return sum / n + (value - sum / n) * kept; };
  Sums others;
  others.waiting = drawn(books.others.waiting, mean.waiting, queue);
  others.decoding = drawn(books.others.decoding, mean.decoding, decode);
  others.pending = drawn(books.others.pending, mean.pending, queue);
  others.context = drawn(books.others.context, mean.context, decode);
  others.uncached = drawn(books.others.uncached, mean.uncached, queue);
  return others;
}

ReplicaLoad SentWork::load(const ClusterView& cluster, std::int32_t replica) {
  const bool alone = cluster.num_routers() == 1;
  if (alone) {
    read_report(cluster, replica);
  } else {
    for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) read_report(cluster, r);
  }
  const Replica& books = replicas_[static_cast<std::size_t>(replica)];
  Sums sums = books.now;
  if (!alone) {
    const Sums others = drawn_others(cluster, replica);
    sums.waiting += others.waiting;
    sums.decoding += others.decoding;
    sums.pending += others.pending;
    sums.context += others.context;
    sums.uncached += others.uncached;
  }
  // Blocks: as reported, and since then what began to decode, less what came back.
  double tokens = sums.uncached;
  if (books.taken_at < cluster.now()) {
    for (const Sent& request : books.sent) {
      if (request.first_token_at > books.taken_at && request.done_at < 0)
        tokens += request.uncached + request.outputs / 2;
      if (request.done_at > books.taken_at && request.first_token_at >= 0 && request.first_token_at <= books.taken_at) {
        tokens -= request.uncached + request.outputs;
      }
    }
  }
  const double size = cluster.limits(replica).block_size;
  ReplicaLoad load;
  load.requests = sums.waiting + sums.decoding;
  load.decoding = sums.decoding;
  load.pending = sums.pending;
  load.context = sums.context;
  load.blocks = std::max(0.0, books.blocks + tokens / size);
  return load;
}

}  // namespace switchyard
