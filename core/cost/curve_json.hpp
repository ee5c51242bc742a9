// Curves in the JSON of profiles: a curve is a list of knots, pairs of a position and ms; a set of curves is a list of
// {"at": position, "knots": curve}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/cost/curve.hpp"
#include "core/input/json_file.hpp"

namespace switchyard {

// Read what is at a JSON pointer. Positions must rise. Throw InputError.
Curve curve_from(const JsonFile& file, const std::string& pointer, std::size_t least_knots);
CurveSet curve_set_from(const JsonFile& file, const std::string& pointer, double low, double high);

// At least `least` numbers from 0 to `most`.
std::vector<double> numbers_from(const JsonFile& file, const std::string& pointer, std::size_t least, double most);

// Times to the nanosecond.
std::string curve_json(const Curve& curve);
std::string curve_set_json(const CurveSet& set);

// The text at a key of the file's object. Throws InputError.
std::string json_string(const JsonFile& file, const std::string& key);

}  // namespace switchyard
