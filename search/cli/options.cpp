#include "search/cli/options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <iostream>

#include "core/input/error.hpp"
#include "core/scenario/fields.hpp"

namespace switchyard {

namespace po = boost::program_options;

Options::Options(std::string usage, std::string doc, int positional)
    : usage_(std::move(usage)), doc_(std::move(doc)), most_words_(static_cast<std::size_t>(positional)) {
  general_.add_options()("help,h", "this text")("config", po::value<std::string>(),
                                                "file with lines `flag = value`; flags given here override it");
}

Options& Options::value(const std::string& flag, const std::string& doc) {
  general_.add_options()(flag.c_str(), po::value<std::string>(), doc.c_str());
  return *this;
}

Options& Options::toggle(const std::string& flag, const std::string& doc) {
  general_.add_options()(flag.c_str(), doc.c_str());
  return *this;
}

Options& Options::scenario_flags() {
  value("scenario", "name of a built-in scenario (`switchyard scenarios`) or a .json file");
  for (const ScenarioField& field : scenario_fields()) {
    const std::string doc = fmt::format("{} ({})", field.doc, describe_range(field));
    fields_.add_options()(field.flag.c_str(), po::value<std::string>(), doc.c_str());
  }
  return *this;
}

bool Options::parse(const std::vector<std::string>& words) {
  po::options_description all;
  all.add(general_).add(fields_);
  po::options_description with_words;
  with_words.add(all).add_options()("words", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("words", -1);
  std::vector<std::string> flags;
  for (const auto& option : all.options()) flags.push_back(option->long_name());
  try {
    using namespace po::command_line_style;
    // Abbreviated flags would change their meaning as flags are added.
    const int style = unix_style & ~allow_guessing;
    po::store(po::command_line_parser(words).options(with_words).positional(positional).style(style).run(), values_);
    if (values_.count("help")) {
      std::cout << "usage: switchyard " << usage_ << "\n\n" << doc_ << "\n\n" << all;
      return false;
    }
    if (values_.count("config")) {
      const std::string file = values_["config"].as<std::string>();
      std::ifstream in(file);
      if (!in) throw InputError(fmt::format("--config: cannot read '{}'", file));
      po::store(po::parse_config_file(in, all), values_);
    }
  } catch (const po::unknown_option& error) {
    std::string flag = error.get_option_name();
    flag.erase(0, flag.find_first_not_of('-'));
    const std::string nearest = nearest_name(flag, flags);
    throw InputError(fmt::format("unknown flag '--{}'{} (see --help)", flag,
                                 nearest.empty() ? "" : fmt::format("; did you mean '--{}'?", nearest)));
  } catch (const po::error& error) {
    throw InputError(fmt::format("{} (see --help)", error.what()));
  }
  if (values_.count("words")) words_ = values_["words"].as<std::vector<std::string>>();
  if (words_.size() > most_words_) {
    throw InputError(fmt::format("'{}' is one word too many; usage: switchyard {}", words_[most_words_], usage_));
  }
  return true;
}

std::string Options::text(const std::string& flag, const std::string& otherwise) const {
  return has(flag) ? values_[flag].as<std::string>() : otherwise;
}

std::int64_t Options::whole(const std::string& flag, std::int64_t otherwise, std::int64_t low,
                            std::int64_t high) const {
  if (!has(flag)) return otherwise;
  const std::string given = text(flag);
  std::int64_t number = 0;
  const char* end = given.data() + given.size();
  const auto [at, fault] = std::from_chars(given.data(), end, number);
  if (fault != std::errc() || at != end || number < low || number > high) {
    throw InputError(fmt::format("--{}: is '{}'; allowed: a whole number from {} to {}", flag, given, low, high));
  }
  return number;
}

Scenario Options::scenario() const {
  Scenario scenario;
  if (has("scenario")) {
    scenario = load_scenario(text("scenario"));
  } else {
    if (!has("workload") && !has("arrivals")) {
      throw InputError("give --scenario, or a workload: --workload FILE, or --arrivals and --lengths");
    }
    scenario.name = has("workload") ? text("workload") : "synthetic";
    scenario.seed = 0;
  }
  for (const ScenarioField& field : scenario_fields()) {
    if (has(field.flag)) set_field_from_text(field, scenario, text(field.flag), "--" + field.flag);
  }
  if (has("profile") && has("cost-tables")) {
    throw InputError("--profile and --cost-tables contradict each other: give one of them");
  }
  if (has("profile")) scenario.cost_tables.clear();
  auto needs = [&](const char* flag, bool holds, const char* what) {
    if (has(flag) && !holds) throw InputError(fmt::format("--{}: has no effect unless {}", flag, what));
  };
  const bool trace_arrivals = scenario.workload.arrivals == ArrivalKind::trace;
  needs("chunk-size", scenario.replica_scheduler == ReplicaSchedulerKind::sarathi, "--replica-scheduler is sarathi");
  needs("qps", !trace_arrivals, "--arrivals is synthetic");
  needs("time-scale", trace_arrivals, "--arrivals is trace");
  needs("arrival-cv", scenario.workload.arrivals == ArrivalKind::gamma, "--arrivals is gamma");
  needs("arrival-sigma", scenario.workload.arrivals == ArrivalKind::lognormal, "--arrivals is lognormal");
  return scenario;
}

}  // namespace switchyard
