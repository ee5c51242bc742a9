#include "core/input/unpacked_file.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace switchyard {

namespace {

constexpr unsigned char kMagic[] = {0x1F, 0x8B};
constexpr int kGzipWindow = 15 + 16;  // the largest window; 16: with gzip's header and check sum

}  // namespace

UnpackedFile::UnpackedFile(const std::filesystem::path& path) : file_(std::fopen(path.c_str(), "rb")) {
  if (!file_) return;
  stream_.next_in = stored_.data();
  stream_.avail_in = static_cast<uInt>(std::fread(stored_.data(), 1, stored_.size(), file_.get()));
  packed_ = stream_.avail_in >= sizeof kMagic && std::memcmp(stored_.data(), kMagic, sizeof kMagic) == 0;
  if (!packed_) return;
  if (inflateInit2(&stream_, kGzipWindow) != Z_OK) throw std::bad_alloc();
  in_member_ = true;
}

UnpackedFile::~UnpackedFile() {
  if (packed_) inflateEnd(&stream_);
}

std::size_t UnpackedFile::read(char* to, std::size_t most) {
  if (packed_) return unpack(to, most);
  if (stream_.avail_in == 0) return read_stored(reinterpret_cast<unsigned char*>(to), most);
  const std::size_t count = std::min<std::size_t>(most, stream_.avail_in);
  std::memcpy(to, stream_.next_in, count);
  stream_.next_in += count;
  stream_.avail_in -= static_cast<uInt>(count);
  return count;
}

std::size_t UnpackedFile::read_stored(unsigned char* to, std::size_t most) {
  const std::size_t count = std::fread(to, 1, most, file_.get());
  if (count == 0 && std::ferror(file_.get()) != 0) throw UnpackError("reading failed");
  return count;
}

bool UnpackedFile::fill() {
  if (stream_.avail_in > 0) return true;
  stream_.next_in = stored_.data();
  stream_.avail_in = static_cast<uInt>(read_stored(stored_.data(), stored_.size()));
  return stream_.avail_in > 0;
}

bool UnpackedFile::begin_member() {
  while (fill() && *stream_.next_in == 0) {
    ++stream_.next_in;
    --stream_.avail_in;
  }
  if (stream_.avail_in == 0) return false;
  if (*stream_.next_in != kMagic[0]) throw UnpackError("behind the gzip data there is something else");
  inflateReset(&stream_);
  return in_member_ = true;
}

std::size_t UnpackedFile::unpack(char* to, std::size_t most) {
  const auto room = static_cast<uInt>(std::min<std::size_t>(most, std::numeric_limits<uInt>::max()));
  stream_.next_out = reinterpret_cast<Bytef*>(to);
  stream_.avail_out = room;
  while (stream_.avail_out == room) {
    if (!in_member_ && !begin_member()) return 0;
    if (!fill()) throw UnpackError("the compressed file ends too early (is it truncated?)");
    const int state = inflate(&stream_, Z_NO_FLUSH);
    if (state == Z_MEM_ERROR) throw std::bad_alloc();
    if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) throw UnpackError("the gzip data are damaged");
    in_member_ = state != Z_STREAM_END;
  }
  return room - stream_.avail_out;
}

}  // namespace switchyard
