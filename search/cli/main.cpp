#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

#include "core/input/error.hpp"
#include "search/cli/command.hpp"

namespace switchyard {
namespace {

struct Command {
  const char* name;
  const char* summary;
  int (*run)(const Words&);  // the words after the name
};

constexpr Command kCommands[] = {
    {"run", "replay one workload under one policy", command_run},
    {"search", "tune policies and rank them on held-out seeds", command_search},
    {"compare", "run policies paired and say which differences are real", command_compare},
    {"leaderboard", "show what searches found", command_leaderboard},
    {"policies", "which policies exist, with their parameters", command_policies},
    {"scenarios", "which scenarios exist, with their fields", command_scenarios},
    {"workload", "inspect, generate, convert or boil down workloads", command_workload},
    {"profile", "inspect sources of batch times", command_profile},
};

std::string usage() {
  std::string text =
      "switchyard finds better routing policies for LLM serving clusters, and proves that they are better.\n\n"
      "usage: switchyard COMMAND [--help] ...\n\n";
  for (const Command& command : kCommands) text += fmt::format("  {:<12} {}\n", command.name, command.summary);
  return text + "\nResults go to stdout, messages to stderr. Exit code: 0, 2 (your input), 1 (our fault).\n";
}

int dispatch(const Words& words) {
  std::vector<std::string> names;
  for (const Command& command : kCommands) names.emplace_back(command.name);
  if (words.empty()) throw InputError(fmt::format("give a command: {} (see --help)", fmt::join(names, ", ")));
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    std::cout << usage();
    return 0;
  }
  if (words[0] == "--version") {
    std::cout << "switchyard " SWITCHYARD_VERSION "\n";
    return 0;
  }
  for (const Command& command : kCommands) {
    if (words[0] == command.name) return command.run(Words(words.begin() + 1, words.end()));
  }
  throw unknown_name("", "command", words[0], names);
}

// One line, whatever the message holds.
int fail(int code, std::string message) {
  for (char& c : message) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  std::cerr << "switchyard: error: " << message << "\n";
  return code;
}

}  // namespace
}  // namespace switchyard

int main(int argc, char** argv) {
  using switchyard::fail;
  try {
    const int code = switchyard::dispatch({argv + 1, argv + argc});
    std::cout.flush();
    return std::cout ? code : fail(2, "stdout: cannot be written in full");
  } catch (const switchyard::InputError& error) {
    return fail(2, error.what());
  } catch (const std::exception& error) {
    return fail(1, fmt::format("internal: {}", error.what()));
  }
}
