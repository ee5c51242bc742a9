#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace switchyard {

// Writes a whole file: under a temporary name in the same folder, then renamed, so that nobody sees half of it. A
// symbolic link stays one, and a device or pipe (/dev/stdout) is written to as it is. Throws InputError if the file
// cannot be written, or was read by this process as an input (inputs.hpp).
void write_file(const std::filesystem::path& path, std::string_view content);

// The same for a file that is written piece by piece: close() gives it its name; without that nothing stays.
class StreamedFile {
 public:
  // Throws InputError if the file cannot be made; `flag` leads its messages ("--event-log").
  StreamedFile(std::filesystem::path path, std::string flag);
  ~StreamedFile();
  StreamedFile(const StreamedFile&) = delete;
  StreamedFile& operator=(const StreamedFile&) = delete;

  void write(std::string_view text) { out_.write(text.data(), static_cast<std::streamsize>(text.size())); }

  // Throws InputError if it could not be written in full.
  void close();

 private:
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  std::filesystem::path target_;
  std::filesystem::path temporary_;  // the target itself if that is a device or pipe
  std::string flag_;
  std::ofstream out_;
};

}  // namespace switchyard
