#include <fmt/ranges.h>

#include <iostream>

#include "core/input/error.hpp"
#include "search/cli/command.hpp"
#include "search/cli/documentation.hpp"

namespace switchyard {

Options declare_man() { return {"man", "Prints the manual page, in roff.\nexample: switchyard man > switchyard.1"}; }

int command_man(const Options&) {
  std::cout << manual_page();
  return 0;
}

Options declare_completion() {
  Options options("completion bash|zsh",
                  "Prints a script that completes commands, flags, and names of policies and scenarios.\n"
                  "example: switchyard completion bash > ~/.local/share/bash-completion/completions/switchyard",
                  1);
  options.word_candidates({"bash", "zsh"});
  return options;
}

int command_completion(const Options& options) {
  const std::vector<std::string> shells = {"bash", "zsh"};
  if (options.words().empty()) throw InputError("completion: name a shell: bash or zsh");
  const std::string& shell = options.words()[0];
  if (shell == "bash") {
    std::cout << bash_completion();
  } else if (shell == "zsh") {
    std::cout << zsh_completion();
  } else {
    throw unknown_name("completion", "shell", shell, shells);
  }
  return 0;
}

}  // namespace switchyard
