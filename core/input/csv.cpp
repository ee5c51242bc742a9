#include "core/input/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace switchyard {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

CsvReader::CsvReader(LineReader lines) : lines_(std::move(lines)) {
  if (!read_line()) throw InputError(fmt::format("{}:1: the file is empty; a header row is expected", file()));
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
    if (!trimmed(lines_.line()).empty()) return true;
  }
  return false;
}

void CsvReader::split() {
  fields_.clear();
  std::string_view rest = lines_.line();
  for (std::size_t comma = rest.find(','); comma != std::string_view::npos; comma = rest.find(',')) {
    fields_.push_back(trimmed(rest.substr(0, comma)));
    rest.remove_prefix(comma + 1);
  }
  fields_.push_back(trimmed(rest));
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
  return value;
}

std::int64_t CsvReader::integer(std::size_t column) const {
  const std::string_view field = fields_[column];
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (fault != std::errc() || end != field.data() + field.size()) throw fail(column, "must be a whole number");
  return value;
}

InputError CsvReader::fail(std::size_t column, std::string_view message) const {
  return InputError(fmt::format("{}:{}:{} {}: {} (found {})", file(), line(), column + 1, in_quotes(header_[column]),
                                message, in_quotes(fields_[column])));
}

}  // namespace switchyard
