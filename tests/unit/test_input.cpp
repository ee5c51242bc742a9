// CSV and JSON files, names, whole-file writes: what is read, and what errors say.
#include <catch2/catch.hpp>
#include <sstream>

#include "core/input/csv.hpp"
#include "core/input/data_folder.hpp"
#include "core/input/json_file.hpp"
#include "core/input/write_file.hpp"
#include "tests/support/environment.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/gzip.hpp"
#include "tests/support/scratch.hpp"

namespace switchyard {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

TEST_CASE("input: the nearest name is one that was likely meant") {
  const std::vector<std::string> names = {"round_robin", "random", "llq", "lor"};
  CHECK(nearest_name("round_robbin", names) == "round_robin");
  CHECK(nearest_name("rand", names) == "random");
  CHECK(nearest_name("llqq", names) == "llq");
  CHECK(nearest_name("shortest_job_first", names).empty());
  CHECK(nearest_name(std::string(10000, 'x'), names).empty());
  const std::string message = unknown_name("--policy", "policy", "llw", names).what();
  CHECK(message == "--policy: unknown policy 'llw'; did you mean 'llq'? (known: round_robin, random, llq, lor)");
  CHECK(std::string(unknown_name("", "policy", "a\nb", names).what()).find('\n') == std::string::npos);
}

TEST_CASE("input: CSV files of all habits read alike") {
  const ScratchFolder folder;
  const std::string_view text = GENERATE("a,b\n1,2.5\n-3,4e2\n", "a,b\r\n1,2.5\r\n-3,4e2\r\n", "a,b\n1,2.5\n-3,4e2",
                                         "\xEF\xBB\xBF"
                                         "a,b\n1,2.5\n-3,4e2\n",
                                         "\n\na,b\n\n1,2.5\n  \n-3,4e2\n\n", " a , b\n1 ,\t2.5\n -3, 4e2 \n");
  CsvReader csv(folder.write("x.csv", text));
  CHECK(csv.header() == std::vector<std::string>{"a", "b"});
  CHECK(csv.has_column("b"));
  CHECK_FALSE(csv.has_column("c"));
  const std::size_t a = csv.column("a"), b = csv.column("b");
  REQUIRE(csv.next());
  CHECK(csv.integer(a) == 1);
  CHECK(csv.number(b) == 2.5);
  REQUIRE(csv.next());
  CHECK(csv.integer(a) == -3);
  CHECK(csv.number(b) == 400.0);
  CHECK_FALSE(csv.next());
  CHECK_FALSE(csv.next());
}

TEST_CASE("input: nothing is written over what was read") {
  const ScratchFolder folder;
  const std::filesystem::path file = folder.write("x.csv", "a\n1\n"), link = folder.path() / "link.csv";
  std::filesystem::create_symlink(file, link);
  { CsvReader csv(file); }
  for (const auto& path : {file, link, folder.path() / "." / "x.csv"}) {
    CHECK_THAT(error_of([&] { write_file(path, "gone"); }), Contains("is read by this command"));
    CHECK_THAT(error_of([&] { StreamedFile(path, "--event-log"); }),
               StartsWith("--event-log: ") && Contains("is read by this command"));
  }
  CHECK(text_of(file.string()) == "a\n1\n");
  write_file(folder.path() / "y.csv", "new");
  write_file(folder.path() / "y.csv", "again");  // it was written, not read
  CHECK(text_of((folder.path() / "y.csv").string()) == "again");
}

TEST_CASE("input: a number beyond a double is named with its place") {
  CHECK(error_of([] { JsonFile("y.json", "{\"e\": 1,\n \"a\": [2, -1e515]}"); }) ==
        "y.json:2:11: the number '-1e515' is beyond what a double holds");
  CHECK(JsonFile("y.json", "[1e-400, 18446744073709551616]").root()[0] == 0.0);
  const ScratchFolder folder;
  CHECK_THAT(error_of([&] { JsonFile(folder.write("y.json", "PK\x03\x04")); }), Contains("is a zip archive"));
}

TEST_CASE("input: CSV errors name file, line and column") {
  const ScratchFolder folder;
  CHECK_THAT(error_of([&] { CsvReader csv(folder.path() / "none.csv"); }), Contains("none.csv"));
  CHECK_THAT(error_of([&] { CsvReader csv(folder.path()); }), Contains("is a folder"));
  CHECK_THAT(error_of([&] { CsvReader csv(folder.write("empty.csv", "")); }),
             Contains("empty.csv:1") && Contains("empty"));
  CHECK_THAT(error_of([&] { CsvReader csv(folder.write("blank.csv", "\n \n")); }), Contains("empty"));
  CHECK_THAT(error_of([&] { CsvReader csv(folder.write("twice.csv", "a,b,a\n")); }), Contains("'a' is there twice"));

  CsvReader csv(folder.write("x.csv", "alpha,beta\n1,x\n1,1e999\n1.5,nan\n,inf\n1\n"));
  CHECK_THAT(error_of([&] { csv.column("alpah"); }), Contains("x.csv:1") && Contains("'alpah'") && Contains("'alpha'"));
  REQUIRE(csv.next());
  CHECK_THAT(error_of([&] { csv.number(1); }), Contains("x.csv:2:2 'beta'") && Contains("(found 'x')"));
  REQUIRE(csv.next());
  CHECK_THAT(error_of([&] { csv.number(1); }), Contains("x.csv:3:2 'beta'") && Contains("1e999"));
  REQUIRE(csv.next());
  CHECK_THAT(error_of([&] { csv.integer(0); }), Contains("x.csv:4:1 'alpha'") && Contains("(found '1.5')"));
  CHECK_THAT(error_of([&] { csv.number(1); }), Contains("finite"));
  REQUIRE(csv.next());
  CHECK_THAT(error_of([&] { csv.integer(0); }), Contains("(found '')"));
  CHECK_THAT(error_of([&] { csv.number(1); }), Contains("(found 'inf')"));
  CHECK_THAT(error_of([&] { csv.next(); }), Contains("x.csv:6") && Contains("1 fields") && Contains("truncated"));
}

TEST_CASE("input: JSON errors name file, line and column") {
  const JsonFile json("x.json", "{\n  \"a\": [1, {\"b\": \"]}\"}],\n  \"c/d\": {\"b\": 2}\n}\n");
  CHECK(json.where("/a") == "x.json:2:3");
  CHECK(json.where("/a/0") == "x.json:2:9");
  CHECK(json.where("/a/1/b") == "x.json:2:13");
  CHECK(json.where("/c~1d/b") == "x.json:3:11");
  CHECK(json.where("/nothing") == "x.json:1:1");
  CHECK(std::string(json.fail("/c~1d/b", "must be 3").what()) == "x.json:3:11: must be 3 (found '2')");
  CHECK_THAT(error_of([] { JsonFile("y.json", "{\n \"a\": 1,\n}"); }), Contains("y.json:3:1: not JSON"));
  CHECK_THAT(error_of([] { JsonFile("y.json", ""); }), Contains("y.json:1:1: not JSON"));
  CHECK_THAT(error_of([] { JsonFile("y.json", "{\"a\": 1, \"a\": 2}"); }), Contains("'a'") && Contains("twice"));
  CHECK_THAT(error_of([] { JsonFile("y.json", std::string(100000, '[')); }), Contains("deep"));
  const ScratchFolder folder;
  CHECK_THAT(error_of([&] { JsonFile(folder.path() / "none.json"); }), Contains("none.json"));
  CHECK_THAT(error_of([&] { JsonFile(folder.path()); }), Contains("is a folder"));
}

TEST_CASE("input: a file is written whole or not at all") {
  const ScratchFolder folder;
  const std::filesystem::path file = folder.path() / "out.txt";
  write_file(file, "one\n");
  write_file(file, "two\n");
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  CHECK(text.str() == "two\n");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  CHECK_THAT(error_of([&] { write_file(folder.path() / "none" / "out.txt", "x"); }), Contains("none"));
  CHECK_THAT(error_of([&] { write_file(folder.path(), "x"); }), Contains(folder.path().filename().string()));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("input: writing leaves links, devices and pipes what they are") {
  const ScratchFolder folder;
  const std::filesystem::path target = folder.write("target.txt", "old");
  const std::filesystem::path link = folder.path() / "link.txt";
  std::filesystem::create_symlink("target.txt", link);
  write_file(link, "new");
  CHECK(std::filesystem::is_symlink(link));
  std::ostringstream text;
  text << std::ifstream(target).rdbuf();
  CHECK(text.str() == "new");

  const std::filesystem::path null = folder.path() / "null";
  std::filesystem::create_symlink("/dev/null", null);
  write_file(null, "gone");
  CHECK(std::filesystem::is_character_file(null));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 3);

  const std::filesystem::path full = folder.path() / "full";
  std::filesystem::create_symlink("/dev/full", full);
  CHECK_THAT(error_of([&] { write_file(full, std::string(1 << 20, 'x')); }), Contains("cannot write"));
}

TEST_CASE("input: paths that cannot be looked at are unreadable files, not faults of ours") {
  const ScratchFolder folder;
  const std::string endless(300, 'a');  // longer than a file's name may be
  const std::filesystem::path loop = folder.path() / "loop.csv";
  std::filesystem::create_symlink("loop.csv", loop);
  for (const std::filesystem::path& path : {folder.path() / endless, loop}) {
    CHECK_THAT(error_of([&] { CsvReader csv(path); }), Contains("cannot read the file"));
    CHECK_FALSE(error_of([&] { JsonFile json(path); }).empty());
    CHECK_FALSE(error_of([&] { write_file(path / "out.txt", "x"); }).empty());
    const ScopedEnvironment named("SWITCHYARD_DATA", path.string());
    CHECK_FALSE(data_folder());
  }
}

TEST_CASE("input: SWITCHYARD_DATA names the data folder, or turns it off") {
  const ScratchFolder folder;
  {
    const ScopedEnvironment named("SWITCHYARD_DATA", folder.path().string());
    CHECK(data_folder() == folder.path());
  }
  {
    const ScopedEnvironment missing("SWITCHYARD_DATA", (folder.path() / "none").string());
    CHECK_FALSE(data_folder());
  }
  const ScopedEnvironment empty("SWITCHYARD_DATA", "");
  CHECK_FALSE(data_folder());
}

}  // namespace
}  // namespace switchyard
