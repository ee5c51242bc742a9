#include <catch2/catch.hpp>

#include "search/study_store.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;

namespace {

ReplayResult result_of(double mean) {
  ReplayResult result;
  for (const SummaryField& field : summary_fields()) field.set(result.summary, field.whole() ? 7 : mean / 3);
  return result;
}

}  // namespace

TEST_CASE("a study gives back what was put in, to the last bit", "[store]") {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "study.db";
  {
    StudyStore store(file, StudyStore::Mode::create);
    CHECK(store.config().empty());
    store.set_config("{}");
    store.append({{0, "llq"}, {1, "hra(safety=0.1)"}}, {{0, 3, result_of(0.1)}, {1, 3, {"it stalled", {}}}});
    store.append({}, {{0, 4, result_of(1e-300)}});
  }
  const StudyStore store(file, StudyStore::Mode::read);
  CHECK(store.config() == "{}");
  REQUIRE(store.trials().size() == 2);
  CHECK(store.trials()[1].policy == "hra(safety=0.1)");
  const auto replays = store.replays();
  REQUIRE(replays.size() == 3);
  CHECK(replays[1].result.failure == "it stalled");
  CHECK(replays[2].seed == 4);
  for (const SummaryField& field : summary_fields()) {
    CHECK(field.get(replays[0].result.summary) == field.get(result_of(0.1).summary));
    CHECK(field.get(replays[2].result.summary) == field.get(result_of(1e-300).summary));
  }
}

TEST_CASE("a study refuses what would spoil it", "[store]") {
  const ScratchFolder scratch;
  const auto file = scratch.path() / "study.db";
  using Mode = StudyStore::Mode;
  CHECK_THAT(error_of([&] { StudyStore(file, Mode::read); }), Catch::Contains("there is no such study"));
  {
    StudyStore store(file, Mode::append);  // made, as it is not there
    store.append({{0, "llq"}}, {{0, 1, result_of(1)}});
    CHECK_THAT(error_of([&] { store.append({}, {{0, 1, result_of(2)}}); }), Catch::Contains("UNIQUE"));
    CHECK_THAT(error_of([&] { StudyStore(file, Mode::append); }), Catch::Contains("in use by another process"));
  }
  CHECK_THAT(error_of([&] { StudyStore(file, Mode::create); }), Catch::Contains("--resume continues it"));
  CHECK(StudyStore(file, Mode::append).replays().size() == 1);
  const auto other = scratch.write("other.db", "this is no database, but long enough to be looked at as one");
  CHECK_THAT(error_of([&] { StudyStore(other, Mode::append); }), Catch::Contains("other.db"));
}
