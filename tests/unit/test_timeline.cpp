// Timelines are parsed whole and held against the trace event format and the replay that they show.
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "core/cost/source.hpp"
#include "core/scenario/experiment.hpp"
#include "core/workload/trace_file.hpp"
#include "policies/registry.hpp"
#include "results/timeline.hpp"
#include "tests/support/data.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;
using Json = nlohmann::json;

namespace {

// A time of the format, microseconds with three decimals, as whole nanoseconds.
std::int64_t nanoseconds(const Json& value) {
  REQUIRE(value.is_number());
  const double time = value.get<double>() * 1000;
  REQUIRE(std::abs(time - std::round(time)) < 0.05);
  return static_cast<std::int64_t>(std::round(time));
}

// Everything that can be said of the file alone. Takes its events one at a time.
class Checker {
 public:
  struct Life {
    std::vector<std::string> open;  // nested phases, innermost last
    std::int64_t started_at = 0, ended_at = 0, last = 0;
    std::int64_t decode_started_at = -1;
    int restarts = 0, ends = 0, transfers = 0, retries = 0;
  };

  void take(const Json& event) {
    const std::string phase = event.at("ph");
    const std::string name = event.at("name");
    const std::int64_t process = event.at("pid").get<std::int64_t>();
    if (phase == "M") {
      if (name == "process_name") names[process] = event.at("args").at("name");
      return;
    }
    REQUIRE(names.count(process) == 1);
    const std::int64_t time = nanoseconds(event.at("ts"));
    REQUIRE(time >= 0);
    REQUIRE(event.at("tid") == 1);
    REQUIRE(event.at("args").is_object());
    if (phase == "X") {
      const std::int64_t duration = nanoseconds(event.at("dur"));
      REQUIRE(duration > 0);
      REQUIRE(time >= batches_end[process]);  // one at a time
      batches_end[process] = time + duration;
      busy += duration;
      ++num_batches;
      const Json& args = event.at("args");
      const bool prefills = args.at("prefills") > 0, decodes = args.at("decodes") > 0;
      REQUIRE(name == (prefills && decodes ? "mixed" : prefills ? "prefill" : "decode"));
    } else if (phase == "C") {
      const auto track = std::pair{process, name};
      REQUIRE(time >= counters[track].first);
      for (const auto& item : event.at("args").items()) {
        REQUIRE(item.value().is_number_integer());
        REQUIRE(item.value() >= 0);
      }
      counters[track] = {time, event.at("args")};
    } else if (phase == "i") {
      REQUIRE(event.at("s") == "t");
      REQUIRE(time >= last_decision);
      last_decision = time;
      if (name == "place") {
        ++num_places;
        const Json& args = event.at("args");
        if (args.contains("scores")) {
          ++num_scored;
          const std::size_t chosen = args.at("replica").get<std::size_t>();
          for (const Json& score : args.at("scores")) {
            REQUIRE((score.is_null() || args.at("scores").at(chosen) <= score));
          }
        }
      } else {
        REQUIRE(name == "hold");
        REQUIRE(event.at("args").at("queue") > 0);
      }
    } else if (event.at("cat") == "operation") {  // of a replica
      REQUIRE(process > 1);
      num_operations += phase == "b" ? 1 : -1;
    } else {
      Life& life = lives[event.at("id").get<std::string>()];
      REQUIRE(time >= life.last);
      life.last = time;
      if (phase == "b") {
        if (name == "request") life.started_at = time;
        if (name == "decode" && life.decode_started_at < 0) life.decode_started_at = time;
        REQUIRE(life.open.size() == (name == "request" ? 0U : 1U));
        life.open.push_back(name);
      } else if (phase == "e") {
        REQUIRE(!life.open.empty());
        REQUIRE(life.open.back() == name);
        life.open.pop_back();
        if (name == "request") {
          life.ended_at = time;
          ++life.ends;
        }
      } else {
        REQUIRE(phase == "n");
        REQUIRE((name == "restart" || name == "transfer" || name == "retry"));
        (name == "restart" ? life.restarts : name == "retry" ? life.retries : life.transfers) += 1;
      }
    }
  }

