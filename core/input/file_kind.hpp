#pragma once

#include <string>
#include <string_view>

namespace switchyard {

// What a file is that we cannot read as text, told by its first bytes, and what to do about it: "is a zip archive;
// ...". Empty for what may be text.
std::string why_not_text(std::string_view beginning);

}  // namespace switchyard
