#include "core/input/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace switchyard {

CsvReader::CsvReader(const std::filesystem::path& path) : file_(path.string()) {
  if (std::filesystem::is_directory(path)) throw InputError(fmt::format("{}: is a folder, not a CSV file", file_));
  in_.open(path, std::ios::binary);
  if (!in_) throw InputError(fmt::format("{}: cannot read the file", file_));
  if (!read_line()) throw InputError(fmt::format("{}:1: the file is empty; a header row is expected", file_));
  if (text_.starts_with("\xEF\xBB\xBF")) text_.erase(0, 3);
  split();
  header_.assign(fields_.begin(), fields_.end());
}

bool CsvReader::read_line() {
  while (std::getline(in_, text_)) {
    ++line_;
    if (!text_.empty() && text_.back() == '\r') text_.pop_back();
    if (!text_.empty()) return true;
  }
  return false;
}

void CsvReader::split() {
  fields_.clear();
  const std::string_view line = text_;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = line.find(',', begin);
    fields_.push_back(line.substr(begin, end == std::string_view::npos ? end : end - begin));
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
                               nearest.empty() ? "" : fmt::format(" ('{}' is there)", nearest)));
}

bool CsvReader::next() {
  if (!read_line()) return false;
  split();
  if (fields_.size() != header_.size()) {
    throw InputError(
        fmt::format("{}:{}: the row has {} fields; the header has {}", file_, line_, fields_.size(), header_.size()));
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
  return InputError(fmt::format("{}:{}:{} '{}': {} (found '{}')", file_, line_, column + 1, header_[column], message,
                                fields_[column]));
}

}  // namespace switchyard
