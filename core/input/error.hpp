// Errors that are the user's to mend. Everything that reads input throws InputError, with one line that says where,
// what was found, what is allowed and, for names, which known one is nearest. The command line prints it and exits 2.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The candidate with the smallest edit distance to `name`, or "" if none is near enough to be what was meant
// (distance at most 1 + a third of its length).
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

// `text` between quotes, as an error message shows it: control characters as '?', cut where it gets long.
std::string in_quotes(std::string_view text);

// "unknown <what> 'name'; did you mean 'x'? (known: a, b, c)" as the text of an InputError, `where` in front if given
// ("file.json:3:5" or "--policy").
InputError unknown_name(std::string_view where, std::string_view what, std::string_view name,
                        std::span<const std::string> candidates);

}  // namespace switchyard
