#include <catch2/catch.hpp>

#include "core/input/write_file.hpp"
#include "results/result_folder.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scratch.hpp"

using namespace switchyard;
using Catch::Contains;
using Earlier = ResultFolder::Earlier;
namespace fs = std::filesystem;

namespace {

std::string names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  std::string all;
  for (const std::string& name : names) all += name + " ";
  return all;
}

void leave(const fs::path& path, const std::vector<std::string>& files, Earlier earlier) {
  ResultFolder folder(path, earlier, "");
  for (const std::string& file : files) write_file(folder.staging() / file, file);
  folder.commit();
}

}  // namespace

TEST_CASE("result_folder: a second result is refused, or takes the first one's place whole", "[result_folder]") {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "a/b";
  leave(path, {"config.json", "summary.json", "states.json"}, Earlier::refuse);
  CHECK(names_in(path) == "config.json states.json summary.json ");
  CHECK_THAT(error_of([&] { ResultFolder(path, Earlier::refuse, "use --force"); }),
             Contains("--out: '") && Contains("holds a run already (summary.json): use --force"));
  CHECK_THAT(error_of([&] { ResultFolder(path, Earlier::go_on, "none to go on with", "study.db"); }),
             Contains("none to go on with"));
  std::ofstream(path / "notes.txt") << "mine";
  leave(path, {"suite.json"}, Earlier::replace);
  CHECK(names_in(path) == "notes.txt suite.json ");
}

TEST_CASE("result_folder: what fails leaves the earlier result whole", "[result_folder]") {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "m";
  leave(path, {"config.json", "summary.json"}, Earlier::refuse);
  {
    ResultFolder folder(path, Earlier::replace, "");
    write_file(folder.staging() / "summary.json", "half");
  }
  CHECK(names_in(path) == "config.json summary.json ");
  std::string text;
  std::ifstream(path / "summary.json") >> text;
  CHECK(text == "summary.json");
  const fs::path fresh = scratch.path() / "fresh";
  { const ResultFolder folder(fresh, Earlier::refuse, ""); }
  CHECK_FALSE(fs::exists(fresh));
}

TEST_CASE("result_folder: two processes do not share one", "[result_folder]") {
  const ScratchFolder scratch;
  const ResultFolder folder(scratch.path() / "m", Earlier::refuse, "");
  CHECK_THAT(error_of([&] { ResultFolder(scratch.path() / "m", Earlier::replace, ""); }),
             Contains("in use by another process"));
}

TEST_CASE("result_folder: the replays that a search goes on with stay", "[result_folder]") {
  const ScratchFolder scratch;
  const fs::path path = scratch.path() / "m";
  leave(path, {"study.db", "leaderboard.json", "trials.csv"}, Earlier::refuse);
  ResultFolder folder(path, Earlier::go_on, "", "study.db");
  write_file(folder.staging() / "leaderboard.json", "new");
  folder.commit();
  CHECK(names_in(path) == "leaderboard.json study.db ");
}
