#include "core/input/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/input/whole_number.hpp"

namespace switchyard {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trimmed_left(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view trimmed(std::string_view text) {
  text = trimmed_left(text);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Whether a quote that was opened in this text is still open at its end. A doubled quote opens and closes again.
bool ends_within_quotes(std::string_view text, bool within = false) {
  return (std::count(text.begin(), text.end(), '"') % 2 != 0) != within;
}

char separator_of(std::string_view header) {
  char most_used = ',';
  std::ptrdiff_t most = 0;
  for (const char separator : {',', ';', '\t'}) {
    bool within = false;
    std::ptrdiff_t count = 0;
    for (const char c : header) {
      within = within != (c == '"');
      count += c == separator && !within;
    }
    if (count > most) most_used = separator;
    most = std::max(most, count);
  }
  return most_used;
}

}  // namespace

CsvReader::CsvReader(LineReader lines) : lines_(std::move(lines)) {
  if (!read_line()) throw InputError(fmt::format("{}:1: the file is empty; a header row is expected", file()));
  separator_ = separator_of(row_);
  split();
  header_.assign(fields_.begin(), fields_.end());
  for (std::size_t i = 0; i < header_.size(); ++i) {
    if (std::find(header_.begin() + static_cast<std::ptrdiff_t>(i) + 1, header_.end(), header_[i]) != header_.end()) {
      throw InputError(fmt::format("{}:{}: column {} is there twice", file(), line(), in_quotes(header_[i])));
    }
  }
}

bool CsvReader::read_line() {
  while (lines_.next()) {
    if (trimmed(lines_.line()).empty()) continue;
    row_ = lines_.line();
    line_ = lines_.number();
    return true;
  }
  return false;
}

void CsvReader::split() {
  fields_.clear();
  if (row_.find('"') != std::string_view::npos) return split_quoted();
  std::string_view rest = row_;
  for (std::size_t at = rest.find(separator_); at != std::string_view::npos; at = rest.find(separator_)) {
    fields_.push_back(trimmed(rest.substr(0, at)));
    rest.remove_prefix(at + 1);
  }
  fields_.push_back(trimmed(rest));
}

void CsvReader::split_quoted() {
  if (ends_within_quotes(row_)) join_lines();
  unquoted_.clear();
  unquoted_.reserve(row_.size());  // fields look into it: it must not move
  std::string_view rest = row_;
  while (true) {
    // Blanks before a quote do not count; a tab that separates is none.
    std::size_t start = 0;
    while (start < rest.size() && is_blank(rest[start]) && rest[start] != separator_) ++start;
    if (start < rest.size() && rest[start] == '"') {
      rest.remove_prefix(start);
      fields_.push_back(unquoted(rest));
    } else {
      const std::size_t end = std::min(rest.find(separator_), rest.size());
      fields_.push_back(trimmed(rest.substr(0, end)));
      rest.remove_prefix(end);
    }
    if (rest.empty()) return;
    rest.remove_prefix(1);
  }
}

// A quoted field goes on in the lines below: the row is all of them.
void CsvReader::join_lines() {
  constexpr std::size_t kLongestRow = std::size_t{16} << 20;
  joined_ = row_;
  bool within = true;
  while (within) {
    if (!lines_.next() || joined_.size() > kLongestRow) {
      throw InputError(
          fmt::format("{}:{}: a quoted field that begins here has no end (is a '\"' missing?)", file(), line()));
    }
    joined_ += '\n';
    joined_ += lines_.line();
    within = ends_within_quotes(lines_.line(), within);
  }
  row_ = joined_;
}

// The quoted field that `rest` begins with; `rest` then begins with the separator, or is empty.
std::string_view CsvReader::unquoted(std::string_view& rest) {
  const std::size_t begin = unquoted_.size();
  std::size_t at = 1;
  for (; at < rest.size(); ++at) {
    if (rest[at] == '"') {
      if (at + 1 == rest.size() || rest[at + 1] != '"') break;
      ++at;
    }
    unquoted_ += rest[at];
  }
  rest.remove_prefix(std::min(at + 1, rest.size()));
  const std::size_t end = std::min(rest.find(separator_), rest.size());
  if (!trimmed(rest.substr(0, end)).empty()) {
    throw InputError(fmt::format("{}:{}:{}: after the closing quote there is {}; a quote within a field is doubled",
                                 file(), line(), fields_.size() + 1, in_quotes(trimmed(rest.substr(0, end)))));
  }
  rest.remove_prefix(end);
  return trimmed(std::string_view(unquoted_).substr(begin));
}

bool CsvReader::has_column(std::string_view name) const {
  return std::find(header_.begin(), header_.end(), name) != header_.end();
}

std::size_t CsvReader::column(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found != header_.end()) return static_cast<std::size_t>(found - header_.begin());
  const std::string nearest = nearest_name(name, header_);
  throw InputError(fmt::format("{}:1: column '{}' is missing{}", file(), name,
                               nearest.empty() ? "" : fmt::format(" (is {} meant?)", in_quotes(nearest))));
}

bool CsvReader::next() {
  if (!read_line()) return false;
  split();
  if (fields_.size() != header_.size()) {
    throw InputError(fmt::format("{}:{}:{}: the row has {} fields; the header has {}{}", file(), line(), fields_.size(),
                                 fields_.size(), header_.size(),
                                 fields_.size() < header_.size() ? " (is the file truncated?)" : ""));
  }
  return true;
}

double CsvReader::number(std::size_t column) const {
  const std::string_view field = fields_[column];
  double value = 0;
  const auto [end, fault] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (fault != std::errc() || end != field.data() + field.size() || !std::isfinite(value)) {
    throw fail(column, "must be a finite number");
  }
  return value + 0.0;  // -0 is 0
}

std::int64_t CsvReader::integer(std::size_t column) const {
  const std::string_view field = fields_[column];
  const char* const last = field.data() + field.size();
  std::int64_t value = 0;
  if (const auto [end, fault] = std::from_chars(field.data(), last, value); fault == std::errc() && end == last) {
    return value;
  }
  double number = 0;
  const auto [end, fault] = std::from_chars(field.data(), last, number);
  if (fault == std::errc() && end == last) {
    if (const auto whole = whole_number(number)) return *whole;
  }
  throw fail(column, "must be a whole number");
}

InputError CsvReader::fail(std::size_t column, std::string_view message) const {
  return InputError(fmt::format("{}:{}:{} {}: {} (found {})", file(), line(), column + 1, in_quotes(header_[column]),
                                message, in_quotes(fields_[column])));
}

}  // namespace switchyard
