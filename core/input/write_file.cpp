#include "core/input/write_file.hpp"

#include <fmt/format.h>

#include <fstream>
#include <system_error>

#include "core/input/error.hpp"
#include "core/input/inputs.hpp"

namespace switchyard {

namespace fs = std::filesystem;

namespace {

// A device or pipe, such as /dev/stdout: to rename a file over it would take it away from everybody else.
bool is_stream(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

// The file that a symbolic link leads to, so that the link stays one.
fs::path behind_link(const fs::path& path) {
  std::error_code fault;
  if (!fs::is_symlink(path, fault)) return path;
  fs::path target = fs::canonical(path, fault);
  return fault ? path : target;
}

bool write(const fs::path& path, std::string_view content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  return !out.fail();
}

}  // namespace

void write_file(const fs::path& path, std::string_view content) {
  check_not_an_input(path);
  const auto failure = [&](const std::string& why) {
    return InputError(fmt::format("{}: cannot write the file{}", path.string(), why));
  };
  if (is_stream(path)) {
    if (!write(path, content)) throw failure("");
    return;
  }
  const fs::path target = behind_link(path);
  fs::path temporary = target;
  temporary += ".partial";
  std::error_code fault;
  const bool written = write(temporary, content);
  if (written) fs::rename(temporary, target, fault);
  if (written && !fault) return;
  std::error_code ignored;
  fs::remove(temporary, ignored);
  throw failure(fault ? ": " + fault.message() : "");
}

StreamedFile::StreamedFile(fs::path path, std::string flag)
    : path_(std::move(path)), target_(behind_link(path_)), temporary_(target_), flag_(std::move(flag)) {
  try {
    check_not_an_input(path_);
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", flag_, error.what()));
  }
  if (!is_stream(path_)) temporary_ += ".partial";
  out_.open(temporary_, std::ios::binary | std::ios::trunc);
  if (!out_) fail();
}

StreamedFile::~StreamedFile() {
  std::error_code ignored;
  if (out_.is_open() && temporary_ != target_) fs::remove(temporary_, ignored);
}

void StreamedFile::close() {
  out_.flush();
  std::error_code fault;
  if (out_ && temporary_ != target_) fs::rename(temporary_, target_, fault);
  if (!out_ || fault) fail();
  out_.close();
}

void StreamedFile::fail() const {
  throw InputError(fmt::format("{}: {} cannot be written", flag_, in_quotes(path_.string())));
}

}  // namespace switchyard
