// What an action complains of.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "core/input/error.hpp"

namespace switchyard {

// The message of the InputError that `action` throws, checked to be one line; "" if it throws none.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const InputError& error) {
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "";
}

}  // namespace switchyard
