#include "core/input/file_kind.hpp"

#include <fmt/format.h>

#include <array>

namespace switchyard {

namespace {

using namespace std::string_view_literals;

struct Kind {
  std::string_view begins;
  std::string_view name;
};

// UTF-32 comes before UTF-16, whose mark is the beginning of its own.
constexpr std::array kPacked = {
    Kind{"PK\x03\x04"sv, "a zip archive"},
    Kind{"PK\x05\x06"sv, "an empty zip archive"},
    Kind{"\xFD\x37zXZ\0"sv, "compressed by xz"},
    Kind{"BZh"sv, "compressed by bzip2"},
    Kind{"\x28\xB5\x2F\xFD"sv, "compressed by zstd"},
    Kind{"\x04\x22\x4D\x18"sv, "compressed by lz4"},
    Kind{"7z\xBC\xAF\x27\x1C"sv, "a 7z archive"},
    Kind{"PAR1"sv, "a Parquet file"},
};
constexpr std::array kEncodings = {
    Kind{"\xFF\xFE\0\0"sv, "UTF-32"},
    Kind{"\0\0\xFE\xFF"sv, "UTF-32"},
    Kind{"\xFF\xFE"sv, "UTF-16"},
    Kind{"\xFE\xFF"sv, "UTF-16"},
};

std::string in_other_encoding(std::string_view name) {
  return fmt::format("is text in {0}; UTF-8 is wanted (iconv -f {0} -t UTF-8 makes it)", name);
}

}  // namespace

std::string why_not_text(std::string_view beginning) {
  for (const Kind& kind : kPacked) {
    if (!beginning.starts_with(kind.begins)) continue;
    return fmt::format("is {}; plain text, or text compressed by gzip, is wanted (unpack it first)", kind.name);
  }
  for (const Kind& kind : kEncodings) {
    if (beginning.starts_with(kind.begins)) return in_other_encoding(kind.name);
  }
  // Without a mark: the first two characters of a header or of JSON are in every language of one byte.
  const auto zero = [&](std::size_t i) { return i < beginning.size() && beginning[i] == '\0'; };
  if (beginning.size() >= 4 && zero(0) == zero(2) && zero(1) == zero(3) && zero(0) != zero(1)) {
    return in_other_encoding(zero(1) ? "UTF-16LE" : "UTF-16BE");
  }
  return "";
}

}  // namespace switchyard
