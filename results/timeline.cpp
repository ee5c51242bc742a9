#include "results/timeline.hpp"

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/input/json_text.hpp"

namespace switchyard {

namespace {

constexpr std::int32_t kRouter = 1;  // its process; replica r is process 2 + r
constexpr std::size_t kPiece = 1 << 16;
constexpr const char* kWaiting = "waiting";
constexpr const char* kHandOff = "hand-off";  // from the first token until its KV has moved to where it decodes

constexpr std::int32_t process_of(std::int32_t replica) { return 2 + replica; }

// The format counts microseconds, viewers count whole nanoseconds. Every moment is rounded down to one, and durations
// are differences of such moments, so that what meets in the run meets in the viewer.
constexpr Time nanoseconds(Time ticks) { return ticks / 1000; }

std::string microseconds(Time nanoseconds) { return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000); }

template <class Get>
std::string list(std::int32_t count, Get get) {
  std::string text = "[";
  for (std::int32_t i = 0; i < count; ++i) {
    if (i > 0) text += ",";
    text += get(i);
  }
  return text + "]";
}

}  // namespace

Timeline::Timeline(std::filesystem::path path, const Workload& workload, std::int32_t num_replicas, const Title& title)
    : out_(std::move(path), "--timeline"),
      workload_(&workload),
      phase_of_(workload.size(), nullptr),
      place_of_(workload.size()),
      replicas_(static_cast<std::size_t>(num_replicas)) {
  out_.write(
      fmt::format("{{\"displayTimeUnit\":\"ms\",\"otherData\":{{\"version\":1,\"policy\":{},\"scenario\":{},"
                  "\"seed\":{},\"workload\":{}}},\"traceEvents\":[\n",
                  json_quoted(title.policy), json_quoted(title.scenario), title.seed, json_quoted(workload.source)));
  // Each further event starts with a comma; this one is the first.
  out_.write(fmt::format("{{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":{},\"args\":{{\"name\":{}}}}}", kRouter,
                         json_quoted("router: " + title.policy)));
  metadata(kRouter, "thread_name", "{\"name\":\"decisions\"}");
  metadata(kRouter, "process_sort_index", fmt::format("{{\"sort_index\":{}}}", kRouter));
  for (std::int32_t replica = 0; replica < num_replicas; ++replica) {
    const std::int32_t process = process_of(replica);
    metadata(process, "process_name", fmt::format("{{\"name\":\"replica {}\"}}", replica));
    metadata(process, "thread_name", "{\"name\":\"batches\"}");
    metadata(process, "process_sort_index", fmt::format("{{\"sort_index\":{}}}", process));
  }
}

void Timeline::close() {
  for (std::size_t i = 0; i < replicas_.size(); ++i) show_idle(static_cast<std::int32_t>(i));
  out_.write({buffer_.data(), buffer_.size()});
  out_.write("\n]}\n");
  out_.close();
}

void Timeline::metadata(std::int32_t process, std::string_view what, std::string_view args) {
  fmt::format_to(std::back_inserter(buffer_), ",\n{{\"name\":\"{}\",\"ph\":\"M\",\"pid\":{},\"tid\":1,\"args\":{}}}",
                 what, process, args);
}

void Timeline::event(std::string_view name, char phase, std::int32_t process, Time now, std::string_view rest) {
  fmt::format_to(std::back_inserter(buffer_), ",\n{{\"name\":\"{}\",\"ph\":\"{}\",\"pid\":{},\"tid\":1,\"ts\":{}{}}}",
                 name, phase, process, microseconds(nanoseconds(now)), rest);
  if (buffer_.size() < kPiece) return;
  out_.write({buffer_.data(), buffer_.size()});
  buffer_.clear();
}

void Timeline::request_event(std::string_view name, char phase, Time now, RequestId id, std::string_view args) {
  event(name, phase, kRouter, now, fmt::format(",\"cat\":\"request\",\"id\":\"{}\",\"args\":{}", id, args));
}

void Timeline::enter(Time now, RequestId id, const char* phase, std::string_view args) {
  const char*& current = phase_of_[static_cast<std::size_t>(id)];
  if (current) request_event(current, 'e', now, id);
  if (phase) request_event(phase, 'b', now, id, args);
  current = phase;
}

void Timeline::show_queue(Time now) {
  event("global queue", 'C', kRouter, now, fmt::format(",\"args\":{{\"requests\":{}}}", queued_));
}

