// The requests whose prompt is computed on one replica and that decode on another: where that is settled, when their KV
// moves, and what is left of it when one of the two replicas fails. Both kernels see it at the same moments.
#pragma once

#include <cstdint>
#include <vector>

#include "core/cluster/fleet_operator.hpp"
#include "core/cluster/kv_links.hpp"
#include "core/cluster/router_desk.hpp"
#include "core/cluster/stage.hpp"

namespace switchyard {

// What the loop does with replicas for it, at an event from outside.
class HandOffLoop {
 public:
  virtual void take_kv(std::int32_t replica, RequestId id) = 0;   // it has come there
  virtual void free_kv(std::int32_t replica, RequestId id) = 0;   // it is no more needed where it was computed
  virtual void withdraw(std::int32_t replica, RequestId id) = 0;  // it will not come; its request leaves

 protected:
  ~HandOffLoop() = default;
};

class HandOffDesk {
 public:
  struct Around {
    HandOffLoop& loop;
    RouterDesk& desk;
    FleetOperator& fleet;
    const detail::Board& board;
    RequestTable& table;
    Agenda& agenda;
  };

  explicit HandOffDesk(const Around& around) : around_(around) {}

  // Before a run.
  void reset(const ClusterConfig& config, std::size_t num_requests, Observer* observer);

  // Whether prefill and decode are apart. If they are not, nothing else is called.
  bool is_used() const { return config_ != nullptr; }
  // Where replicas add the prompts that are computed and decode elsewhere, and the requests whose KV can be moved.
  std::vector<RequestId>& prefilled() { return prefilled_; }
  std::vector<Reservation>& reservations() { return reservations_; }

  // Where a request's prompt is, or will be, computed, if that is not where it decodes; else -1.
  std::int32_t prefill_replica(RequestId id) const { return has(id) ? at(id).log.prefill_replica : -1; }

  // A policy assigns both parts, or the next one.
  bool may_go_apart(RequestId id, std::int32_t prefill, std::int32_t decode) const;
  void begin_part(RequestId id, std::int32_t replica);
  void settle_decode(RequestId id, std::int32_t replica);

  // Prompts have been computed that decode elsewhere. The set of routers that are called at once.
  std::uint64_t send_prefilled();
  // The router knows that the prompt has been computed. If it has not said where the request decodes, it is to do so.
  void tell_prefilled(RequestId id);

  // A request is about to come to the replica of its record, if that is settled already.
  void go_on(RequestId id);
  // It has come to a replica that lives. False if its KV is lost: then it comes back to its router.
  bool arrives(RequestId id, std::int32_t replica);
  // It has come to one that has failed.
  void finds_nobody(RequestId id);

  // A request is complete. If its answer had one token, where it was to decode waited for it in vain.
  void complete(Router& router, RequestId id);

  // KV has blocks to go to.
  void begin_transfers();
  // Transfers may have ended, at an event from outside.
  void end_transfers();

  // The replica fails, and has lost `residents`. Adds the requests whose KV it held for others. Transfers that it had a
  // part in are dropped.
  void lose(std::int32_t replica, std::vector<ResidentRequest>& residents, const std::vector<ResidentRequest>& held);
  // A request that was lost on a replica comes back to its router, which has it nowhere from now on; nothing is left of
  // its hand-off. False if it comes back from elsewhere.
  bool take_back(RequestId id, std::int32_t lost_on);

  // What was handed over in the end, by row.
  void collect(std::vector<HandOff>& out) const;

 private:
  static constexpr std::int32_t kNone = -1;

  // How far it has come.
  enum class Progress : std::uint8_t {
    prompt,   // is computed, or waits for that
    held,     // the KV is held where it was computed
    waiting,  // for blocks where it decodes
    moving,
    moved,
    dropped,  // one of its replicas has failed
  };
  struct Entry {
    HandOff log;  // `row` is the request's id until the run is over
    Progress progress = Progress::prompt;
    bool is_told = false;    // the router knows that the prompt has been computed
    bool holds_kv = false;   // the prefill replica does
    bool is_lost = false;    // it comes back from where it was to decode
    Time loss_known_at = 0;  // of the KV, before it came there
  };

  bool has(RequestId id) const { return number_of_[static_cast<std::size_t>(id)] != kNone; }
  Entry& at(RequestId id) { return entries_[static_cast<std::size_t>(number_of_[static_cast<std::size_t>(id)])]; }
  const Entry& at(RequestId id) const { return const_cast<HandOffDesk*>(this)->at(id); }
  Time now() const { return around_.board.now; }
  void await_transfer();
  void drop_transfer(Entry& entry);
  // The loop is to look at transfers in this instant, and at the replicas that have changed.
  void want_look() { around_.desk.calls().push_back({.hand_offs = true}); }

  Around around_;
  const ClusterConfig* config_ = nullptr;
  Observer* observer_ = nullptr;
  KvLinks links_;
  std::vector<Entry> entries_;
  std::vector<std::int32_t> number_of_;    // by request: its latest entry
  std::vector<RequestId> prefilled_;       // by the batch whose bookkeeping is done
  std::vector<Reservation> reservations_;  // of the last plan
  Time transfer_told_ = kNever;            // the last event of transfers that was added
  std::vector<RequestId> moved_;           // scratch
};

}  // namespace switchyard
