#include "core/cluster/kv_links.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/cluster/replica_context.hpp"

namespace switchyard {

namespace {

// 0: no limit.
std::int64_t slower(std::int64_t a, std::int64_t b) {
  if (a == 0) return b;
  return b == 0 ? a : std::min(a, b);
}

}  // namespace

void KvLinks::reset(std::vector<LinkSpeed> ports) {
  out_.clear();
  for (const LinkSpeed& speed : ports) out_.push_back({.speed = speed});
  in_ = out_;
  transfers_.clear();
  next_at_ = kNever;
}

void KvLinks::begin(Id id, std::int32_t from, std::int32_t to, std::int64_t bytes, LinkSpeed link, Time latency,
                    Time now) {
  transfers_.push_back({.id = id,
                        .from = from,
                        .to = to,
                        .link = link,
                        .left = Int128{bytes} * kTicksPerSecond,
                        .settled_at = now + latency,
                        .next_at = checked_end(now, std::max<Time>(latency, 1), 1)});
  if (latency == 0 && bytes > 0) {
    set_flowing(transfers_.back(), true);
    share_anew(from, to, now);
  }
  find_next();
}

void KvLinks::cancel(Id id, Time now) {
  const auto found =
      std::find_if(transfers_.begin(), transfers_.end(), [id](const Transfer& other) { return other.id == id; });
  if (found == transfers_.end()) return;
  Transfer gone = *found;
  transfers_.erase(found);
  if (gone.flows) {
    set_flowing(gone, false);
    share_anew(gone.from, gone.to, now);
  }
  find_next();
}

void KvLinks::take(Time now, std::vector<Id>& ended) {
  ended.clear();
  if (now < next_at_) return;
  assert(now == next_at_);
  // First what ends, and what has waited out its latency; then the speeds that come of it.
  changed_.clear();
  std::erase_if(transfers_, [&](Transfer& transfer) {
    if (transfer.next_at != now) return false;
    const bool ends = transfer.flows || transfer.left == 0;
    if (transfer.flows || !ends) {
      changed_.emplace_back(transfer.from, transfer.to);
      set_flowing(transfer, !transfer.flows);
    }
    if (ends) ended.push_back(transfer.id);
    return ends;
  });
  std::sort(ended.begin(), ended.end());
  for (const auto& [from, to] : changed_) share_anew(from, to, now);
  find_next();
}

std::int64_t KvLinks::share(const Port& port) {
  if (port.speed.bytes_per_s == 0) return 0;
  return std::max<std::int64_t>(port.speed.bytes_per_s / port.num_flowing, 1);
}

std::int64_t KvLinks::speed_of(const Transfer& transfer) const {
  const std::int64_t ports =
      slower(share(out_[static_cast<std::size_t>(transfer.from)]), share(in_[static_cast<std::size_t>(transfer.to)]));
  return slower(ports, transfer.link.bytes_per_s);
}

// What it has carried up to now is done; from now on it has the speed that it has now.
void KvLinks::settle(Transfer& transfer, Time now) {
  if (transfer.speed > 0 && transfer.next_at == now) return;  // it ends, and has not been taken yet
  transfer.left -= Int128{transfer.speed} * (now - transfer.settled_at);
  transfer.settled_at = now;
  transfer.speed = speed_of(transfer);
  if (transfer.speed == 0) {
    transfer.next_at = now + 1;
    return;
  }
  const Int128 ticks = (transfer.left + transfer.speed - 1) / transfer.speed;
  const Time time = ticks > kNever ? kNever : static_cast<Time>(ticks);
  transfer.next_at = checked_end(now, std::max<Time>(time, 1), 1);
}

void KvLinks::set_flowing(Transfer& transfer, bool flows) {
  transfer.flows = flows;
  const std::int32_t change = flows ? 1 : -1;
  out_[static_cast<std::size_t>(transfer.from)].num_flowing += change;
  in_[static_cast<std::size_t>(transfer.to)].num_flowing += change;
}

void KvLinks::share_anew(std::int32_t from, std::int32_t to, Time now) {
  for (Transfer& transfer : transfers_) {
    if (transfer.flows && (transfer.from == from || transfer.to == to)) settle(transfer, now);
  }
}

void KvLinks::find_next() {
  next_at_ = kNever;
  for (const Transfer& transfer : transfers_) next_at_ = std::min(next_at_, transfer.next_at);
}

}  // namespace switchyard
