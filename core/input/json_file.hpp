// Reads JSON files, with errors that say where.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/input/error.hpp"

namespace switchyard {

class JsonFile {
 public:
  // Throws InputError if the file cannot be read, or is not JSON ("file:line:column: ..."), or an object in it has a
  // key twice, or it is nested more than 100 deep, or a number is beyond a double.
  explicit JsonFile(const std::filesystem::path& file);

  // The same from text; `name` leads error messages.
  JsonFile(std::string name, std::string text);

  const nlohmann::json& root() const { return root_; }
  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }

  // "file:line:column" of a key or element, named by a JSON pointer (RFC 6901) such as "/workload/qps"; of the whole if
  // there is no such thing.
  std::string where(std::string_view pointer) const;

  // "file:line:column: message (found value)".
  InputError fail(std::string_view pointer, std::string_view message) const;

 private:
  std::string place(std::size_t offset) const;

  std::string name_;
  std::string text_;
  nlohmann::json root_;
};

// The text of a member of the object that `text` holds, byte for byte; "" if there is none, or it is not JSON in itself
// or nested more than 100 deep. `text` may be broken elsewhere.
std::string member_text(std::string_view text, const std::string& key);

}  // namespace switchyard
