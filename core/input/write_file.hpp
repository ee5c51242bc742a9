#pragma once

#include <filesystem>
#include <string_view>

namespace switchyard {

// Writes a whole file: under a temporary name in the same folder, then renamed, so that nobody sees half of it. Throws
// InputError if it cannot be written.
void write_file(const std::filesystem::path& path, std::string_view content);

}  // namespace switchyard
