#include "search/cli/options.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "core/input/error.hpp"
#include "core/input/file_kind.hpp"
#include "core/input/inputs.hpp"
#include "core/input/json_file.hpp"
#include "core/input/json_text.hpp"
#include "core/scenario/fields.hpp"
#include "results/terminal.hpp"

namespace switchyard {

namespace po = boost::program_options;

namespace {

// Runs a parser of Boost's and turns what it throws into our errors; `where` leads their messages.
template <class Parse>
void with_our_errors(const std::vector<std::string>& flags, const std::set<std::string>& without_effect,
                     const std::string& where, Parse parse) {
  try {
    parse();
  } catch (const po::unknown_option& error) {
    std::string flag = error.get_option_name();
    flag.erase(0, std::min(flag.find_first_not_of('-'), flag.size()));
    if (without_effect.contains(flag)) {
      throw InputError(fmt::format("{}--{}: has no effect on this command (see --help)", where, flag));
    }
    const std::string nearest = nearest_name(flag, flags);
    throw InputError(fmt::format("{}unknown flag {}{} (see --help)", where, in_quotes("--" + flag),
                                 nearest.empty() ? "" : fmt::format("; did you mean '--{}'?", nearest)));
  } catch (const po::error& error) {
    throw InputError(fmt::format("{}{} (see --help)", where, error.what()));
  }
}

}  // namespace

Options::Options(std::string usage, std::string doc, std::size_t most_words)
    : usage_(std::move(usage)), most_words_(most_words), values_(std::make_unique<po::variables_map>()) {
  constexpr std::string_view kExample = "example: ";
  std::istringstream lines(doc);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kExample)) {
      examples_.push_back(line.substr(kExample.size()));
    } else {
      doc_ += line + "\n";
    }
  }
  toggle("help", "this text");
  value(
      "config",
      "file of flags, which those on the command line override: lines `flag = value`, or JSON if its name ends in "
      ".json, as the config.json that a run leaves behind. Relative paths in it are relative to it. A flag that takes "
      "no value is `true` or `false` there, and switched off on the command line by --no- before its name");
}

Options::~Options() = default;
Options::Options(Options&&) noexcept = default;

Options& Options::value(const std::string& flag, const std::string& doc, std::vector<std::string> candidates) {
  flags_.push_back({.name = flag, .doc = doc, .candidates = std::move(candidates)});
  return *this;
}

Options& Options::file(const std::string& flag, const std::string& doc) {
  flags_.push_back({.name = flag, .doc = doc, .is_file = true});
  return *this;
}

Options& Options::toggle(const std::string& flag, const std::string& doc) {
  flags_.push_back({.name = flag, .doc = doc, .takes_value = false});
  return *this;
}

Options& Options::word_candidates(std::vector<std::string> words) {
  first_words_ = std::move(words);
  return *this;
}

std::vector<std::string> Options::names() const {
  std::vector<std::string> names;
  for (const Flag& flag : flags_) names.push_back(flag.name);
  for (const Flag& flag : fields_) names.push_back(flag.name);
  return names;
}

std::string Options::help(const Description& all) const {
  std::ostringstream text;
  text << "usage: switchyard " << usage_ << "\n\n" << doc_;
  if (!examples_.empty()) {
    text << "\nExamples:\n";
    for (const std::string& example : examples_) text << "  " << example << "\n";
  }
  text << all;
  return text.str();
}

// Takes --no-FLAG of toggles out of the words; returns their names.
std::set<std::string> Options::take_switched_off(std::vector<std::string>& words) const {
  std::set<std::string> off;
  for (const Flag& flag : flags_) {
    if (flag.takes_value || std::erase(words, "--no-" + flag.name) == 0) continue;
    if (std::find(words.begin(), words.end(), "--" + flag.name) != words.end()) {
      throw InputError(fmt::format("--no-{0}: contradicts --{0}", flag.name));
    }
    off.insert(flag.name);
  }
  return off;
}

bool Options::parse(const std::vector<std::string>& given_words) {
  std::vector<std::string> words = given_words;
  const std::set<std::string> off = take_switched_off(words);
  const unsigned width = terminal_width(STDOUT_FILENO).value_or(100);
  const auto described = [width](const char* title, const std::vector<Flag>& flags) {
    Description description(title, width, width / 2);
    for (const Flag& flag : flags) {
      if (flag.takes_value) {
        description.add_options()(flag.name.c_str(), po::value<std::string>(), flag.doc.c_str());
      } else {
        description.add_options()(flag.name.c_str(), flag.doc.c_str());
      }
    }
    return description;
  };
  Description all("", width, width / 2);
  all.add(described("Options", flags_));
  if (!fields_.empty()) all.add(described("Scenario fields", fields_));
  if (std::find(words.begin(), words.end(), "-h") != words.end() ||
      std::find(words.begin(), words.end(), "--help") != words.end()) {
    std::cout << help(all);
    return false;
  }
  const std::vector<std::string> plain = respelled(words);
  with_our_errors(names(), without_effect_, "", [&] {
    po::options_description with_words;
    with_words.add(all).add_options()("words", po::value<std::vector<std::string>>());
    po::positional_options_description positional;
    positional.add("words", -1);
    // No abbreviated flags: they would change their meaning as flags are added. No short ones: a negative number is a
    // value.
    using namespace po::command_line_style;
    const int style = allow_long | long_allow_adjacent | long_allow_next;
    po::store(po::command_line_parser(plain).options(with_words).positional(positional).style(style).run(), *values_);
  });
  if (values_->count("words")) words_ = (*values_)["words"].as<std::vector<std::string>>();
  if (words_.size() > most_words_) {
    throw InputError(
        fmt::format("{} is one word too many; usage: switchyard {}", in_quotes(words_[most_words_]), usage_));
  }
  if (has("config")) {
    const std::string file = text("config");
    note_input(file);
    if (file.ends_with(".json")) {
      read_json_config(file, all);
    } else {
      read_config(file, all);
    }
  }
  for (const Flag& flag : flags_) {
    if (flag.takes_value) continue;
    const std::string given = text(flag.name);
    const bool on = given == "true" || given == "yes" || given == "on" || given == "1";
    const bool is_off = given == "false" || given == "no" || given == "off" || given == "0";
    if (!given.empty() && !on && !is_off) {
      throw InputError(fmt::format("--{}: {} is not allowed; true (yes, on, 1) or false (no, off, 0) is wanted",
                                   flag.name, in_quotes(given)));
    }
    if (is_off || off.contains(flag.name)) values_->erase(flag.name);
  }
  return true;
}

