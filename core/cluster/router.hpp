// One of the routers that share a cluster's arrivals: its policy, its queue and its books.
#pragma once

#include <cassert>
#include <cstdint>
#include <span>
#include <vector>

#include "core/api/policy.hpp"
#include "core/api/split_mix64.hpp"
#include "core/cluster/live_request.hpp"

namespace switchyard {

// A number that is the same for the turns of a session. A request that tells no session is one of its own.
inline std::uint64_t session_hash(const QueuedRequest& request) {
  return SplitMix64::mix(static_cast<std::uint64_t>(request.session >= 0 ? request.session : -1 - request.id));
}

// One for each router, made alike.
struct RouterPolicies {
  std::span<Policy* const> policies;
  bool read_snapshots = true;  // of what replicas publish (see RoutedBy)
};

// The queue as a ring: see detail::Books.
inline void join(detail::Books& books, RequestId before, RequestId after) {
  books.next[static_cast<std::size_t>(before + 1)] = after;
  books.previous[static_cast<std::size_t>(after + 1)] = before;
}
inline void link(detail::Books& books, RequestId id) {
  join(books, books.previous[0], id);
  join(books, id, -1);
  ++books.queue_length;
}
// In front of those that arrived later: it has been away.
inline void link_by_age(detail::Books& books, RequestId id) {
  RequestId after = books.next[0];
  while (after >= 0 && after < id) after = books.next[static_cast<std::size_t>(after + 1)];
  join(books, books.previous[static_cast<std::size_t>(after + 1)], id);
  join(books, id, after);
  ++books.queue_length;
}
inline void unlink(detail::Books& books, RequestId id) {
  const auto entry = static_cast<std::size_t>(id + 1);
  join(books, books.previous[entry], books.next[entry]);
  --books.queue_length;
}

inline void add_outstanding(detail::Books& books, std::int32_t replica, std::int32_t change) {
  std::int32_t& count = books.outstanding[static_cast<std::size_t>(replica)];
  count += change;
  assert(count >= 0);
  if (books.least_outstanding.built()) books.least_outstanding.update(replica, count);
}

struct Router {
  explicit Router(detail::Observatory& kernel) : own_view(own_board, kernel) {}
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // Number `number` of `num_routers`. It writes its books on a board of the cluster's that is shown by this view, or on
  // its own.
  void open(Policy& its_policy, std::int32_t number, std::int32_t num_routers, RequestTable& table,
            std::size_t num_replicas, detail::Board* shared_board, ClusterView* shared_view) {
    policy = &its_policy;
    board = shared_board ? shared_board : &own_board;
    view = shared_view ? shared_view : &own_view;
    num_under_way = 0;
    num_calls_waiting = 0;
    is_deciding = timer_runs = false;
    board->router = number;
    board->num_routers = num_routers;
    board->fleet = nullptr;
    if (has_own_board()) {
      board->published.num_waiting.assign(num_replicas, 0);
      board->published.least_waiting.reset(num_replicas);
    }
    detail::Books& books = board->books;
    books.requests = table.requests;
    books.lifecycle = table.lifecycle;
    if (num_routers > 1) {  // it does not know the others' requests
      own_lifecycle.assign(table.lifecycle.size(), detail::Lifecycle::future);
      books.lifecycle = own_lifecycle;
    }
    books.next.resize(table.requests.size() + 1);
    books.previous.resize(table.requests.size() + 1);
    books.next[0] = books.previous[0] = -1;
    books.queue_length = 0;
    books.outstanding.assign(num_replicas, 0);
    books.least_outstanding.reset(num_replicas);
  }
  bool has_own_board() const { return board == &own_board; }

  void set_lifecycle(RequestId id, detail::Lifecycle lifecycle) {
    if (board->num_routers > 1) own_lifecycle[static_cast<std::size_t>(id)] = lifecycle;
  }

  detail::Board* board = nullptr;
  ClusterView* view = nullptr;
  Policy* policy = nullptr;
  std::int64_t num_under_way = 0;      // requests that have arrived here, and whose answers have not
  std::int64_t num_calls_waiting = 0;  // of its policy, behind the one that takes its time now
  bool is_deciding = false;
  bool timer_runs = false;

 private:
  detail::Board own_board;
  ClusterView own_view;
  std::vector<detail::Lifecycle> own_lifecycle;
};

}  // namespace switchyard
