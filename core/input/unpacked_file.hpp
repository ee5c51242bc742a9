#pragma once

#include <zlib.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace switchyard {

// What is wrong with a file that is read; what() says it without its name.
struct UnpackError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The bytes of a file, unpacked if it is compressed by gzip (told by its first two bytes). Files of gzip may be put end
// to end, and zeros may follow the last, as gzip itself has it; anything else behind it is an error.
class UnpackedFile {
 public:
  explicit UnpackedFile(const std::filesystem::path& path);
  ~UnpackedFile();
  UnpackedFile(const UnpackedFile&) = delete;
  UnpackedFile& operator=(const UnpackedFile&) = delete;

  bool is_open() const { return file_ != nullptr; }

  // Reads at most so many bytes (1 or more); 0 at the end. Throws UnpackError if the file cannot be read on, or its
  // compressed data are cut short, damaged, or followed by something else.
  std::size_t read(char* to, std::size_t most);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::size_t read_stored(unsigned char* to, std::size_t most);
  std::size_t unpack(char* to, std::size_t most);
  bool fill();          // with the next part of the file, if nothing is left; false at its end
  bool begin_member();  // false at the end of the file

  std::unique_ptr<std::FILE, Close> file_;
  std::array<unsigned char, std::size_t{64} << 10> stored_;
  z_stream stream_{};    // next_in and avail_in: what of stored_ is left
  bool packed_ = false;  // the file
  bool in_member_ = false;
};

}  // namespace switchyard
