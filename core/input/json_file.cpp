#include "core/input/json_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "core/input/file_kind.hpp"
#include "core/input/json_text.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 100;  // nesting; more is an attack on the stack, not a file of ours

std::string read_text(const std::filesystem::path& file) {
  std::error_code fault;
  if (std::filesystem::is_directory(file, fault)) {
    throw InputError(fmt::format("{}: is a folder; a JSON file is needed", file.string()));
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    throw InputError(fmt::format("{}: {}", file.string(),
                                 std::filesystem::exists(file, fault) ? "cannot be read" : "there is no such file"));
  }
  std::ostringstream text;
  text << stream.rdbuf();
  if (const std::string why = why_not_text(text.view()); !why.empty()) {
    throw InputError(fmt::format("{}: {}", file.string(), why));
  }
  return std::move(text).str();
}

// The first number of a JSON text that no double holds: its place and itself. Empty if there is none.
std::string_view beyond_double(std::string_view text) {
  constexpr std::string_view kOfNumbers = "+-.0123456789eE";
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
    } else if (kOfNumbers.find(text[at]) != std::string_view::npos) {
      const std::size_t end = std::min(text.find_first_not_of(kOfNumbers, at), text.size());
      const std::string_view number = text.substr(at, end - at);
      if (std::isinf(std::strtod(std::string(number).c_str(), nullptr))) return number;
      at = end - 1;
    }
  }
  return {};
}

struct TwiceError {
  std::string key;
};
struct TooDeepError {};

constexpr std::string_view kBlanks = " \t\r\n,:";  // between values, as far as a walk over them cares

// Walks over text that is known to be JSON, to find where the parts of a pointer begin.
class Finder {
 public:
  explicit Finder(std::string_view text)
      : text_(text), at_(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0) {}

  // The text of what they lead to, or "".
  std::string_view value(const std::vector<std::string>& parts) {
    if (find(parts) == 0) return "";
    const std::size_t begin = at_;
    skip_value();
    std::string_view value = text_.substr(begin, std::min(at_, text_.size()) - begin);
    while (!value.empty() && kBlanks.find(value.back()) != std::string_view::npos) value.remove_suffix(1);
    return value;
  }

  // The offset of what the pointer's parts lead to (its key, within an object), or 0.
  std::size_t find(const std::vector<std::string>& parts) {
    std::size_t place = 0;
    skip_blanks();
    for (const std::string& part : parts) {
      if (peek() == '{' ? !enter_key(part, place) : peek() != '[' || !enter_element(part, place)) return 0;
    }
    return place;
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_blanks() {
    while (at_ < text_.size() && kBlanks.find(text_[at_]) != std::string_view::npos) ++at_;
  }

  std::string_view take_string() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    ++at_;
    return text_.substr(begin, at_ - begin);
  }

  void skip_value() {
    int depth = 0;
    do {
      skip_blanks();
      const char c = peek();
      if (c == '"') {
        take_string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        --depth;
        ++at_;
      } else {
        while (at_ < text_.size() && std::string_view(" \t\r\n,:]}").find(text_[at_]) == std::string_view::npos) ++at_;
      }
    } while (depth > 0 && at_ < text_.size());
    skip_blanks();
  }

  bool enter_key(const std::string& key, std::size_t& place) {
    ++at_;
    skip_blanks();
    while (peek() == '"') {
      place = at_;
      const std::string_view found = take_string();
      skip_blanks();
      if (Json::parse(found).get<std::string>() == key) return true;
      skip_value();
    }
    return false;
  }

  bool enter_element(const std::string& index, std::size_t& place) {
    ++at_;
    skip_blanks();
    for (std::size_t i = 0; at_ < text_.size() && peek() != ']'; ++i) {
      place = at_;
      if (std::to_string(i) == index) return true;
      skip_value();
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_;
};

std::vector<std::string> parts_of(std::string_view pointer) {
  std::vector<std::string> parts;
  for (const char c : pointer) {
    if (c == '/') {
      parts.emplace_back();
    } else if (!parts.empty()) {
      parts.back() += c;
    }
  }
  for (std::string& part : parts) {
    for (const auto& [escape, meaning] : {std::pair("~1", '/'), std::pair("~0", '~')}) {
      for (std::size_t at = 0; (at = part.find(escape, at)) != std::string::npos; ++at) part.replace(at, 2, 1, meaning);
    }
  }
  return parts;
}

}  // namespace

JsonFile::JsonFile(const std::filesystem::path& file) : JsonFile(file.string(), read_text(file)) {}

JsonFile::JsonFile(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
  std::vector<std::set<std::string>> keys;
  const auto check = [&keys](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kDeepest) throw TooDeepError{};
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      throw TwiceError{value.get<std::string>()};
    }
    return true;
  };
  try {
    root_ = Json::parse(text_, check);
  } catch (const Json::parse_error& error) {
    std::string reason = error.what();  // "[json.exception...] parse error at line 1, column 2: what went wrong"
    if (const std::size_t colon = reason.find(": "); colon != std::string::npos) reason.erase(0, colon + 2);
    std::replace_if(
        reason.begin(), reason.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    throw InputError(
        fmt::format("{}: not JSON: {}", place(std::min(error.byte > 0 ? error.byte - 1 : 0, text_.size())), reason));
  } catch (const Json::out_of_range&) {  // the one way a parser has of that
    const std::string_view number = beyond_double(text_);
    const std::size_t at = number.empty() ? 0 : static_cast<std::size_t>(number.data() - text_.data());
    throw InputError(fmt::format("{}: the number {} is beyond what a double holds", place(at), in_quotes(number)));
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}:1:1: not JSON: {}", name_, error.what()));
  } catch (const TwiceError& error) {
    throw InputError(fmt::format("{}:1:1: key {} is there twice in one object", name_, in_quotes(error.key)));
  } catch (const TooDeepError&) {
    throw InputError(fmt::format("{}:1:1: nested more than {} deep", name_, kDeepest));
  }
}

std::string member_text(std::string_view text, const std::string& key) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || text[begin] != '{') return "";
  try {
    const std::string value(Finder(text).value({key}));
    return JsonFile("", value).text();
  } catch (const InputError&) {
    return "";
  } catch (const Json::exception&) {  // a key that is no text
    return "";
  }
}

std::string JsonFile::where(std::string_view pointer) const { return place(Finder(text_).find(parts_of(pointer))); }

InputError JsonFile::fail(std::string_view pointer, std::string_view message) const {
  std::string found = "nothing";
  const Json::json_pointer path{std::string(pointer)};
  if (root_.contains(path)) found = in_quotes(json_text(root_.at(path)));
  return InputError(fmt::format("{}: {} (found {})", where(pointer), message, found));
}

std::string JsonFile::place(std::size_t offset) const {
  const std::string_view before = std::string_view(text_).substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t newline = before.rfind('\n');
  return fmt::format("{}:{}:{}", name_, line, newline == before.npos ? offset + 1 : offset - newline);
}

}  // namespace switchyard
