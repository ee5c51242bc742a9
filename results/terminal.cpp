#include "results/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace switchyard {

namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here sets variables
  return value ? value : "";
}

}  // namespace

std::optional<unsigned> terminal_width(int descriptor) {
  if (!isatty(descriptor)) return std::nullopt;
  winsize size{};
  const bool known = ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? std::max<unsigned>(size.ws_col, 40) : 80;
}

bool wants_colour(int descriptor) {
  return isatty(descriptor) && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
}

}  // namespace switchyard
