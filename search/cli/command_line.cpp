#include "search/cli/command_line.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

#include "core/input/error.hpp"
#include "policies/registry.hpp"
#include "search/cli/command.hpp"
#include "search/cli/version.hpp"
#include "search/remote/mpi.hpp"

namespace switchyard {

namespace {

std::string usage() {
  std::string text =
      "switchyard finds better routing policies for LLM serving clusters, and proves that they are better.\n\n"
      "usage: switchyard COMMAND [--help] ...\n\n";
  for (const Command& command : commands()) text += fmt::format("  {:<12} {}\n", command.name, command.summary);
  return text +
         "\n`switchyard COMMAND --help` explains a command, `switchyard --version` says how this was built.\n"
         "Results go to stdout, messages to stderr. Exit code: 0, 2 (your input), 1 (our fault).\n";
}

int run(const std::string& name, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    names.push_back(command.name);
    if (command.name != name) continue;
    Options options = command.declare();
    return options.parse(words) ? command.run(options) : 0;
  }
  throw unknown_name("", "command", name, names);
}

int dispatch(const std::vector<std::string>& words) {
  const std::vector<std::string> flags = {"--help", "--version"};
  if (words.empty()) {
    std::vector<std::string> names;
    for (const Command& command : commands()) names.push_back(command.name);
    throw InputError(fmt::format("give a command: {} (see --help)", fmt::join(names, ", ")));
  }
  if (words[0] == "help" && words.size() > 1) return run(words[1], {"--help"});
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    std::cout << usage();
    return 0;
  }
  if (words[0] == "--version") {
    std::cout << version_text();
    return 0;
  }
  if (words[0].starts_with('-')) throw unknown_name("", "flag", words[0], flags);
  return run(words[0], {words.begin() + 1, words.end()});
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

namespace {

int guarded(const std::vector<std::string>& words) {
  try {
    const int code = dispatch(words);
    std::cout.flush();
    return std::cout ? code : fail(2, "stdout: cannot be written in full");
  } catch (const InputError& error) {
    return fail(2, error.what());
  } catch (const std::exception& error) {
    return fail(1, fmt::format("internal: {}", error.what()));
  }
}

}  // namespace

int switchyard_main(int argc, char** argv, std::vector<PolicyInfo> policies) {
  try {
    add_policies(std::move(policies));
  } catch (const std::exception& error) {
    return fail(1, fmt::format("internal: {}", error.what()));
  }
  return with_mpi([&] { return guarded({argv + 1, argv + argc}); });
}

}  // namespace switchyard
