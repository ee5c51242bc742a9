// What a router makes of its own books and of reports of any age.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "policies/compose/sent_work.hpp"

namespace switchyard {

namespace {

// Two replicas that have published what the test says.
class Reports final : public detail::Observatory {
 public:
  explicit Reports(std::int32_t routers) {
    board_.num_routers = routers;
    board_.books.outstanding.assign(2, 0);
    states_.resize(2);
  }
  ClusterView at(Time now) {
    board_.now = now;
    for (ReplicaState& state : states_) {
      if (live) state.taken_at = now;
    }
    return {board_, *this};
  }
  ReplicaState& operator[](std::size_t replica) { return states_[replica]; }
  bool live = true;

  ReplicaState state_of(std::int32_t replica) override { return states_[static_cast<std::size_t>(replica)]; }
  void waiting_of(std::int32_t, std::vector<ResidentRequest>&) override {}
  void running_of(std::int32_t, std::vector<ResidentRequest>&) override {}
  std::int32_t cached_tokens_of(RequestId, std::int32_t) override { return 0; }
  const ReplicaLimits& limits_of(std::int32_t) const override { return limits_; }
  const CostModel& cost_of(std::int32_t) const override { throw std::logic_error("nothing is timed here"); }
  void assign(RequestId, std::int32_t) override {}

