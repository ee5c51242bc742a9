#include "core/input/write_file.hpp"

#include <fmt/format.h>

#include <fstream>
#include <system_error>

#include "core/input/error.hpp"

namespace switchyard {

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::path temporary = path;
  temporary += ".partial";
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  std::error_code fault;
  if (out) std::filesystem::rename(temporary, path, fault);
  if (!out || fault) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw InputError(fmt::format("{}: cannot write the file{}", path.string(), fault ? ": " + fault.message() : ""));
  }
}

}  // namespace switchyard
