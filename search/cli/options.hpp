// The flags of one subcommand, declared once: parsing (on Boost.Program_options), help, configuration files, the manual
// page, shell completion and errors that name the nearest known flag all derive from the declaration.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/scenario/scenario.hpp"

namespace boost::program_options {
class options_description;
class variables_map;
}  // namespace boost::program_options

namespace switchyard {

class JsonFile;

struct Flag {
  std::string name;  // without dashes
  std::string doc;
  bool takes_value = true;
  bool is_file = false;                 // or a folder: in a configuration, as seen from there
  std::vector<std::string> candidates;  // values that a shell offers; empty: files
};

class Options {
 public:
  // `usage` is the command line in one line; `most_words` how many words without a flag it takes at most. Lines of
  // `doc` that start with "example: " are examples.
  Options(std::string usage, std::string doc, std::size_t most_words = 0);
  ~Options();
  Options(Options&&) noexcept;

  Options& value(const std::string& flag, const std::string& doc, std::vector<std::string> candidates = {});
  Options& file(const std::string& flag, const std::string& doc);  // a value that is a path
  Options& toggle(const std::string& flag, const std::string& doc);
  // --scenario and one flag for each field of a scenario, but those that have no effect on this command.
  Options& scenario_flags(std::set<std::string> without_effect = {});
  Options& word_candidates(std::vector<std::string> words);  // what a shell offers as the first word

  // Reads the words, then the file of --config, whose values the words override (a toggle by --no-FLAG). Relative paths
  // in the file are relative to it. False if --help was asked for and printed. Throws InputError.
  bool parse(const std::vector<std::string>& words);

  bool has(const std::string& flag) const;
  std::string text(const std::string& flag, const std::string& otherwise = "") const;
  std::int64_t whole(const std::string& flag, std::int64_t otherwise, std::int64_t low, std::int64_t high) const;
  double number(const std::string& flag, double otherwise, double low, double high) const;
  const std::vector<std::string>& words() const { return words_; }

  // The scenario that the flags describe. Throws InputError, also for flags that contradict each other.
  // Flags in `not_set` are checked to matter, but their values are left to the caller.
  Scenario scenario(const std::set<std::string>& not_set = {}) const;

  // A scenario of a list, with the fields that the flags set. Throws InputError, also for flags that do not matter in
  // it.
  Scenario scenario_of(Scenario base) const;

  // The same with a trace named by a word in place of --workload.
  Scenario scenario_of_trace(const std::string& name_or_file) const;

  // The flags of scenario fields that were given.
  std::set<std::string> given_fields() const;

  // Flags of scenario fields that the command does not take.
  const std::set<std::string>& without_effect() const { return without_effect_; }

  // The declaration.
  const std::string& usage() const { return usage_; }
  const std::string& doc() const { return doc_; }
  const std::vector<std::string>& examples() const { return examples_; }
  const std::vector<Flag>& flags() const { return flags_; }
  const std::vector<Flag>& fields() const { return fields_; }  // of scenarios
  const std::vector<std::string>& first_words() const { return first_words_; }
  std::size_t most_words() const { return most_words_; }

 private:
  using Description = boost::program_options::options_description;

  std::string help(const Description& all) const;
  std::vector<std::string> names() const;
  std::set<std::string> take_switched_off(std::vector<std::string>& words) const;
  std::string value_in_config(const std::string& file, const std::string& flag, const std::string& value) const;
  void read_config(const std::string& file, const Description& all);
  void read_json_config(const std::string& file, const Description& all);
  Scenario base_scenario() const;
  std::vector<std::string> respelled(const std::vector<std::string>& words) const;
  void set_fields(Scenario& scenario, const std::set<std::string>& not_set) const;

  std::string usage_;
  std::string doc_;
  std::vector<std::string> examples_;
  std::size_t most_words_;
  std::vector<Flag> flags_;
  std::vector<Flag> fields_;
  std::set<std::string> without_effect_;
  std::vector<std::string> first_words_;
  std::unique_ptr<boost::program_options::variables_map> values_;
  std::vector<std::string> words_;
  std::unique_ptr<JsonFile> config_scenario_;  // a JSON configuration that holds a whole scenario, and not its name
};

}  // namespace switchyard