  std::map<std::int64_t, std::string> names;  // of processes
  std::map<std::int64_t, std::int64_t> batches_end;
  std::map<std::pair<std::int64_t, std::string>, std::pair<std::int64_t, Json>> counters;  // last event
  std::map<std::string, Life> lives;
  std::int64_t num_batches = 0, busy = 0, num_places = 0, num_scored = 0, last_decision = 0;
  std::int64_t num_operations = 0;  // that are open
};

// Replays, writes the timeline, parses it whole and compares it with the replay.
Checker check_timeline(const ClusterConfig& config, const Workload& workload, const std::string& policy,
                       std::uintmax_t most_bytes) {
  const ScratchFolder scratch;
  const auto path = scratch.path() / "timeline.json";
  Simulation simulation;
  Timeline timeline(path, workload, config.num_replicas(), {policy, "a \"quoted\" </script> name", 42});
  const auto made = parse_policy(policy, "").make();
  const Replay& replay = simulation.run(config, workload, *made, 42, &timeline);
  CHECK_FALSE(std::filesystem::exists(path));  // nobody sees half of it
  timeline.close();
  CHECK(std::filesystem::file_size(path) < most_bytes);

  Checker checker;
  std::ifstream in(path);
  const Json rest = Json::parse(in, [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth != 2 || event != Json::parse_event_t::object_end || !value.contains("ph")) return true;
    checker.take(value);
    return false;  // not kept
  });
  CHECK(rest.at("otherData").at("scenario") == "a \"quoted\" </script> name");
  CHECK(rest.at("traceEvents").is_array());

  std::int64_t batches = 0;
  Time busy = 0;
  for (const ReplicaTotals& replica : replay.replicas) {
    batches += replica.num_batches;
    busy += replica.busy;
  }
  CHECK(checker.num_batches <= batches);
  const bool fails = replay.num_retries > 0;  // then planned steps are lost that have not begun
  CHECK((fails || checker.num_batches == batches));
  if (!fails) CHECK(std::abs(static_cast<double>(checker.busy - busy / 1000)) <= static_cast<double>(batches));
  CHECK(checker.names.size() == static_cast<std::size_t>(config.num_replicas()) + 1);
  REQUIRE(checker.lives.size() == workload.size());
  std::map<std::int32_t, Time> moved_at;  // by row
  for (const HandOff& moved : replay.hand_offs) moved_at[moved.row] = moved.ended_at;
  if (replay.num_retries == 0)
    CHECK(checker.num_places == static_cast<std::int64_t>(workload.size() + moved_at.size()));
  for (std::size_t i = 0; i < workload.size(); ++i) {
    const Checker::Life& life = checker.lives.at(std::to_string(i));
    const RequestRecord& record = replay.requests[i];
    CHECK(life.open.empty());
    CHECK(life.ends == 1);
    CHECK(life.retries == record.num_retries);
    if (record.num_retries == 0) CHECK(life.restarts == record.num_restarts);
    const auto moved = moved_at.find(static_cast<std::int32_t>(i));
    if (record.num_retries == 0) CHECK(life.transfers == (moved == moved_at.end() ? 0 : 1));
    CHECK(life.started_at == workload.requests[i].arrived_at / 1000);
    CHECK(life.ended_at == record.completed_at / 1000);
    if (record.num_retries > 0) continue;  // of which attempt
    const Time decodes_at = moved == moved_at.end() ? record.prefill_completed_at : moved->second;
    if (!config.is_split() || workload.hidden.num_decode_tokens[i] > 1)
      CHECK(life.decode_started_at == decodes_at / 1000);
  }
  for (const auto& [track, last] : checker.counters) {
    if (fails) break;
    for (const auto& item : last.second.items()) {  // all is idle at the end
      if (item.key() != "cached, free") CHECK(item.value() == 0);
    }
  }
  return checker;
}

}  // namespace

