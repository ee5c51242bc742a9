#include "core/input/line_reader.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <cstring>

#include "core/input/error.hpp"
#include "core/input/file_kind.hpp"
#include "core/input/inputs.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kBlock = std::size_t{64} << 10;
constexpr std::size_t kLongestLine = std::size_t{16} << 20;

gzFile as_gz(void* file) { return static_cast<gzFile>(file); }

}  // namespace

void LineReader::Close::operator()(void* file) const { gzclose(as_gz(file)); }

LineReader::LineReader(const std::filesystem::path& path) : file_(path.string()), buffer_(kBlock) {
  std::error_code fault;  // what cannot even be looked at cannot be opened either
  if (std::filesystem::is_directory(path, fault)) throw InputError(fmt::format("{}: is a folder, not a file", file_));
  source_.reset(gzopen(file_.c_str(), "rb"));
  if (!source_) throw InputError(fmt::format("{}: cannot read the file", file_));
  note_input(path);
  gzbuffer(as_gz(source_.get()), kBlock);
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
  const int got = gzread(as_gz(source_.get()), buffer_.data() + end_, static_cast<unsigned>(buffer_.size() - end_));
  if (got > 0) {
    end_ += static_cast<std::size_t>(got);
    return true;
  }
  int code = Z_OK;
  gzerror(as_gz(source_.get()), &code);
  if (code == Z_BUF_ERROR) {
    throw InputError(fmt::format("{}:{}: the compressed file ends too early (is it truncated?)", file_, number_ + 1));
  }
  if (code == Z_DATA_ERROR) throw InputError(fmt::format("{}:{}: the gzip data are damaged", file_, number_ + 1));
  if (got < 0 || code != Z_OK) throw InputError(fmt::format("{}:{}: reading failed", file_, number_ + 1));
  return false;
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