// What has changed of a replica's counters.
void Timeline::show_counters(Time now, std::int32_t replica, std::int32_t blocks, std::int32_t cached) {
  Replica& own = replicas_[static_cast<std::size_t>(replica)];
  if (own.shown_blocks != blocks || own.shown_cached != cached) {
    // Only a prefix cache has blocks of the second kind.
    const std::string free = cached > 0 || own.shown_cached > 0 ? fmt::format(",\"cached, free\":{}", cached) : "";
    event("KV blocks", 'C', process_of(replica), now, fmt::format(",\"args\":{{\"used\":{}{}}}", blocks, free));
    own.shown_blocks = blocks;
    own.shown_cached = cached;
  }
  if (own.shown_waiting != own.waiting || own.shown_running != own.running) {
    event("requests", 'C', process_of(replica), now,
          fmt::format(",\"args\":{{\"running\":{},\"waiting\":{}}}", own.running, own.waiting));
    own.shown_waiting = own.waiting;
    own.shown_running = own.running;
  }
}

// A replica without a batch runs nothing, and so holds no blocks. That it fell idle shows once something later happens.
void Timeline::show_idle(std::int32_t replica) {
  Replica& own = replicas_[static_cast<std::size_t>(replica)];
  own.running = 0;
  show_counters(own.ends_at, replica, 0, own.cached);
}

void Timeline::begin_waiting(Time now, RequestId id, std::int32_t replica) {
  Replica& own = replicas_[static_cast<std::size_t>(replica)];
  if (own.ends_at < now) show_idle(replica);
  ++own.waiting;
  place_of(id) = {.replica = replica, .num_resets = own.num_resets};
  show_counters(now, replica, own.shown_blocks, own.shown_cached);
}

// Shown with the next that changes there.
void Timeline::end_waiting(RequestId id) {
  const Place place = std::exchange(place_of(id), {});
  if (place.replica < 0) return;
  Replica& own = replicas_[static_cast<std::size_t>(place.replica)];
  if (own.num_resets == place.num_resets) --own.waiting;
}

void Timeline::on_arrival(Time now, const QueuedRequest& request) {
  const auto row = static_cast<std::size_t>(row_);
  request_event("request", 'b', now, request.id,
                fmt::format("{{\"request\":{},\"prompt_tokens\":{},\"output_tokens\":{}}}", request.id,
                            request.num_prefill_tokens, workload_->hidden.num_decode_tokens[row]));
  enter(now, request.id, "queued");
  ++queued_;
  show_queue(now);
}

void Timeline::on_decision(Time now, const QueuedRequest& request, std::int32_t replica, const ClusterView& cluster,
                           std::span<const double> scores) {
  const std::int32_t n = cluster.num_replicas();
  replicas_[static_cast<std::size_t>(replica)].prefills = cluster.role(replica) == Role::prefill;
  std::string args =
      fmt::format("{{\"request\":{},\"prompt_tokens\":{},\"replica\":{},\"queue\":{},\"waiting\":{},\"outstanding\":{}",
                  request.id, request.num_prefill_tokens, replica, cluster.queue_length(),
                  list(n, [&](std::int32_t r) { return std::to_string(cluster.num_waiting(r)); }),
                  list(n, [&](std::int32_t r) { return std::to_string(cluster.outstanding(r)); }));
  if (!scores.empty()) {
    args += ",\"scores\":" + list(static_cast<std::int32_t>(scores.size()), [&](std::int32_t r) {
              const double score = scores[static_cast<std::size_t>(r)];
              return std::isfinite(score) ? fmt::format("{}", score) : std::string("null");
            });
  }
  event("place", 'i', kRouter, now, fmt::format(",\"s\":\"t\",\"cat\":\"decision\",\"args\":{}", args + "}"));
}

void Timeline::on_assign(Time now, RequestId id, std::int32_t replica) {
  if (phase_of_[static_cast<std::size_t>(id)] == kHandOff) return begin_waiting(now, id, replica);  // where it decodes
  --queued_;
  show_queue(now);
  begin_waiting(now, id, replica);
  enter(now, id, kWaiting, fmt::format("{{\"replica\":{}}}", replica));
}

void Timeline::on_hold(Time now, std::int32_t queue_length) {
  event("hold", 'i', kRouter, now,
        fmt::format(",\"s\":\"t\",\"cat\":\"decision\",\"args\":{{\"queue\":{}}}", queue_length));
}

