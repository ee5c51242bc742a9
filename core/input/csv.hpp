// Reading CSV files with a header row, plain or gzip, a line at a time, with errors that name file, line and column.
// CRLF, a UTF-8 byte-order mark, blank lines, blanks around fields and a missing last newline are accepted. None of our
// formats needs quoted fields.
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

  // Fields of the current row. The numeric ones throw InputError unless the whole field is one finite number.
  // Valid until the next call of next().
  std::string_view text(std::size_t column) const { return fields_[column]; }
  double number(std::size_t column) const;
  std::int64_t integer(std::size_t column) const;

  // "file:line:column 'name': message (found 'text')", about a field of the current row; columns count from 1.
  InputError fail(std::size_t column, std::string_view message) const;

  std::size_t line() const { return lines_.number(); }
  const std::string& file() const { return lines_.file(); }

 private:
  bool read_line();
  void split();

  LineReader lines_;
  std::vector<std::string> header_;
  std::vector<std::string_view> fields_;
};

}  // namespace switchyard
