// Reading CSV files with a header row, plain or gzip, a line at a time, with errors that name file, line and column.
// CRLF, a UTF-8 byte-order mark, blank lines, blanks around fields and a missing last newline are accepted. Fields are
// separated by commas, semicolons or tabs, whichever the header has most of, and may be quoted (RFC 4180: "" is a
// quote, and a quoted field may go over several lines).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/input/error.hpp"
#include "core/input/line_reader.hpp"

namespace switchyard {

class CsvReader {
 public:
  // Opens the file and reads its header. Throws InputError if it cannot be read, is a folder, is empty, or names
  // a column twice.
  explicit CsvReader(const std::filesystem::path& path) : CsvReader(LineReader(path)) {}
  explicit CsvReader(LineReader lines);

  const std::vector<std::string>& header() const { return header_; }

  // The index of a column; throws InputError with the nearest name if there is none.
  std::size_t column(std::string_view name) const;
  bool has_column(std::string_view name) const;

  // Moves to the next row; false at the end. Throws if the row has another number of fields than the header.
  bool next();

  // Fields of the current row. The numeric ones throw InputError unless the whole field is one finite number; 10.0 and
  // 1e1 are whole numbers, 10.5 is none. Valid until the next call of next().
  std::string_view text(std::size_t column) const { return fields_[column]; }
  double number(std::size_t column) const;
  std::int64_t integer(std::size_t column) const;

  // "file:line:column 'name': message (found 'text')", about a field of the current row; columns count from 1.
  InputError fail(std::size_t column, std::string_view message) const;

  std::size_t line() const { return line_; }  // that the row begins in
  const std::string& file() const { return lines_.file(); }

 private:
  bool read_line();
  void split();
  void split_quoted();
  void join_lines();
  std::string_view unquoted(std::string_view& rest);

  LineReader lines_;
  std::size_t line_ = 1;
  char separator_ = ',';
  std::string_view row_;  // the line, or `joined_`
  std::string joined_;    // a row that goes over several lines
  std::string unquoted_;  // fields of the row that had quotes within
  std::vector<std::string> header_;
  std::vector<std::string_view> fields_;
};

}  // namespace switchyard
