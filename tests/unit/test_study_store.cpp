#include <sqlite3.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <thread>

#include "search/study_store.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;
using Catch::Contains;
using Mode = StudyStore::Mode;

namespace {

ReplayResult result_of(double mean) {
  ReplayResult result;
  for (const SummaryField& field : summary_fields()) field.set(result.summary, field.whole() ? 7 : mean / 3);
  return result;
}

// Runs SQL on the file as another program would.
void execute(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &handle) == SQLITE_OK);
  char* message = nullptr;
  const int code = sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message);
  INFO((message ? message : ""));
  CHECK(code == SQLITE_OK);
  sqlite3_free(message);
  sqlite3_close(handle);
}

// A study as the first version wrote it: replays of one experiment, and fewer figures than there are now.
constexpr const char* kFormat1 =
    "PRAGMA user_version = 1;"
    "CREATE TABLE config (json TEXT NOT NULL);"
    "CREATE TABLE trials (number INTEGER PRIMARY KEY, policy TEXT NOT NULL UNIQUE);"
    "CREATE TABLE replays (position INTEGER PRIMARY KEY, trial INTEGER NOT NULL REFERENCES trials, seed INTEGER NOT "
    "NULL, failure TEXT NOT NULL, mean_e2e_s REAL NOT NULL, num_requests INTEGER NOT NULL, UNIQUE (trial, seed));"
    "INSERT INTO config VALUES ('{}');"
    "INSERT INTO trials VALUES (0, 'llq'), (1, 'hra(safety=0.1)');"
    "INSERT INTO replays VALUES (1, 0, 3, '', 0.25, 9), (2, 1, 3, 'it stalled', 0, 0);";

}  // namespace

TEST_CASE("a study gives back what was put in, to the last bit", "[store]") {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "study.db";
  {
    StudyStore store(file, Mode::create);
    CHECK(store.config().empty());
    store.set_config("{}");
    store.append({{"k1", "llq", 3, result_of(0.1)}, {"k1", "hra(safety=0.1)", 3, {"it stalled", {}}}});
    store.append({{"k2", "llq", 3, result_of(1e-300)}});
  }
  const StudyStore store(file, Mode::read);
  CHECK(store.config() == "{}");
  const auto replays = store.replays();
  REQUIRE(replays.size() == 3);
  CHECK(replays[1].policy == "hra(safety=0.1)");
  CHECK(replays[1].result.failure == "it stalled");
  CHECK(replays[0].experiment == "k1");
  CHECK(replays[2].experiment == "k2");
  CHECK(replays[2].seed == 3);
  for (const SummaryField& field : summary_fields()) {
    CHECK(field.get(replays[0].result.summary) == field.get(result_of(0.1).summary));
    CHECK(field.get(replays[2].result.summary) == field.get(result_of(1e-300).summary));
  }
}

TEST_CASE("a study refuses what would spoil it", "[store]") {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "study.db";
  CHECK_THAT(error_of([&] { StudyStore(file, Mode::read); }), Contains("there is no such study"));
  {
    StudyStore store(file, Mode::append);  // made, as it is not there
    store.append({{"k", "llq", 1, result_of(1)}});
    // A replay that is known is none to add, nor is anything that comes with it.
    CHECK_THAT(error_of([&] {
                 store.append({{"k", "lor", 1, result_of(2)}, {"k", "llq", 1, result_of(2)}});
               }),
               Contains("UNIQUE"));
    store.append({{"k", "llq", 2, result_of(1)}});
    CHECK_THAT(error_of([&] { StudyStore(file, Mode::append); }), Contains("in use by another process"));
  }
  CHECK_THAT(error_of([&] { StudyStore(file, Mode::create); }), Contains("--resume continues it"));
  CHECK(StudyStore(file, Mode::append).replays().size() == 2);
  const auto other = scratch.write("other.db", "this is no database, but long enough to be looked at as one");
  CHECK_THAT(error_of([&] { StudyStore(other, Mode::append); }), Contains("other.db"));
}

TEST_CASE("who looks at a study that is running does not end it", "[store]") {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "study.db";
  StudyStore store(file, Mode::create);
  store.append({{"k", "llq", 1, result_of(1)}});
  std::atomic<bool> looks = false;
  std::thread reader([&] {  // holds the file for a moment, as `study show` does while it reads
    sqlite3* handle = nullptr;
    sqlite3_open(file.c_str(), &handle);
    sqlite3_exec(handle, "BEGIN; SELECT count(*) FROM replays", nullptr, nullptr, nullptr);
    looks = true;
    sqlite3_sleep(200);
    sqlite3_close(handle);
  });
  while (!looks) sqlite3_sleep(1);
  const std::string error = error_of([&] { store.append({{"k", "llq", 2, result_of(1)}}); });
  reader.join();
  CHECK(error == "");
  CHECK(store.replays().size() == 2);
}

