#include <fmt/format.h>
#include <fmt/ranges.h>

#include "search/cli/command.hpp"
#include "search/cli/documentation.hpp"

namespace switchyard {

namespace {

// One text between single quotes, for both shells.
std::string single_quoted(const std::string& text) {
  std::string shell = "'";
  for (const char c : text) shell += c == '\'' ? "'\\''" : std::string(1, c);
  return shell + "'";
}

std::vector<Flag> all_flags(const Options& options) {
  std::vector<Flag> flags = options.flags();
  flags.insert(flags.end(), options.fields().begin(), options.fields().end());
  return flags;
}

// A message of zsh's _arguments: brackets and colons end it.
std::string zsh_text(const std::string& text) {
  std::string shell;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') shell += '\\';
    shell += c;
  }
  return shell;
}

std::string zsh_action(const std::vector<std::string>& candidates) {
  return candidates.empty() ? "_files" : fmt::format("({})", fmt::join(candidates, " "));
}

}  // namespace

std::string bash_completion() {
  std::string names;
  std::string cases;
  for (const Command& command : commands()) {
    names += (names.empty() ? "" : " ") + command.name;
    const Options options = command.declare();
    std::vector<std::string> flags;
    std::string values;
    for (const Flag& flag : all_flags(options)) {
      flags.push_back("--" + flag.name);
      if (!flag.takes_value) continue;
      values += fmt::format("        --{}) {} ;;\n", flag.name,
                            flag.candidates.empty()
                                ? "files=1"
                                : "words=" + single_quoted(fmt::format("{}", fmt::join(flag.candidates, " "))));
    }
    cases += fmt::format(
        "    {})\n      flags='{}'\n      first={}\n      case $previous in\n{}        *) words= ;;\n      esac\n      "
        ";;\n",
        command.name, fmt::join(flags, " "), single_quoted(fmt::format("{}", fmt::join(options.first_words(), " "))),
        values);
  }
  return fmt::format(R"(# bash completion for switchyard, written by `switchyard completion bash`.
_switchyard() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
  local words= files= flags= first=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{0} --help --version' -- "$current"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
    help) words='{0}' ;;
{1}  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  elif [ -n "$words" ]; then
    # The last of a list with commas.
    local head=
    [[ $current == *,* ]] && head=${{current%,*}},
    COMPREPLY=($(compgen -P "$head" -W "$words" -- "${{current##*,}}"))
  elif [ -z "$files" ] && [ -n "$first" ] && [ "$COMP_CWORD" -eq 2 ]; then
    COMPREPLY=($(compgen -W "$first" -- "$current") $(compgen -f -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -o filenames -F _switchyard switchyard
)",
                     names, cases);
}

std::string zsh_completion() {
  std::string described;
  std::string cases;
  for (const Command& command : commands()) {
    described += fmt::format("    {}\n", single_quoted(command.name + ":" + zsh_text(command.summary)));
    const Options options = command.declare();
    cases += fmt::format("    {})\n      _arguments -S", command.name);
    for (const Flag& flag : all_flags(options)) {
      std::string spec = fmt::format("--{}{}[{}]", flag.name, flag.takes_value ? "=" : "", zsh_text(flag.doc));
      if (flag.takes_value) spec += fmt::format(":{}:{}", flag.name, zsh_action(flag.candidates));
      cases += " \\\n        " + single_quoted(spec);
    }
    if (options.most_words() > 0) {
      cases += " \\\n        " + single_quoted("1:word:" + zsh_action(options.first_words()));
      if (options.most_words() > 1) cases += " \\\n        '*:word:_files'";
    }
    cases += "\n      ;;\n";
  }
  return fmt::format(R"(#compdef switchyard
# zsh completion for switchyard, written by `switchyard completion zsh`.
_switchyard() {{
  local -a commands
  commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{}  esac
}}
_switchyard "$@"
)",
                     described, cases);
}

}  // namespace switchyard
