// KV that moves from the replica that computed a prompt to the one that decodes, over links whose ports are shared.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/api/time.hpp"
#include "core/cluster/hand_off_options.hpp"
#include "core/cluster/records.hpp"

namespace switchyard {

// Transfers under way. A transfer takes its link's latency, in which it takes no bandwidth, and then flows. While it
// flows it has a share of the port by which it leaves its source and of the one by which it comes to its destination:
// a port's transfers have equal shares of it, and a transfer is as fast as the smaller of its two, or as its link
// (what one leaves unused of its share is not given to others). All in whole numbers: a share is bytes/s rounded down,
// 1 at least; an end is rounded up to the next tick. At least one tick passes, so that an end is always ahead of what
// brought the transfer about. Results do not hang on the order of calls of one instant.
class KvLinks {
 public:
  using Id = std::int32_t;  // of the request whose KV it is

  // Ports by replica, as fast in each direction; nothing is under way.
  void reset(std::vector<LinkSpeed> ports);

  // Throws std::overflow_error if it would last longer than the clock can count.
  void begin(Id id, std::int32_t from, std::int32_t to, std::int64_t bytes, LinkSpeed link, Time latency, Time now);

  // Ends one before its time, if it is under way.
  void cancel(Id id, Time now);

  // When a transfer ends, or begins to flow: then take() is called. kNever: never.
  Time next_at() const { return next_at_; }

  // Sets `ended` to the transfers that end now, in order of id; others may go faster from now on. `now` is at most
  // next_at().
  void take(Time now, std::vector<Id>& ended);

  std::size_t size() const { return transfers_.size(); }
  std::int32_t num_leaving(std::int32_t replica) const { return out_[static_cast<std::size_t>(replica)].num_flowing; }
  std::int32_t num_coming(std::int32_t replica) const { return in_[static_cast<std::size_t>(replica)].num_flowing; }

 private:
  struct Port {
    LinkSpeed speed;
    std::int32_t num_flowing = 0;
  };
  struct Transfer {
    Id id = 0;
    std::int32_t from = 0, to = 0;
    LinkSpeed link;
    bool flows = false;
    Int128 left = 0;         // bytes * ticks per second, at settled_at
    std::int64_t speed = 0;  // bytes/s since then; 0: no limit
    Time settled_at = 0;
    Time next_at = 0;  // end, or the end of the latency
  };

  static std::int64_t share(const Port& port);
  std::int64_t speed_of(const Transfer& transfer) const;
  void settle(Transfer& transfer, Time now);
  void set_flowing(Transfer& transfer, bool flows);
  // Those that share a port with one that has begun or ended to flow go on at another speed.
  void share_anew(std::int32_t from, std::int32_t to, Time now);
  void find_next();

  std::vector<Port> out_, in_;  // by replica
  std::vector<Transfer> transfers_;
  std::vector<std::pair<std::int32_t, std::int32_t>> changed_;  // scratch
  Time next_at_ = kNever;
};

}  // namespace switchyard
