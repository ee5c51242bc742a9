#include "policies/compose/sent_work.hpp"

#include <algorithm>
#include <cmath>

namespace switchyard {

namespace {

constexpr std::int32_t kRateTokens = 2048;

}  // namespace

double overgrowth(double requests, double held, double outputs) {
  const double most = requests * outputs;
  if (held <= 0 || outputs <= 0) return most;
  const double share = outputs / (held + outputs);
  return std::min(most, outputs / (1.0 - share * share));
}

void SentWork::start(const ClusterView& cluster) {
  replicas_.resize(static_cast<std::size_t>(cluster.num_replicas()));
  for (Replica& books : replicas_) {
    std::vector<Sent> kept = std::move(books.sent);  // its memory
    kept.clear();
    books = Replica{};
    books.sent = std::move(kept);
  }
  alone_ = cluster.num_routers() == 1;
  prefill_sum_ = num_sent_ = 0;
}

void SentWork::add(Sums& sums, const Sent& request, bool begun, double sign) {
  if (begun) {
    sums.decoding += sign;
    sums.context += sign * (request.prompt + request.outputs / 2);  // somewhere in its answer
    sums.held += sign * (request.uncached + request.outputs / 2);
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
  made.ahead = books.now.pending;
  prefill_sum_ += prefill;
  ++num_sent_;
}

void SentWork::first_token(const FirstToken& token) {
  Replica& books = replicas_[static_cast<std::size_t>(token.replica)];
  for (Sent& request : books.sent) {
    if (request.id != token.id || request.first_token_at >= 0 || request.done_at >= 0) continue;
    add(books.now, request, false, -1);
    add(books.now, request, true, 1);
    request.first_token_at = token.at;
    // Replicas take prompts in turn: what it waited beyond this router's own was others'.
    books.felt = std::max(0.0, static_cast<double>(token.at - request.sent_at) - request.ahead);
    books.felt_at = token.at;
    return;
  }
}

void SentWork::completed(const CompletedRequest& done) {
  Replica& books = replicas_[static_cast<std::size_t>(done.replica)];
  for (Sent& request : books.sent) {
    if (request.id != done.id || request.done_at >= 0) continue;  // one that was lost may have come back here
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
  if (alone_) return;
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
  books.others.held = std::max(0.0, books.blocks * cluster.limits(replica).block_size - own.held);
  books.others.pending = 0;
  if (books.others.uncached <= 0) return;
  // Prompts of which only the sum is known, at the rate of a full batch.
  const std::int64_t batch = std::min(cluster.limits(replica).batch_tokens, kRateTokens);
  books.others.pending = books.others.uncached * static_cast<double>(cluster.batch_times(replica).prefill(batch)) /
                         static_cast<double>(batch);
}

// The others' share as it is likely to be by now: it draws to the mean over the fleet as the report ages. Of their
// queue this router has felt more lately, perhaps: its own prompts that had to wait for it, or do so still.
SentWork::Others SentWork::drawn_others(const ClusterView& cluster, std::int32_t replica) const {
  Sums mean;
  for (const Replica& books : replicas_) {
    mean.waiting += books.others.waiting;
    mean.decoding += books.others.decoding;
    mean.pending += books.others.pending;
    mean.context += books.others.context;
    mean.uncached += books.others.uncached;
    mean.held += books.others.held;
  }
  const Replica& books = replicas_[static_cast<std::size_t>(replica)];
  const Time now = cluster.now();
  const auto kept_after = [now](Time since, double memory_s) {
    return std::exp(-seconds_from_ticks(now - since) / memory_s);
  };
  const double queue = kept_after(books.taken_at, memory_.queue_s),
               decode = kept_after(books.taken_at, memory_.decode_s);
  const auto n = static_cast<double>(replicas_.size());
  const auto drawn = [n](double value, double sum, double kept) { return sum / n + (value - sum / n) * kept; };
  Others others;
  others.expected.waiting = drawn(books.others.waiting, mean.waiting, queue);
  others.expected.decoding = drawn(books.others.decoding, mean.decoding, decode);
  others.expected.pending = drawn(books.others.pending, mean.pending, queue);
  others.expected.context = drawn(books.others.context, mean.context, decode);
  others.expected.uncached = drawn(books.others.uncached, mean.uncached, queue);
  others.expected.held = drawn(books.others.held, mean.held, decode);
  others.pending = books.others.pending * queue;
  others.uncached = books.others.uncached * queue;
  others.held = books.others.held * decode;
  if (memory_.felt_s <= 0) return others;
  if (books.felt_at > books.taken_at) {
    const double felt = kept_after(books.felt_at, memory_.felt_s);
    others.expected.pending = drawn(books.felt, mean.pending, felt);
    others.pending = std::max(others.pending, books.felt * felt);
  }
  double overdue = 0;
  for (const Sent& request : books.sent) {
    if (request.first_token_at < 0 && request.done_at < 0) {
      overdue = std::max(overdue, static_cast<double>(now - request.sent_at) - request.ahead);
    }
  }
  others.expected.pending = std::max(others.expected.pending, overdue);
  others.pending = std::max(others.pending, overdue);
  return others;
}

// Tokens of this router's requests that need blocks beyond those of the report: of prompts on their way, and of what
// began to decode since, less what came back.
double SentWork::tokens_since_report(const Replica& books, Time now) {
  double tokens = books.now.uncached;
  if (books.taken_at >= now) return tokens;
  for (const Sent& request : books.sent) {
    if (request.first_token_at > books.taken_at && request.done_at < 0)
      tokens += request.uncached + request.outputs / 2;
    if (request.done_at > books.taken_at && request.first_token_at >= 0 && request.first_token_at <= books.taken_at) {
      tokens -= request.uncached + request.outputs;
    }
  }
  return tokens;
}

ReplicaLoad SentWork::load(const ClusterView& cluster, std::int32_t replica) {
  Replica& books = replicas_[static_cast<std::size_t>(replica)];
  const Sums& own = books.now;
  const double size = cluster.limits(replica).block_size;
  ReplicaLoad load;
  if (alone_) {
    read_report(cluster, replica);
    load.requests = own.waiting + own.decoding;
    load.decoding = own.decoding;
    load.pending = load.known_pending = own.pending;
    load.context = own.context;
    load.blocks = load.known_blocks = std::max(0.0, books.blocks + tokens_since_report(books, cluster.now()) / size);
    return load;
  }
  for (std::int32_t r = 0; r < cluster.num_replicas(); ++r) read_report(cluster, r);
  const Others others = drawn_others(cluster, replica);
  load.requests = own.waiting + own.decoding + others.expected.waiting + others.expected.decoding;
  load.decoding = own.decoding + others.expected.decoding;
  load.pending = own.pending + others.expected.pending;
  load.context = own.context + others.expected.context;
  load.blocks = (own.uncached + own.held + others.expected.uncached + others.expected.held) / size;
  load.known_pending = own.pending + others.pending;
  load.known_blocks = (own.uncached + own.held + others.uncached + others.held) / size;
  return load;
}

}  // namespace switchyard
