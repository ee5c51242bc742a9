// What two results differ in, so that they cannot be put side by side.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace switchyard {

class Differences {
 public:
  void add(std::string_view what, std::string_view one, std::string_view other) {
    if (one == other) return;
    const auto shown = [](std::string_view value) { return value.empty() ? std::string_view("none") : value; };
    text_ += fmt::format("{}{} ({} and {})", text_.empty() ? "" : " and ", what, shown(one), shown(other));
  }

  const std::string& text() const { return text_; }  // "the training seeds (1-2 and 1-3)"; "" if there are none

 private:
  std::string text_;
};

}  // namespace switchyard