void Timeline::on_admit(Time now, RequestId id, std::int32_t replica, std::int32_t cached_tokens) {
  end_waiting(id);
  const std::string cached = cached_tokens > 0 ? fmt::format(",\"cached_tokens\":{}", cached_tokens) : "";
  enter(now, id, "prefill", fmt::format("{{\"replica\":{}{}}}", replica, cached));
}

void Timeline::on_batch(Time start, Time end, std::int32_t replica, const BatchShape& shape,
                        const ReplicaState& state) {
  Replica& own = replicas_[static_cast<std::size_t>(replica)];
  const char* kind = shape.num_prefills == 0 ? "decode" : shape.num_decodes == 0 ? "prefill" : "mixed";
  event(kind, 'X', process_of(replica), start,
        fmt::format(",\"cat\":\"batch\",\"dur\":{},\"args\":{{\"prefills\":{},\"prefill_tokens\":{},\"decodes\":{},"
                    "\"decode_kv_tokens\":{}}}",
                    microseconds(nanoseconds(end) - nanoseconds(start)), shape.num_prefills, shape.prefill_tokens,
                    shape.num_decodes, shape.decode_kv_tokens));
  own.ends_at = end;
  own.running = state.num_running;
  show_counters(start, replica, state.blocks_used, state.blocks_cached);
}

void Timeline::on_booking(Time, std::int32_t replica, const ReplicaState& state) {
  replicas_[static_cast<std::size_t>(replica)].cached = state.blocks_cached;
}

void Timeline::on_prefill_complete(Time now, RequestId id, std::int32_t replica) {
  const bool is_apart = replicas_[static_cast<std::size_t>(replica)].prefills;
  enter(now, id, is_apart ? kHandOff : "decode", fmt::format("{{\"replica\":{}}}", replica));
}

void Timeline::on_transfer(RequestId id, const HandOff& moved) {
  end_waiting(id);
  request_event("transfer", 'n', moved.ended_at, id,
                fmt::format("{{\"from\":{},\"to\":{},\"tokens\":{},\"bytes\":{},\"waited_us\":{},\"moved_us\":{}}}",
                            moved.prefill_replica, moved.decode_replica, moved.num_moved_tokens, moved.num_moved_bytes,
                            microseconds(nanoseconds(moved.began_at) - nanoseconds(moved.prefilled_at)),
                            microseconds(nanoseconds(moved.ended_at) - nanoseconds(moved.began_at))));
  enter(moved.ended_at, id, "decode", fmt::format("{{\"replica\":{}}}", moved.decode_replica));
}

void Timeline::on_restart(Time now, RequestId id, std::int32_t replica) {
  begin_waiting(now, id, replica);
  enter(now, id, nullptr);
  request_event("restart", 'n', now, id, fmt::format("{{\"replica\":{}}}", replica));
  enter(now, id, kWaiting, fmt::format("{{\"replica\":{}}}", replica));
}

void Timeline::on_complete(Time now, RequestId id, std::int32_t) {
  end_waiting(id);  // vllm_v1: its last token was under way when it was preempted
  enter(now, id, nullptr);
  request_event("request", 'e', now, id);
}

void Timeline::operation_event(Time now, std::int32_t replica, const char* name, char phase) {
  event(name, phase, process_of(replica), now,
        fmt::format(",\"cat\":\"operation\",\"id\":\"{}\",\"args\":{{}}", replica));
}

void Timeline::on_replica(Time now, std::int32_t replica, ReplicaChange change) {
  Replica& own = replicas_[static_cast<std::size_t>(replica)];
  if (own.operation) operation_event(now, replica, own.operation, 'e');
  constexpr const char* kSpans[] = {"failed", "draining", "not there", "starting", nullptr};
  own.operation = kSpans[static_cast<std::size_t>(change)];
  if (own.operation) operation_event(now, replica, own.operation, 'b');
  if (change != ReplicaChange::fails && change != ReplicaChange::serves) return;
  own.waiting = own.running = own.cached = 0;  // all that it had is lost
  ++own.num_resets;
  own.ends_at = now;
  show_counters(now, replica, 0, 0);
}

void Timeline::on_loss(Time now, RequestId id, std::int32_t replica, bool again) {
  end_waiting(id);
  enter(now, id, nullptr);
  request_event(again ? "retry" : "failed", 'n', now, id, fmt::format("{{\"replica\":{}}}", replica));
  if (!again) return request_event("request", 'e', now, id);
  enter(now, id, "queued");
  ++queued_;
  show_queue(now);
}

}  // namespace switchyard
