#include <fmt/format.h>

#include <cstdio>
#include <iostream>

#include "core/input/error.hpp"
#include "search/cli/command.hpp"

namespace switchyard {
namespace {

struct Command {
  const char* name;
  const char* summary;
  int (*run)(const Words&);
};

constexpr Command kCommands[] = {
    {"run", "replay one workload under one policy", command_run},
    {"search", "tune policies and rank them on held-out seeds", command_search},
    {"compare", "run policies paired and say which differences are real", command_compare},
    {"leaderboard", "show what searches found", command_leaderboard},
    {"policies", "which policies exist, with their parameters", command_policies},
    {"scenarios", "which scenarios exist, with their fields", command_scenarios},
    {"workload", "inspect, generate or boil down workloads", command_workload},
    {"profile", "inspect sources of batch times", command_profile},
};

void usage(std::ostream& out) {
  out << "switchyard finds better routing policies for LLM serving clusters, and proves that they are better.\n\n"
         "usage: switchyard COMMAND [--help] ...\n\n";
  for (const Command& command : kCommands) out << fmt::format("  {:<12} {}\n", command.name, command.summary);
}

int dispatch(const Words& words) {
  if (words.empty()) {
    usage(std::cerr);
    return 2;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    usage(std::cout);
    return 0;
  }
  if (words[0] == "--version") {
    std::cout << "switchyard " SWITCHYARD_VERSION "\n";
    return 0;
  }
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (words[0] == command.name) return command.run(Words(words.begin() + 1, words.end()));
    names.emplace_back(command.name);
  }
  throw unknown_name("", "command", words[0], names);
}

}  // namespace
}  // namespace switchyard

int main(int argc, char** argv) {
  try {
    const int code = switchyard::dispatch({argv + 1, argv + argc});
    std::cout.flush();
    return code;
  } catch (const switchyard::InputError& error) {
    std::cerr << "switchyard: error: " << error.what() << "\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "switchyard: internal error: " << error.what() << "\n";
    return 1;
  }
}
