#include <fmt/format.h>

#include <sstream>

#include "search/cli/command.hpp"
#include "search/cli/documentation.hpp"

namespace switchyard {

namespace {

// Text as roff shows it unchanged: backslashes, hyphens that can be copied, and no control line by accident.
std::string escaped(const std::string& text) {
  std::string roff;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool line_start = i == 0 || text[i - 1] == '\n';
    if (line_start && (text[i] == '.' || text[i] == '\'')) roff += "\\&";
    switch (text[i]) {
      case '\\':
        roff += "\\e";
        break;
      case '-':
        roff += "\\-";
        break;
      case '\'':
        roff += "\\(aq";
        break;
      case '`':
        roff += "\\(ga";
        break;
      default:
        roff += text[i];
    }
  }
  return roff;
}

std::string items(const std::vector<Flag>& flags) {
  std::string roff;
  for (const Flag& flag : flags) {
    roff += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", escaped("--" + flag.name), flag.takes_value ? " \\fIVALUE\\fR" : "",
                        escaped(flag.doc));
  }
  return roff;
}

std::string as_written(const std::string& text) { return ".EX\n" + escaped(text) + "\n.EE\n"; }

std::string section(const Command& command) {
  const Options options = command.declare();
  std::string roff = fmt::format(".SS {}\n{}.\n.PP\n", command.name, escaped(command.summary));
  roff += as_written("switchyard " + options.usage()) + ".PP\n";
  std::string doc = options.doc();
  while (doc.ends_with('\n')) doc.pop_back();
  // Lines that say what one action does, as a list; else a paragraph.
  roff += doc.find('\n') == std::string::npos ? escaped(doc) + "\n" : as_written(doc);
  roff += items(options.flags());
  if (!options.fields().empty()) {
    std::string but;
    for (const std::string& flag : options.without_effect())
      but += (but.empty() ? " but " : ", ") + escaped("--" + flag);
    roff += ".PP\nAlso every flag of \\fBScenario fields\\fR" + but + ".\n";
  }
  if (!options.examples().empty()) {
    roff += ".PP\nExamples:\n";
    for (const std::string& example : options.examples()) roff += ".PP\n" + as_written(example);
  }
  return roff;
}

}  // namespace

std::string manual_page() {
  std::string roff =
      ".TH SWITCHYARD 1 \"\" \"switchyard " SWITCHYARD_VERSION
      "\" \"User commands\"\n"
      ".SH NAME\nswitchyard \\- finds better routing policies for LLM serving clusters\n"
      ".SH SYNOPSIS\n.B switchyard\n\\fICOMMAND\\fR [\\fIWORDS\\fR] [\\fIFLAGS\\fR]\n"
      ".br\n.B switchyard\n\\fB\\-\\-help\\fR | \\fB\\-\\-version\\fR\n"
      ".SH DESCRIPTION\n"
      "Replays traces of requests through a simulated cluster of LLM replicas under a routing policy, tunes the "
      "policy's\n"
      "parameters on some seeds, and ranks policies on seeds that the tuning never saw, with intervals.\n"
      "Results go to standard output or to \\fB\\-\\-out\\fR, messages to standard error.\n"
      ".SH COMMANDS\n";
  for (const Command& command : commands()) roff += section(command);
  roff += ".SH SCENARIO FIELDS\nOf the commands that take a scenario; each overrides that field of it.\n";
  for (const Command& command : commands()) {
    const Options options = command.declare();
    if (options.fields().empty()) continue;
    roff += items(options.fields());
    break;
  }
  roff +=
      ".SH ENVIRONMENT\n"
      ".TP\n.B SWITCHYARD_DATA\nFolder of traces and profiles that scenarios use where they are found. Empty: none; "
      "the\n"
      "embedded models are used.\n"
      ".TP\n.B NO_COLOR\nIf set and not empty, tables have no colour on a terminal either.\n"
      ".SH EXIT STATUS\n"
      ".TP\n.B 0\nDone.\n.TP\n.B 1\nA fault of switchyard.\n"
      ".TP\n.B 2\nWhat was asked for cannot be done; one line on standard error says what, where, and what is "
      "allowed.\n"
      ".SH SEE ALSO\n\\fBswitchyard policies\\fR and \\fBswitchyard scenarios\\fR describe all policies and "
      "scenarios.\n";
  return roff;
}

}  // namespace switchyard
