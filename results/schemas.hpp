// JSON Schemas of what a run leaves behind, derived from the declarations that write it. `switchyard schema NAME`
// prints them; results/schemas/ holds them as published.
#pragma once

#include <string>

namespace switchyard {

std::string run_config_schema();  // config.json
std::string summary_schema();     // summary.json
std::string states_schema();      // states.json

}  // namespace switchyard
