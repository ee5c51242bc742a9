#include "core/cluster/signal_options.hpp"

#include <fmt/format.h>

namespace switchyard {

namespace {

std::string in_seconds(Time time) { return fmt::format("{} s", seconds_from_ticks(time)); }

}  // namespace

std::string signals_text(const SignalOptions& signals) {
  std::string text;
  if (signals.are_live()) {
    text = "live";
  } else if (signals.interval == 0) {
    text = fmt::format("of {} ago", in_seconds(signals.delay));
  } else {
    text = fmt::format("published every {}{}", in_seconds(signals.interval),
                       signals.phase == SnapshotPhase::aligned ? ", all together" : "");
    if (signals.delay > 0) text += fmt::format(", read {} later", in_seconds(signals.delay));
    text += fmt::format(": {} old in the mean", in_seconds(signals.interval / 2 + signals.delay));
  }
  return signals.kv_delay == 0 ? text : text + fmt::format("; KV events {} old", in_seconds(signals.kv_delay));
}

std::string routers_text(const RouterOptions& routers) {
  std::string text = fmt::format("{}", routers.count);
  if (routers.count > 1) text += routers.split == Split::session ? ", arrivals by session" : ", arrivals in turn";
  if (routers.dispatch > 0) text += fmt::format("; {} to a replica", in_seconds(routers.dispatch));
  if (routers.response > 0) text += fmt::format("; {} back", in_seconds(routers.response));
  if (routers.decision > 0) text += fmt::format("; {} a decision", in_seconds(routers.decision));
  return text;
}

}  // namespace switchyard
