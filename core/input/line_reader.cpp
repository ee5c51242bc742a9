#include "core/input/line_reader.hpp"

#include <fmt/format.h>

#include <cstring>

#include "core/input/error.hpp"
#include "core/input/file_kind.hpp"
#include "core/input/inputs.hpp"
#include "core/input/unpacked_file.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kBlock = std::size_t{64} << 10;
constexpr std::size_t kLongestLine = std::size_t{16} << 20;

}  // namespace

LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;
LineReader::~LineReader() = default;

LineReader::LineReader(const std::filesystem::path& path) : file_(path.string()), buffer_(kBlock) {
  std::error_code fault;  // what cannot even be looked at cannot be opened either
  if (std::filesystem::is_directory(path, fault)) throw InputError(fmt::format("{}: is a folder, not a file", file_));
  source_ = std::make_unique<UnpackedFile>(path);
  if (!source_->is_open()) throw InputError(fmt::format("{}: cannot read the file", file_));
  note_input(path);
  while (end_ < kBlock && refill()) {
  }
  if (const std::string why = why_not_text(beginning()); !why.empty()) {
    throw InputError(fmt::format("{}: {}", file_, why));
  }
  if (beginning().starts_with(kByteOrderMark)) begin_ += kByteOrderMark.size();
}

bool LineReader::refill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) {
    if (end_ >= kLongestLine) {
      throw InputError(fmt::format("{}:{}: the line is longer than {} MiB", file_, number_ + 1, kLongestLine >> 20));
    }
    buffer_.resize(buffer_.size() * 2);
  }
  try {
    const std::size_t got = source_->read(buffer_.data() + end_, buffer_.size() - end_);
    end_ += got;
    return got > 0;
  } catch (const UnpackError& error) {
    throw InputError(fmt::format("{}:{}: {}", file_, number_ + 1, error.what()));
  }
}

bool LineReader::next() {
  std::size_t searched = 0;
  while (true) {
    const char* const from = buffer_.data() + begin_;
    const void* const found = std::memchr(from + searched, '\n', end_ - begin_ - searched);
    if (found) {
      line_ = {from, static_cast<std::size_t>(static_cast<const char*>(found) - from)};
      begin_ += line_.size() + 1;
      break;
    }
    searched = end_ - begin_;
    if (refill()) continue;
    if (searched == 0) return false;
    line_ = {buffer_.data() + begin_, searched};  // a last line without an end
    begin_ = end_;
    break;
  }
  ++number_;
  return true;
}

}  // namespace switchyard
