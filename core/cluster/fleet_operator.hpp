// The operation of a cluster: replicas that fail, are repaired, drain, leave and join, and requests that are lost and
// tried again. All of it happens by events from outside (Agenda), so both kernels see it at the same moments.
#pragma once

#include <cstdint>
#include <vector>

#include "core/cluster/operation_options.hpp"
#include "core/cluster/router_desk.hpp"
#include "core/cluster/simulation.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

// What the loop does with replicas and requests for their operator.
class OperatedLoop {
 public:
  // The replica loses all it has and its cache; adds its requests to `lost`, and those that lose with it what they
  // need.
  virtual void lose(std::int32_t replica, std::vector<ResidentRequest>& lost) = 0;
  // The request, lost on that replica, comes back to its router, which has it outstanding nowhere from now on. False if
  // it does not: it is on its way elsewhere, and comes back from there.
  virtual bool take_back(RequestId id, std::int32_t replica) = 0;
  // The request will not be tried again.
  virtual void gave_up(RequestId id) = 0;

 protected:
  ~OperatedLoop() = default;
};

class FleetOperator {
 public:
  struct Around {
    OperatedLoop& loop;
    RouterDesk& desk;
    detail::Board& board;
    RequestTable& table;
    Agenda& agenda;
  };

  explicit FleetOperator(const Around& around) : around_(around) {}

  // Before the replicas of a run are set up, and after it.
  void reset(const ClusterConfig& config, const Workload& workload, std::uint64_t seed);
  void open(Observer* observer);

  // Whether there is anything to operate: replicas come or go, or requests do not fit all of them.
  bool is_used() const { return is_used_; }
  const detail::Fleet& fleet() const { return fleet_; }

  // As the client of this request allows, it fits the replica.
  bool fits(RequestId id, std::int32_t replica) const;
  bool can_serve(RequestId id, std::int32_t replica) const {
    return fleet_.accepts[static_cast<std::size_t>(replica)] != 0 && (fleet_.all_fit || fits(id, replica));
  }

  // A request goes to the replica, has come there, and what it had there has left, whole.
  void note_assigned(std::int32_t replica) { ++at(replica).num_there; }
  // Whether the replica lives; if not, the request comes back when that is known.
  bool take_in(RequestId id, std::int32_t replica);
  // It has come to a replica that lives, and finds that what it needs is lost: it comes back, not before this time.
  void turn_away(RequestId id, std::int32_t replica, Time not_before);
  // When routers know, or knew, of its last failure.
  Time detected_at(std::int32_t replica) const { return at(replica).detected_at; }
  void note_left(std::int32_t replica, std::int32_t count);

  // Whether it publishes snapshots.
  bool lives(std::int32_t replica) const {
    const Status status = at(replica).status;
    return status == Status::serving || status == Status::draining;
  }

  void take_place(std::int32_t number);  // an event of kind `fleet`

  // Of a request that completes: the time of its first token, if it had that before it was lost; else kNever.
  Time first_token_before(RequestId id) const {
    return first_token_at_.empty() ? kNever : first_token_at_[static_cast<std::size_t>(id)];
  }
  // Fills in what the run has had of failures and absences.
  void close(Replay& replay, Time end);

 private:
  enum class Status : std::uint8_t { serving, draining, absent, starting, failed };
  enum class Do : std::uint8_t { fail, drawn_failure, repair, detect, drain, join, serve, bounce, look };
  struct Action {
    Do what = Do::fail;
    std::int32_t replica = 0;
    Time lasts = kNever;
    bool by_clock = false;  // follows from what happens again and again: see RouterDesk::begin_clock
  };
  struct Lost {
    RequestId id = 0;
    std::int32_t num_streamed = 0;  // output tokens, of this attempt
    Time back_at = 0;
    std::int16_t attempt = 0;  // its retries so far
  };
  struct Replica {
    Status status = Status::serving;
    bool failure_is_drawn = false;
    bool leaves = false;         // once it is repaired
    std::int32_t num_there = 0;  // requests that are there, on their way or lost and not back
    Time since = 0;              // it has this status
    Time idle_since = 0;
    Time detected_at = 0;  // of its last failure
    std::vector<Lost> lost;
    WorkloadRandom failures{0, WorkloadRandom::Purpose::failures};
  };

  Replica& at(std::int32_t replica) { return replicas_[static_cast<std::size_t>(replica)]; }
  const Replica& at(std::int32_t replica) const { return replicas_[static_cast<std::size_t>(replica)]; }
  std::int32_t num_replicas() const { return static_cast<std::int32_t>(replicas_.size()); }
  Time now() const { return around_.board.now; }

  void plan(Time when, const Action& action);
  void draw_failure(std::int32_t replica);
  void set_status(std::int32_t replica, Status status);
  void set_accepts(std::int32_t replica, bool accepts);
  void fail(std::int32_t replica, Time lasts, bool drawn);
  void repair(std::int32_t replica);
  void drain(std::int32_t replica);
  void join(std::int32_t replica);
  void serve(std::int32_t replica);
  void add_lost(std::int32_t replica, RequestId id, std::int32_t num_streamed, Time back_at);
  void bounce(std::int32_t replica);
  void come_back(const Lost& lost, std::int32_t replica);
  void look(const Action& action);
  void want_calls();

  Around around_;
  const ClusterConfig* config_ = nullptr;
  const Workload* workload_ = nullptr;
  Observer* observer_ = nullptr;
  bool is_used_ = false;
  detail::Fleet fleet_;
  std::vector<Replica> replicas_;
  std::vector<std::int64_t> room_;  // by replica: tokens of the longest request that fits
  std::int64_t most_room_ = 0;
  std::int32_t longest_output_ = 0;
  std::vector<Action> actions_;  // by number
  std::vector<Time> first_token_at_;
  Time above_since_ = kNever;
  std::vector<ResidentRequest> residents_;  // scratch
  std::vector<Lost> back_;                  // scratch
  std::vector<ReplicaAbsence> absences_;
  std::int64_t num_retries_ = 0;
  std::int64_t num_failed_ = 0;
};

}  // namespace switchyard
