#include <catch2/catch.hpp>
#include <vector>

#include "core/cluster/agenda.hpp"

using namespace switchyard;

namespace {

std::vector<QueuedRequest> arrivals_at(const std::vector<Time>& times) {
  std::vector<QueuedRequest> requests;
  for (const Time time : times) {
    requests.push_back({.arrived_at = time, .id = static_cast<RequestId>(requests.size())});
  }
  return requests;
}

}  // namespace

TEST_CASE("agenda: arrivals that are known come in their order, and then nothing", "[agenda]") {
  const std::vector<QueuedRequest> requests = arrivals_at({3, 3, 8});
  Agenda agenda;
  agenda.reset(requests);
  for (std::int32_t id = 0; id < 3; ++id) {
    CHECK(agenda.next_at() == requests[static_cast<std::size_t>(id)].arrived_at);
    const Agenda::Event event = agenda.take();
    CHECK(event.number == id);
    CHECK(event.at == requests[static_cast<std::size_t>(id)].arrived_at);
  }
  CHECK(agenda.next_at() == kNever);
  agenda.reset({});
  CHECK(agenda.next_at() == kNever);
}

TEST_CASE("agenda: rows whose arrival is not known are passed over until it is", "[agenda]") {
  const std::vector<QueuedRequest> requests = arrivals_at({kNever, 1, kNever, kNever, 4, kNever});
  Agenda agenda;
  agenda.reset(requests);
  CHECK(agenda.take().number == 1);
  CHECK(agenda.next_at() == 4);
  agenda.add({.at = 4, .number = 2});  // before 4, of the same instant
  CHECK(agenda.take().number == 2);
  CHECK(agenda.take().number == 4);
  CHECK(agenda.next_at() == kNever);
  agenda.add({.at = 9, .number = 0});
  CHECK(agenda.take().number == 0);
}

TEST_CASE("agenda: what is added during a run goes between, by time and number", "[agenda]") {
  const std::vector<QueuedRequest> requests = arrivals_at({1, 5, 5, 9});
  Agenda agenda;
  agenda.reset(requests);
  CHECK(agenda.take().number == 0);
  agenda.add({.at = 7, .number = 12});
  agenda.add({.at = 5, .number = 10});  // after the arrivals 1 and 2 of its instant
  agenda.add({.at = 2, .number = 11});
  CHECK(agenda.next_at() == 2);
  std::vector<std::int32_t> order;
  Time last = 0;
  while (agenda.next_at() != kNever) {
    const Agenda::Event event = agenda.take();
    CHECK(event.at >= last);
    last = event.at;
    order.push_back(event.number);
    if (event.number == 12) agenda.add({.at = 7, .number = 13});  // at this very instant
  }
  CHECK(order == std::vector<std::int32_t>{11, 1, 2, 10, 12, 13, 3});
}
