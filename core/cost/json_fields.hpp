// Fields of the small JSON files that describe models and hardware, with their limits.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "core/cost/model_shape.hpp"
#include "core/input/json_file.hpp"

namespace switchyard {

// The member `key` of the file's top-level object, or of the object at `parent` ("/model"). Throw InputError, naming
// file, line and column, what is allowed and what was found, if it is missing, of another type or outside
// [low, high].
double json_number(const JsonFile& file, const std::string& key, double low, double high,
                   const std::string& parent = "");
std::int32_t json_integer(const JsonFile& file, const std::string& key, std::int32_t low, std::int32_t high,
                          const std::string& parent = "");

// Throws InputError unless the object at `parent` is there and has no key but these.
void json_check_keys(const JsonFile& file, std::span<const std::string> known, const std::string& parent = "");

// The names of ModelShape's fields, as in every JSON file: num_layers, num_q_heads, num_kv_heads, head_dim,
// embedding_dim, mlp_dim.
std::span<const std::string> model_shape_keys();

// Reads the first three fields of a ModelShape, and the other three if all are there or `need_all`.
ModelShape json_model_shape(const JsonFile& file, bool need_all, const std::string& parent = "");

}  // namespace switchyard
