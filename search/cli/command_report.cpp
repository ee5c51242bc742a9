#include <fmt/format.h>

#include <iostream>

#include "core/input/error.hpp"
#include "core/input/inputs.hpp"
#include "core/input/write_file.hpp"
#include "policies/registry.hpp"
#include "results/report/report.hpp"
#include "search/cli/command.hpp"
#include "search/cli/out_flags.hpp"
#include "search/cli/version.hpp"
#include "search/importance.hpp"

namespace switchyard {

Options declare_report() {
  Options options("report DIR [DIR...] --out FILE",
                  "Writes one self-contained HTML page about runs and searches: leaderboards with their intervals, "
                  "distributions of request times, how the search went, what each replica did, and measured runs "
                  "against simulated ones. DIR is a folder that "
                  "`run`, `search`, `suite` or `validate` left by --out, or one that holds such.\n"
                  "example: switchyard report out/search --out report.html\n"
                  "example: switchyard report out/llq out/hra --out compared.html",
                  10'000);
  options.file("out", "file for the page");
  return options;
}

int command_report(const Options& options) {
  if (options.words().empty()) throw InputError("report: give at least one folder that a run or a search wrote");
  if (!options.has("out")) throw InputError("--out: is missing: the file for the page");
  const std::string version = version_text();
  ReportOptions report{.program = version.substr(0, version.find('\n')),
                       .policies = registered_policies(),
                       .importance = parameter_importance};
  for (const std::string& folder : options.words()) report.folders.emplace_back(folder);
  const std::string data = report_data(report);
  check_not_an_input(options.text("out"));
  check_output_file(options, "out");
  write_file(options.text("out"), report_page(data));
  return 0;
}

}  // namespace switchyard
