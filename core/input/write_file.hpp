#pragma once

#include <filesystem>
#include <string_view>

namespace switchyard {

// Writes a whole file: under a temporary name in the same folder, then renamed, so that nobody sees half of it. A
// symbolic link stays one, and a device or pipe (/dev/stdout) is written to as it is. Throws InputError if the file
// cannot be written.
void write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace switchyard
