// Reading a text file a line at a time, plain or compressed by gzip (told by its content, not its name), in bounded
// memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

class UnpackedFile;

class LineReader {
 public:
  // Throws InputError if the file cannot be read, is a folder, or is no text (file_kind.hpp).
  explicit LineReader(const std::filesystem::path& path);
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;
  ~LineReader();

  // What the file begins with, up to 64 KiB, less a UTF-8 byte-order mark. Before the first next() only.
  std::string_view beginning() const { return {buffer_.data() + begin_, end_ - begin_}; }

  // Moves to the next line; false at the end of the file. Throws InputError if the file cannot be read on, if its
  // compressed data are cut short, damaged or followed by something else, or if a line is longer than 16 MiB.
  bool next();

  // The line, without its end ("\n"; a "\r" before that stays). Valid until the next call of next().
  std::string_view line() const { return line_; }

  std::size_t number() const { return number_; }  // of the line, from 1
  const std::string& file() const { return file_; }

 private:
  bool refill();  // reads on behind what is left of the buffer; false at the end

  std::string file_;
  std::unique_ptr<UnpackedFile> source_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // what is not yet handed out: [begin_, end_)
  std::size_t end_ = 0;
  std::string_view line_;
  std::size_t number_ = 0;
};

}  // namespace switchyard