// Reading a timeline takes seconds of a test's time: each policy has one under one of the schedulers, two under all.
TEST_CASE("timeline: every policy, every replica scheduler, with restarts", "[timeline]") {
  Scenario scenario;
  scenario.replicas = 2;
  scenario.num_blocks = 60;
  scenario.max_tokens = 800;
  scenario.chunk_size = 64;
  scenario.workload.arrivals = ArrivalKind::fixed;
  scenario.workload.qps = 20;
  scenario.workload.lengths = LengthKind::uniform;
  scenario.workload.num_requests = 80;
  scenario.workload.prompt_min = 20;
  scenario.workload.prompt_max = 300;
  scenario.workload.output_min = 1;
  scenario.workload.output_max = 300;
  int restarts = 0;
  constexpr EngineKind schedulers[] = {EngineKind::vllm_v0, EngineKind::sarathi, EngineKind::orca};
  for (std::size_t which = 0; which < 3; ++which) {
    scenario.replica_scheduler = schedulers[which];
    const Experiment experiment(scenario);
    const auto workload = experiment.workload(5);
    std::size_t turn = which;
    for (const PolicyInfo& info : registered_policies()) {
      const bool under_all = info.name == "llq" || info.name == "hra";
      if (turn++ % 3 != 0 && !under_all) continue;
      INFO(info.name);
      const Checker checker = check_timeline(experiment.cluster(), *workload, info.name, 10'000'000);
      for (const auto& [id, life] : checker.lives) restarts += life.restarts;
      if (under_all) CHECK(checker.num_scored == checker.num_places);
    }
  }
  CHECK(restarts > 10);
}

TEST_CASE("timeline: prefill and decode apart, without failures and with them", "[timeline]") {
  Scenario scenario = load_scenario("split-prefill");
  scenario.signal_interval_s = scenario.kv_delay_s = 0;
  scenario.workload.duration_s = 5;
  for (const char* events : {"", "fail 0 at 1 for 1, fail 5 at 2 for 1"}) {
    scenario.replica_events = events;
    const Experiment experiment(scenario);
    const Checker checker = check_timeline(experiment.cluster(), *experiment.workload(1), "llq", 100'000'000);
    int transfers = 0, retries = 0;
    for (const auto& [id, life] : checker.lives) {
      transfers += life.transfers;
      retries += life.retries;
    }
    CHECK(transfers > 300);
    CHECK((retries > 0) == (*events != 0));
  }
}

TEST_CASE("timeline: azure-conv under lor", "[timeline]") {
  const Experiment experiment(load_scenario("azure-conv"));
  const auto workload = experiment.workload(42);
  const Checker checker = check_timeline(experiment.cluster(), *workload, "lor", 100'000'000);
  CHECK(checker.num_batches > 80'000);
}

TEST_CASE("timeline: azure-conv under lor, by the reference's tables and workload", "[timeline]") {
  const auto folder = reference_folder();
  if (!folder) {
    WARN("SKIPPED: the reference results are not there (see SWITCHYARD_REFERENCE)");
    return;
  }
  Scenario scenario = load_scenario("azure-conv");
  scenario.set_cost_tables((*folder / "vidur/tables/a100-llama2-7b").string());
  scenario.num_blocks = 7424;
  const Experiment experiment(scenario);
  const Workload workload =
      make_workload("conv", read_trace(*folder / "vidur/workloads/conv_poisson2_seed42.csv").rows);
  const Checker checker = check_timeline(experiment.cluster(), workload, "lor", 100'000'000);
  CHECK(checker.num_batches == 81'548);
}

TEST_CASE("timeline: a file that cannot be written is refused", "[timeline]") {
  const ScratchFolder scratch;
  const auto file = scratch.write("file", "text");
  Workload workload;
  CHECK_THROWS_AS(Timeline(file / "below", workload, 1, {}), InputError);
  { Timeline timeline(scratch.path() / "unfinished", workload, 1, {}); }
  CHECK(std::distance(std::filesystem::directory_iterator(scratch.path()), {}) == 1);  // only what was there
}
