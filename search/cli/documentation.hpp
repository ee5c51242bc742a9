// What is written from the declarations of the commands: the manual page and the completion of shells.
#pragma once

#include <string>

namespace switchyard {

// switchyard(1), in the man macros of roff.
std::string manual_page();

// Scripts for bash (a completion file of bash-completion, also usable by `source`) and zsh (a #compdef function).
std::string bash_completion();
std::string zsh_completion();

}  // namespace switchyard
