// What this process has read as its input, so that nothing is ever written over it.
#pragma once

#include <filesystem>

namespace switchyard {

// Notes a file that is read. Thread-safe.
void note_input(const std::filesystem::path& file);

// Throws InputError that names the file if it is one that was noted, by whatever path or link. Thread-safe.
void check_not_an_input(const std::filesystem::path& file);

}  // namespace switchyard
