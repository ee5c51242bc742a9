#include "search/cli/format_flag.hpp"

#include "core/input/error.hpp"

namespace switchyard {

Options& declare_format(Options& options) {
  return options.value("format", "what is printed: table (default), markdown, csv, json", table_format_names())
      .toggle("json", "short for --format json");
}

Options& declare_columns(Options& options, const std::string& wide) {
  std::vector<std::string> figures;
  for (const SummaryField& field : summary_fields()) figures.push_back(field.name);
  return options.toggle("wide", "more columns: " + wide)
      .value("columns", "more columns: figures by name, comma between, as p50_ttft_s,p95_tpot_s (JSON holds all)",
             figures);
}

MoreColumns columns_from(const Options& options) {
  MoreColumns more{.wide = options.has("wide"), .figures = {}};
  if (options.has("columns")) more.figures = parse_figures(options.text("columns"), "--columns");
  return more;
}

TableFormat format_from(const Options& options) {
  if (!options.has("json")) return parse_table_format(options.text("format", "table"));
  const std::string given = options.text("format", "json");
  if (given != "json") throw InputError("--json: contradicts --format " + in_quotes(given));
  return TableFormat::json;
}

}  // namespace switchyard
