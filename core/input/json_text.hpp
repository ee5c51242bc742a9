// JSON documents to text and back, compiled once: the parser and the writer are most of what including the library
// costs a file.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace switchyard {

// `indent` spaces a level; -1: all in one line. What is not UTF-8 in a text becomes U+FFFD.
std::string json_text(const nlohmann::json& json, int indent = -1);
std::string json_text(const nlohmann::ordered_json& json, int indent = -1);

// A JSON string in double quotes, in ASCII: for the names of files in documents that are written by hand.
std::string json_quoted(std::string_view text);

// Keeps the order of keys. Throws nlohmann::json::exception: for text that this program has written.
nlohmann::ordered_json ordered_json_of(const std::string& text);

}  // namespace switchyard
