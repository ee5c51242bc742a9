#include "core/input/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace switchyard {

namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return text.substr(0, 0);
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

}  // namespace

CsvReader::CsvReader(const std::filesystem::path& path) : file_(path.string()) {
  std::error_code fault;  // what cannot even be looked at cannot be opened either
  if (std::filesystem::is_directory(path, fault)) {
    throw InputError(fmt::format("{}: is a folder, not a CSV file", file_));
  }
  in_.open(path, std::ios::binary);
  if (!in_) throw InputError(fmt::format("{}: cannot read the file", file_));
  if (!read_line()) throw InputError(fmt::format("{}:1: the file is empty; a header row is expected", file_));
  split();
  header_.assign(fields_.begin(), fields_.end());
  for (std::size_t i = 0; i < header_.size(); ++i) {
    if (std::find(header_.begin() + static_cast<std::ptrdiff_t>(i) + 1, header_.end(), header_[i]) != header_.end()) {
      throw InputError(fmt::format("{}:{}: column {} is there twice", file_, line_, in_quotes(header_[i])));
    }
  }
}

bool CsvReader::read_line() {
  while (std::getline(in_, text_)) {
    if (++line_ == 1 && text_.starts_with("\xEF\xBB\xBF")) text_.erase(0, 3);
    if (!trimmed(text_).empty()) return true;
  }
  if (in_.bad()) throw InputError(fmt::format("{}:{}: reading failed", file_, line_ + 1));
  return false;
}

void CsvReader::split() {
  fields_.clear();
  const std::string_view line = text_;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = line.find(',', begin);
    fields_.push_back(trimmed(line.substr(begin, end == std::string_view::npos ? end : end - begin)));
    if (end == std::string_view::npos) return;
    begin = end + 1;
  }
}

bool CsvReader::has_column(std::string_view name) const {
  return std::find(header_.begin(), header_.end(), name) != header_.end();
}

std::size_t CsvReader::column(std::string_view name) const {
  const auto found = std::find(header_.begin(), header_.end(), name);
  if (found != header_.end()) return static_cast<std::size_t>(found - header_.begin());
  const std::string nearest = nearest_name(name, header_);
  throw InputError(fmt::format("{}:1: column '{}' is missing{}", file_, name,
                               nearest.empty() ? "" : fmt::format(" (is {} meant?)", in_quotes(nearest))));
}

bool CsvReader::next() {
  if (!read_line()) return false;
  split();
  if (fields_.size() != header_.size()) {
    throw InputError(fmt::format("{}:{}:{}: the row has {} fields; the header has {}{}", file_, line_, fields_.size(),
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
  return InputError(fmt::format("{}:{}:{} {}: {} (found {})", file_, line_, column + 1, in_quotes(header_[column]),
                                message, in_quotes(fields_[column])));
}

}  // namespace switchyard
