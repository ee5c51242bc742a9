#include <iostream>

#include "core/input/error.hpp"
#include "core/input/write_file.hpp"
#include "search/cli/command.hpp"
#include "search/cli/out_flags.hpp"
#include "search/export/router_config.hpp"

namespace switchyard {

Options declare_export() {
  std::vector<std::string> names;
  for (const RouterTarget& target : router_targets()) names.push_back(target.name);
  Options options(
      "export SPEC --to llmd|dynamo|sglang|aibrix [--out FILE]",
      "Writes the configuration with which a serving system's own router runs this setting of the policy that stands "
      "for it here, as far as that router can be told; otherwise it says what it cannot, and writes nothing. The first "
      "lines name the setting and the version that the configuration was written for.\n"
      "example: switchyard export 'dynamo_cost(router_temperature=0.2)' --to dynamo",
      1);
  options.value("to", "whose configuration", names)
      .toggle("list", "the routers, the versions and policies, as a table in Markdown")
      .file("out", "file in place of the output");
  options.word_candidates(policy_names());
  return options;
}

int command_export(const Options& options) {
  if (options.has("list")) {
    if (options.has("to") || options.has("out") || !options.words().empty()) {
      throw InputError("--list: has no effect with a policy, --to or --out");
    }
    std::cout << router_targets_markdown();
    return 0;
  }
  if (options.words().empty()) throw InputError("export: give a policy spec");
  check_output_file(options, "out");
  if (!options.has("to")) throw InputError("--to: is missing: llmd, dynamo, sglang or aibrix");
  const PolicySpec policy = parse_policy(options.words()[0], "export");
  const std::string text = router_config(policy, find_router_target(options.text("to"), "--to"), "export");
  if (options.has("out")) {
    write_file(options.text("out"), text);
  } else {
    std::cout << text;
  }
  return 0;
}

}  // namespace switchyard
