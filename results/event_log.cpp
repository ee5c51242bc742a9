#include "results/event_log.hpp"

#include <fmt/format.h>

#include "results/run_folder.hpp"

namespace switchyard {

void EventLog::line(Time now, const std::string& event) { out_.write(exact_seconds(now) + " " + event + "\n"); }

void EventLog::on_arrival(Time now, const QueuedRequest& request) {
  line(now, fmt::format("arrival request={} prompt={}", request.id, request.num_prefill_tokens));
}

void EventLog::on_assign(Time now, RequestId id, std::int32_t replica) {
  line(now, fmt::format("assign request={} replica={}", id, replica));
}

void EventLog::on_admit(Time now, RequestId id, std::int32_t replica, std::int32_t cached_tokens) {
  if (cached_tokens > 0) line(now, fmt::format("hit request={} replica={} tokens={}", id, replica, cached_tokens));
}

void EventLog::on_batch(Time start, Time end, std::int32_t replica, const BatchShape& shape,
                        const ReplicaState& state) {
  line(start, fmt::format("batch replica={} until={} prefills={} prefill_tokens={} decodes={} waiting={} blocks={}",
                          replica, exact_seconds(end), shape.num_prefills, shape.prefill_tokens, shape.num_decodes,
                          state.num_waiting, state.blocks_used));
}

void EventLog::on_restart(Time now, RequestId id, std::int32_t replica) {
  line(now, fmt::format("restart request={} replica={}", id, replica));
}

void EventLog::on_transfer(RequestId id, const HandOff& moved) {
  line(moved.ended_at, fmt::format("transfer request={} replica={} to={} bytes={} since={}", id, moved.prefill_replica,
                                   moved.decode_replica, moved.num_moved_bytes, exact_seconds(moved.began_at)));
}

void EventLog::on_complete(Time now, RequestId id, std::int32_t replica) {
  line(now, fmt::format("complete request={} replica={}", id, replica));
}

void EventLog::on_replica(Time now, std::int32_t replica, ReplicaChange change) {
  line(now, fmt::format("{} replica={}", change_name(change), replica));
}

void EventLog::on_loss(Time now, RequestId id, std::int32_t replica, bool again) {
  line(now, fmt::format("{} request={} replica={}", again ? "retry" : "failed", id, replica));
}

}  // namespace switchyard