void Options::read_config(const std::string& file, const Description& all) {
  std::error_code fault;
  std::ifstream in(file);
  if (!in || std::filesystem::is_directory(file, fault)) {
    throw InputError(fmt::format("--config: {} is not a file that can be read", in_quotes(file)));
  }
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  std::istringstream lines(text);
  with_our_errors(names(), without_effect_, file + ": ", [&] {
    po::parsed_options parsed = po::parse_config_file(lines, all);
    for (po::option& option : parsed.options) {
      for (std::string& value : option.value) value = value_in_config(file, option.string_key, value);
    }
    po::store(parsed, *values_);
  });
}

// A value that stands in a configuration, with its relative paths as seen from here.
std::string Options::value_in_config(const std::string& file, const std::string& flag, const std::string& value) const {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  const auto seen = [&](const std::string& path) {
    return path.empty() || std::filesystem::path(path).is_absolute() ? path
                                                                     : (folder / path).lexically_normal().string();
  };
  for (const ScenarioField& field : scenario_fields()) {
    if (field.flag == flag && !fields_.empty()) return path_from(folder, field, value);
  }
  if (flag == "scenario" || flag == "scenarios" || flag == "suite") {  // names, or files that end in .json
    std::string all;
    std::istringstream parts(value);
    for (std::string part; std::getline(parts, part, ',');) {
      all += (all.empty() ? "" : ",") + (part.ends_with(".json") ? seen(part) : part);
    }
    return all;
  }
  const auto found = std::find_if(flags_.begin(), flags_.end(), [&](const Flag& known) { return known.name == flag; });
  return found != flags_.end() && found->is_file ? seen(value) : value;
}

void Options::read_json_config(const std::string& file, const Description& all) {
  const JsonFile json{std::filesystem::path(file)};
  if (!json.root().is_object()) throw json.fail("", "a configuration must be an object");
  po::parsed_options parsed(&all);
  for (const auto& [key, value] : json.root().items()) {
    const std::string pointer = (nlohmann::json::json_pointer() / key).to_string();
    if (key == "version" || key == "resolved") continue;  // what a run says about itself
    if (!all.find_nothrow(key, false)) throw unknown_name(json.where(pointer), "flag", key, names());
    if (key == "scenario" && value.is_object()) {
      if (!has("scenario")) config_scenario_ = std::make_unique<JsonFile>(json);
      continue;
    }
    if (value.is_structured() || value.is_null()) {
      throw json.fail(pointer, key + " must be text, a number, true or false");
    }
    const std::string text = value.is_string() ? value.get<std::string>() : json_text(value);
    parsed.options.emplace_back(key, std::vector<std::string>{value_in_config(file, key, text)});
  }
  with_our_errors(names(), without_effect_, file + ": ", [&] { po::store(parsed, *values_); });
}

bool Options::has(const std::string& flag) const { return values_->count(flag) > 0; }

std::string Options::text(const std::string& flag, const std::string& otherwise) const {
  return values_->count(flag) ? (*values_)[flag].as<std::string>() : otherwise;
}

std::int64_t Options::whole(const std::string& flag, std::int64_t otherwise, std::int64_t low,
                            std::int64_t high) const {
  if (!has(flag)) return otherwise;
  const std::string given = text(flag);
  std::int64_t number = 0;
  const char* end = given.data() + given.size();
  const auto [at, fault] = std::from_chars(given.data(), end, number);
  if (fault != std::errc() || at != end || number < low || number > high) {
    throw InputError(fmt::format("--{}: {} is not allowed; a whole number from {} to {} is wanted", flag,
                                 in_quotes(given), low, high));
  }
  return number;
}

double Options::number(const std::string& flag, double otherwise, double low, double high) const {
  if (!has(flag)) return otherwise;
  const std::string given = text(flag);
  double value = 0;
  const char* end = given.data() + given.size();
  const auto [at, fault] = std::from_chars(given.data(), end, value);
  if (fault != std::errc() || at != end || !(value >= low && value <= high)) {
    throw InputError(
        fmt::format("--{}: {} is not allowed; a number from {} to {} is wanted", flag, in_quotes(given), low, high));
  }
  return value;
}

}  // namespace switchyard