TEST_CASE("a figure that does not exist is not 0 in a study", "[store]") {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "study.db";
  ReplayResult result = result_of(1);
  result.summary.mean_tpot_s = std::nan("");
  StudyStore(file, Mode::create).append({{"k", "llq", 1, result}});
  const auto replays = StudyStore(file, Mode::read).replays();
  REQUIRE(replays.size() == 1);
  CHECK(std::isnan(replays[0].result.summary.mean_tpot_s));
  CHECK(replays[0].result.summary.mean_e2e_s == result.summary.mean_e2e_s);
}

TEST_CASE("an old study can be read, with what it did not record unknown, and not be continued", "[store]") {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "study.db";
  execute(file, kFormat1);
  const StudyStore store(file, Mode::read);
  CHECK(store.config() == "{}");
  CHECK(store.leaders().empty());
  const auto replays = store.replays();
  REQUIRE(replays.size() == 2);
  CHECK(replays[0].experiment.empty());
  CHECK(replays[0].policy == "llq");
  CHECK(replays[0].result.summary.mean_e2e_s == 0.25);
  CHECK(replays[0].result.summary.num_requests == 9);
  CHECK(std::isnan(replays[0].result.summary.p99_e2e_s));
  CHECK(replays[1].result.failure == "it stalled");
  CHECK_THAT(error_of([&] { StudyStore(file, Mode::append); }), Contains("other figures") && Contains("not continued"));
}

TEST_CASE("a study of a later version, with figures that are not known here, can be read", "[store]") {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "study.db";
  StudyStore(file, Mode::create).append({{"k", "llq", 1, result_of(1)}});
  execute(file, "ALTER TABLE replays ADD COLUMN p12_e2e_s REAL");
  CHECK(StudyStore(file, Mode::read).replays().size() == 1);
  CHECK_THAT(error_of([&] { StudyStore(file, Mode::append); }), Contains("other figures"));
}

TEST_CASE("hot_study: what a killed process left unfinished is read without changing the folder", "[store]") {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "study.db";
  {
    StudyStore store(file, Mode::create);
    store.set_config("{}");
    store.append({{"k", "llq", 1, result_of(1)}});
  }
  // A transaction as it is on disk half-way: the journal holds what the file was, and no process holds the file.
  const auto other = scratch.path() / "half-way";
  std::filesystem::create_directory(other);
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &handle) == SQLITE_OK);
  std::string sql = "PRAGMA cache_size = 1; BEGIN;";
  for (int i = 0; i < 200; ++i) sql += "INSERT INTO config VALUES ('" + std::string(2000, 'x') + "');";
  REQUIRE(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  for (const char* name : {"study.db", "study.db-journal"}) {
    REQUIRE(std::filesystem::exists(scratch.path() / name));
    std::filesystem::copy_file(scratch.path() / name, other / name);
    std::filesystem::permissions(other / name, std::filesystem::perms::owner_read);
  }
  sqlite3_close(handle);
  const auto sizes = [&] {
    std::vector<std::uintmax_t> all;
    for (const auto& entry : std::filesystem::directory_iterator(other)) all.push_back(entry.file_size());
    std::sort(all.begin(), all.end());
    return all;
  };
  const auto before = sizes();
  REQUIRE(before.size() == 2);
  {
    const StudyStore store(other / "study.db", Mode::read);
    CHECK(store.config() == "{}");
    CHECK(store.replays().size() == 1);
  }
  CHECK(sizes() == before);
}

TEST_CASE("the leaders of a study hold until it is continued with another configuration", "[store]") {
  const ScratchFolder scratch;
  StudyStore store(scratch.path() / "study.db", Mode::create);
  store.set_config("{}");
  CHECK(store.leaders().empty());
  store.set_leaders({"hra", "llq"});
  store.set_leaders({"hra", "llq"});  // known already
  CHECK(store.leaders() == std::vector<std::string>{"hra", "llq"});
  store.set_config("{\"replays\": 2}");
  CHECK(store.config() == "{\"replays\": 2}");
  CHECK(store.leaders().empty());
}
