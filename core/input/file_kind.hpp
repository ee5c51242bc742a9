#pragma once

#include <string>
#include <string_view>

namespace switchyard {

// What some programs write before text in UTF-8. It is skipped wherever text is read.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// What a file is that we cannot read as text, told by its first bytes, and what to do about it: "is a zip archive;
// ...". Empty for what may be text.
std::string why_not_text(std::string_view beginning);

}  // namespace switchyard
