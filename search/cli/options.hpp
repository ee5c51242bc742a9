// The flags of one subcommand, on Boost.Program_options: declared once, with help, a configuration file and errors that
// name the flag and the nearest known one.
#pragma once

#include <boost/program_options.hpp>
#include <memory>
#include <string>
#include <vector>

#include "core/input/json_file.hpp"
#include "core/scenario/scenario.hpp"

namespace switchyard {

class Options {
 public:
  // `usage` is the command line in one line; `most_words` how many words without a flag it takes at most.
  Options(std::string usage, std::string doc, std::size_t most_words = 0);

  Options& value(const std::string& flag, const std::string& doc);
  Options& toggle(const std::string& flag, const std::string& doc);
  Options& scenario_flags();  // --scenario and one flag for each field of a scenario

  // Reads the words, then the file of --config, whose values the words override. False if --help was asked for and
  // printed. Throws InputError.
  bool parse(const std::vector<std::string>& words);

  bool has(const std::string& flag) const { return values_.count(flag) > 0; }
  std::string text(const std::string& flag, const std::string& otherwise = "") const;
  std::int64_t whole(const std::string& flag, std::int64_t otherwise, std::int64_t low, std::int64_t high) const;
  const std::vector<std::string>& words() const { return words_; }

  // The scenario that the flags describe. Throws InputError, also for flags that contradict each other.
  Scenario scenario() const;

 private:
  using Flags = boost::program_options::options_description;

  void read_config(const std::string& file, const Flags& all);
  void read_json_config(const std::string& file, const Flags& all);
  Scenario base_scenario() const;

  std::string usage_;
  std::string doc_;
  std::size_t most_words_;
  Flags general_{"Options"};
  Flags fields_{"Scenario fields"};
  std::vector<std::string> toggles_;
  boost::program_options::variables_map values_;
  std::vector<std::string> words_;
  std::unique_ptr<JsonFile> config_scenario_;  // a JSON configuration that holds a whole scenario, and not its name
};

}  // namespace switchyard
