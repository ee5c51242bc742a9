// The terminal table: what fits, what is left out, what is broken.
#include <catch2/catch.hpp>
#include <sstream>

#include "results/table.hpp"

using namespace switchyard;

namespace {

const std::vector<TableColumn> kColumns = {{.title = "rank", .right = false, .importance = kEssential},
                                           {.title = "policy", .right = false, .wraps = true, .importance = kEssential},
                                           {.title = "mean", .importance = kEssential},
                                           {.title = "training"},
                                           {.title = "change", .importance = 1},
                                           {.title = "restarts"}};

const std::vector<std::vector<TableCell>> kRows = {
    {{"1"}, {"a_policy(first=1.5,second=2.5,third=3.5)"}, {"2.265"}, {"2.3"}, {"-1%", Tone::good}, {"0"}},
    {{"2"}, {"llq"}, {"10.5"}, {"2.4"}, {"+1%", Tone::bad}, {"12"}}};

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("A table without a width shows all, one line a row, without colour") {
  CHECK(render_table(kColumns, kRows, {}) ==
        "rank  policy                                     mean  training  change  restarts\n"
        "1     a_policy(first=1.5,second=2.5,third=3.5)  2.265       2.3     -1%         0\n"
        "2     llq                                        10.5       2.4     +1%        12\n");
}

TEST_CASE("A table fits every width that its essential columns fit") {
  for (unsigned width = 45; width <= 100; ++width) {
    for (const std::string& line : lines_of(render_table(kColumns, kRows, {.width = width}))) {
      INFO(width << ": " << line);
      CHECK((line.size() <= width || line.starts_with("Not shown")));
    }
  }
}

TEST_CASE("A narrow table leaves out the least important columns from the right, and says so") {
  const std::string text = render_table(kColumns, kRows, {.width = 50});
  CHECK(text ==
        "rank  policy                          mean  change\n"
        "1     a_policy(first=1.5,            2.265     -1%\n"
        "        second=2.5,third=3.5)\n"
        "2     llq                             10.5     +1%\n"
        "Not shown at this width: training, restarts (--format markdown, csv or json has all).\n");
}

TEST_CASE("Characters of several bytes count as one") {
  CHECK(render_table({{.title = "é"}, {.title = "b"}}, {{{"xx"}, {"ü"}}}, {}) == " é  b\nxx  ü\n");
}

TEST_CASE("Colour is in tables only where it is asked for") {
  const std::string plain = render_table(kColumns, kRows, {});
  const std::string colour = render_table(kColumns, kRows, {.colour = true});
  CHECK(plain.find('\x1b') == std::string::npos);
  CHECK(colour.find("\x1b[32m-1%\x1b[0m") != std::string::npos);
  CHECK(colour.find("\x1b[31m+1%\x1b[0m") != std::string::npos);
}
