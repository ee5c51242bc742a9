#include <array>
#include <utility>

#include "results/report/assets.hpp"
#include "results/report/report.hpp"

namespace switchyard {

namespace {

// JSON that may stand inside a script element: `<` and the like only ever occur in strings, where an escape means the
// same. (U+2028 and U+2029 need no care: the element holds data, not JavaScript.)
std::string inert(const std::string& json) {
  std::string text;
  text.reserve(json.size());
  for (const char c : json) {
    switch (c) {
      case '<':
        text += "\\u003c";
        break;
      case '>':
        text += "\\u003e";
        break;
      case '&':
        text += "\\u0026";
        break;
      default:
        text += c;
    }
  }
  return text;
}

}  // namespace

std::string report_page(const std::string& data) {
  const std::string safe_data = inert(data);
  const std::array<std::pair<std::string_view, std::string_view>, 6> parts = {{
      {"{{script_hashes}}", report_assets::script_hashes},
      {"{{style}}", report_assets::style},
      {"{{licence}}", report_assets::licence},
      {"{{data}}", safe_data},
      {"{{d3}}", report_assets::d3},
      {"{{script}}", report_assets::script},
  }};
  std::string page;
  std::string_view rest = report_assets::page;
  for (const auto& [placeholder, part] : parts) {  // in the order in which they stand
    const std::size_t at = rest.find(placeholder);
    page += rest.substr(0, at);
    page += part;
    rest.remove_prefix(at + placeholder.size());
  }
  page += rest;
  return page;
}

}  // namespace switchyard
