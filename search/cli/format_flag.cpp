#include "search/cli/format_flag.hpp"

#include "core/input/error.hpp"

namespace switchyard {

Options& declare_format(Options& options) {
  return options.value("format", "what is printed: table (default), markdown, csv, json", table_format_names())
      .toggle("json", "short for --format json");
}

TableFormat format_from(const Options& options) {
  if (!options.has("json")) return parse_table_format(options.text("format", "table"));
  const std::string given = options.text("format", "json");
  if (given != "json") throw InputError("--json: contradicts --format " + in_quotes(given));
  return TableFormat::json;
}

}  // namespace switchyard