 private:
  detail::Board board_;
  std::vector<ReplicaState> states_;
  ReplicaLimits limits_{.num_blocks = 100, .block_size = 10};
};

constexpr Time kSecond = kTicksPerSecond;

QueuedRequest request(RequestId id, std::int32_t prompt) { return {0, id, prompt}; }

CompletedRequest done(RequestId id, Time at) {
  CompletedRequest request;
  request.id = id;
  request.completed_at = at;
  return request;
}

}  // namespace

TEST_CASE("own books: what is sent waits, then decodes, then is gone", "[sent]") {
  Reports reports(1);
  SentWork books;
  books.start(reports.at(0));
  CHECK(books.mean_prefill() == 0);
  books.sent(request(1, 200), 0, 80, 5000, 40, 0);
  books.sent(request(2, 100), 0, 100, 7000, 40, 0);
  ReplicaLoad load = books.load(reports.at(kSecond), 0);
  CHECK(load.requests == 2);
  CHECK(load.pending == 12000);
  CHECK(load.decoding == 0);
  CHECK(load.blocks == 18);  // what they do not share, on the way
  CHECK(books.load(reports.at(kSecond), 1).requests == 0);
  CHECK(books.mean_prefill() == 6000);
  books.first_token({1, 0, kSecond});
  reports[0].blocks_used = 20;
  load = books.load(reports.at(2 * kSecond), 0);
  CHECK(load.requests == 2);
  CHECK(load.pending == 7000);
  CHECK(load.context == 200 + 20);
  CHECK(load.blocks == 30);
  books.completed(done(1, 3 * kSecond));
  load = books.load(reports.at(3 * kSecond), 0);
  CHECK(load.requests == 1);
  CHECK(load.context == 0);
  books.completed(done(2, 4 * kSecond));  // without a first token that the router saw
  load = books.load(reports.at(4 * kSecond), 0);
  CHECK(load.requests == 0);
  CHECK(load.pending == 0);
}

TEST_CASE("an old report of blocks is brought up to date by what was sent and came back since", "[sent]") {
  Reports reports(1);
  reports.live = false;
  SentWork books;
  books.start(reports.at(0));
  books.sent(request(1, 100), 0, 100, 1, 20, 0);
  books.first_token({1, 0, kSecond});
  reports[0].taken_at = 2 * kSecond;
  reports[0].blocks_used = 11;
  books.sent(request(2, 300), 0, 200, 1, 20, 3 * kSecond);
  CHECK(books.load(reports.at(3 * kSecond), 0).blocks == 11 + 20);
  books.first_token({2, 0, 4 * kSecond});
  CHECK(books.load(reports.at(5 * kSecond), 0).blocks == 11 + 20 + 1);
  books.completed(done(1, 6 * kSecond));
  CHECK(books.load(reports.at(6 * kSecond), 0).blocks == 11 + 21 - 12);
  reports[0].taken_at = 7 * kSecond;  // the next report has all of it
  reports[0].blocks_used = 22;
  CHECK(books.load(reports.at(8 * kSecond), 0).blocks == 22);
}

TEST_CASE("other routers' share is what a report has beyond one's own, and draws to the mean as it ages", "[sent]") {
  Reports reports(2);
  reports.live = false;
  SentWork books;
  books.start(reports.at(0));
  books.sent(request(1, 100), 0, 100, 1, 20, 0);
  books.first_token({1, 0, kSecond});
  reports[0].taken_at = reports[1].taken_at = 2 * kSecond;
  reports[0].num_running = 5;  // one of them this router's
  reports[0].decoding_kv_tokens = 1110;
  CHECK(books.load(reports.at(2 * kSecond), 0).requests == 5);
  CHECK(books.load(reports.at(2 * kSecond), 0).context == 1110);
  CHECK(books.load(reports.at(2 * kSecond), 1).requests == 0);
  const double kept = std::exp(-2.0 / SentMemory{}.decode_s);
  CHECK(books.load(reports.at(4 * kSecond), 0).decoding == Approx(1 + 2 + 2 * kept));
  CHECK(books.load(reports.at(4 * kSecond), 1).decoding == Approx(2 - 2 * kept));
  CHECK(books.load(reports.at(400 * kSecond), 1).decoding == Approx(2));
}

TEST_CASE("what is known of others' share fades with the report, what is expected draws to the mean", "[sent]") {
  Reports reports(2);
  reports.live = false;
  SentWork books({.queue_s = 0.5, .decode_s = 4.0, .felt_s = 0.0});
  books.start(reports.at(0));
  reports[0].num_running = 2;
  reports[0].blocks_used = 40;
  ReplicaLoad load = books.load(reports.at(0), 0);
  CHECK(load.blocks == 40);
  CHECK(load.known_blocks == 40);
  load = books.load(reports.at(4 * kSecond), 0);
  CHECK(load.blocks == Approx(20 + 20 * std::exp(-1.0)));
  CHECK(load.known_blocks == Approx(40 * std::exp(-1.0)));
  load = books.load(reports.at(4 * kSecond), 1);
  CHECK(load.blocks == Approx(20 - 20 * std::exp(-1.0)));
  CHECK(load.known_blocks == 0);
  books.sent(request(1, 100), 1, 50, 1, 20, 4 * kSecond);
  CHECK(books.load(reports.at(400 * kSecond), 1).known_blocks == Approx(5));
  books.first_token({1, 1, 400 * kSecond});
  CHECK(books.load(reports.at(400 * kSecond), 1).known_blocks == Approx(6));  // and half of its answer
}

TEST_CASE("a router feels others' prompts by the delay of its own", "[sent]") {
  Reports reports(2);
  reports.live = false;
  SentWork books({.queue_s = 0.5, .decode_s = 4.0, .felt_s = 2.0});
  SentWork blind({.queue_s = 0.5, .decode_s = 4.0, .felt_s = 0.0});
  for (SentWork* each : {&books, &blind}) {
    each->start(reports.at(0));
    each->sent(request(1, 100), 0, 100, kSecond, 20, 0);
    each->sent(request(2, 100), 0, 100, kSecond, 20, 0);  // behind the first
  }
  const auto pending = [&](SentWork& of, Time at) {
    return of.load(reports.at(at), 0).pending / static_cast<double>(kSecond);
  };
  CHECK(pending(books, kSecond) == 2);
  CHECK(pending(books, 4 * kSecond) == 2 + 3);  // the first is three seconds late
  CHECK(pending(blind, 4 * kSecond) == 2);
  for (SentWork* each : {&books, &blind}) each->first_token({1, 0, 6 * kSecond});
  CHECK(pending(books, 6 * kSecond) == 1 + 5);  // as the first has found it; the second is four late
  for (SentWork* each : {&books, &blind}) each->first_token({2, 0, 7 * kSecond});
  CHECK(pending(books, 7 * kSecond) == 5);
  CHECK(pending(books, 9 * kSecond) == Approx(5 * std::exp(-1.0)));
  CHECK(pending(blind, 9 * kSecond) == 0);
  CHECK(books.load(reports.at(9 * kSecond), 0).known_pending == Approx(5 * std::exp(-1.0) * kSecond));
  // The next report knows better.
  reports[0].taken_at = 8 * kSecond;
  CHECK(pending(books, 9 * kSecond) == 0);
}

TEST_CASE("a request that is lost and sent to the same replica again is there once", "[sent]") {
  Reports reports(1);
  reports.live = false;
  SentWork books;
  books.start(reports.at(0));
  books.sent(request(1, 100), 0, 100, 5000, 20, 0);
  books.completed(done(1, kSecond));  // lost: an end as well
  books.sent(request(1, 100), 0, 100, 5000, 20, 2 * kSecond);
  books.sent(request(2, 100), 0, 100, 7000, 20, 2 * kSecond);
  books.first_token({1, 0, 3 * kSecond});
  CHECK(books.load(reports.at(3 * kSecond), 0).pending == 7000);
  CHECK(books.load(reports.at(3 * kSecond), 0).decoding == 1);
  books.completed(done(1, 4 * kSecond));
  CHECK(books.load(reports.at(4 * kSecond), 0).requests == 1);
  CHECK(books.load(reports.at(4 * kSecond), 0).pending == 7000);
}

TEST_CASE("what requests outgrow: by what they hold and by what is still to come, not by how many", "[sent]") {
  CHECK(overgrowth(20, 1000, 200) == Approx(200 / (1 - 1.0 / 36)));
  CHECK(overgrowth(50, 1000, 200) == overgrowth(20, 1000, 200));
  // One cannot grow by more than its answer.
  CHECK(overgrowth(1, 1000, 200) == 200);
  CHECK(overgrowth(3, 0, 200) == 600);
  CHECK(overgrowth(0, 0, 200) == 0);
}

TEST_CASE("what requests outgrow: as a walk of many steps does", "[sent]") {
  // 30 tokens a step; each request completes with a chance of 1 / 200 a step, which frees all of its tokens, and an
  // equal one follows.
  const double outputs = 200, requests = 30;
  std::uint64_t state = 7;
  const auto uniform = [&] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state >> 11) * 0x1p-53;
  };
  for (const double held : {150.0, 400.0, 1000.0}) {
    const int walks = 4000;
    double sum = 0;
    for (int walk = 0; walk < walks; ++walk) {
      // Gaps between completions, drawn whole: exponential, with the mean outputs / requests in steps.
      double level = 0, most = 0;
      for (double steps = 0; steps < 600;) {
        const double gap = -std::log(1 - uniform()) * outputs / requests;
        steps += gap;
        level += gap * requests;
        most = std::max(most, level);
        level -= held + outputs;
      }
      sum += most;
    }
    CHECK(sum / walks == Approx(overgrowth(requests, held, outputs)).epsilon(0.1));
  }
}

}  // namespace switchyard
