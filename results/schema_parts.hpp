// What JSON Schemas of our files are made of.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/metrics/summary.hpp"
#include "results/spread.hpp"

namespace switchyard::schema {

using Json = nlohmann::ordered_json;

// An object with these properties and no other, all of them there but for the optional ones.
Json closed_object(const Json& properties, const std::vector<std::string>& optional = {});
Json list_of(const char* description, const Json& items);
Json version(int number);  // of the format
Json text(const char* description);
Json flag(const char* description);
Json number(const char* description);
Json count(const char* description);     // a whole number, not negative
Json digest();                           // of an experiment
Json figure(const SummaryField& field);  // null where it does not exist
// A figure with its 95% interval: value, low, high. An end is null where it is not bounded, both where there are too
// few seeds for an interval, the value where the figure does not exist.
Json spread(const char* description);
Json spread_json(const Spread& spread);  // such a figure
std::string published(const std::string& title, const std::string& description, const Json& object);

}  // namespace switchyard::schema
