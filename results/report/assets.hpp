// The parts of the page as they stand in results/report, and D3 with its licence, embedded at build time.
#pragma once

#include <string_view>

namespace switchyard::report_assets {

extern const std::string_view page;     // HTML with a placeholder for each of the others
extern const std::string_view style;    // CSS
extern const std::string_view script;   // our JavaScript
extern const std::string_view d3;       // the plotting library
extern const std::string_view licence;  // its licence and copyright

// The page's scripts as its content policy names them: 'sha256-...' each, a blank in front.
extern const std::string_view script_hashes;

}  // namespace switchyard::report_assets
