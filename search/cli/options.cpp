#include "search/cli/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "core/input/error.hpp"

namespace switchyard {

namespace po = boost::program_options;

namespace {

std::vector<std::string> names_of(const po::options_description& flags) {
  std::vector<std::string> names;
  for (const auto& option : flags.options()) names.push_back(option->long_name());
  return names;
}

// Runs a parser of Boost's and turns what it throws into our errors; `where` leads their messages.
template <class Parse>
void with_our_errors(const po::options_description& flags, const std::string& where, Parse parse) {
  try {
    parse();
  } catch (const po::unknown_option& error) {
    std::string flag = error.get_option_name();
    flag.erase(0, std::min(flag.find_first_not_of('-'), flag.size()));
    const std::string nearest = nearest_name(flag, names_of(flags));
    throw InputError(fmt::format("{}unknown flag {}{} (see --help)", where, in_quotes("--" + flag),
                                 nearest.empty() ? "" : fmt::format("; did you mean '--{}'?", nearest)));
  } catch (const po::error& error) {
    throw InputError(fmt::format("{}{} (see --help)", where, error.what()));
  }
}

}  // namespace

Options::Options(std::string usage, std::string doc, std::size_t most_words)
    : usage_(std::move(usage)), doc_(std::move(doc)), most_words_(most_words) {
  toggle("help", "this text");
  value("config",
        "file of flags, which those on the command line override: lines `flag = value`, or JSON if its name ends in "
        ".json, as the config.json that a run leaves behind");
}

Options& Options::value(const std::string& flag, const std::string& doc) {
  general_.add_options()(flag.c_str(), po::value<std::string>(), doc.c_str());
  return *this;
}

Options& Options::toggle(const std::string& flag, const std::string& doc) {
  general_.add_options()(flag.c_str(), doc.c_str());
  toggles_.push_back(flag);
  return *this;
}

bool Options::parse(const std::vector<std::string>& words) {
  po::options_description all;
  all.add(general_);
  if (!fields_.options().empty()) all.add(fields_);
  if (std::find(words.begin(), words.end(), "-h") != words.end() ||
      std::find(words.begin(), words.end(), "--help") != words.end()) {
    std::cout << "usage: switchyard " << usage_ << "\n\n" << doc_ << "\n\n" << all;
    return false;
  }
  with_our_errors(all, "", [&] {
    po::options_description with_words;
    with_words.add(all).add_options()("words", po::value<std::vector<std::string>>());
    po::positional_options_description positional;
    positional.add("words", -1);
    // No abbreviated flags: they would change their meaning as flags are added. No short ones: a negative number is a
    // value.
    using namespace po::command_line_style;
    const int style = allow_long | long_allow_adjacent | long_allow_next;
    po::store(po::command_line_parser(words).options(with_words).positional(positional).style(style).run(), values_);
  });
  if (values_.count("words")) words_ = values_["words"].as<std::vector<std::string>>();
  if (words_.size() > most_words_) {
    throw InputError(
        fmt::format("{} is one word too many; usage: switchyard {}", in_quotes(words_[most_words_]), usage_));
  }
  if (has("config")) {
    const std::string file = text("config");
    if (file.ends_with(".json")) {
      read_json_config(file, all);
    } else {
      read_config(file, all);
    }
  }
  for (const std::string& flag : toggles_) {
    const std::string given = text(flag);
    if (!given.empty() && given != "true" && given != "false") {
      throw InputError(fmt::format("--{}: {} is not allowed; true or false is wanted", flag, in_quotes(given)));
    }
    if (given == "false") values_.erase(flag);
  }
  return true;
}

void Options::read_config(const std::string& file, const po::options_description& all) {
  std::error_code fault;
  std::ifstream in(file);
  if (!in || std::filesystem::is_directory(file, fault)) {
    throw InputError(fmt::format("--config: {} is not a file that can be read", in_quotes(file)));
  }
  with_our_errors(all, file + ": ", [&] { po::store(po::parse_config_file(in, all), values_); });
}

void Options::read_json_config(const std::string& file, const po::options_description& all) {
  const JsonFile json{std::filesystem::path(file)};
  if (!json.root().is_object()) throw json.fail("", "a configuration must be an object");
  po::parsed_options parsed(&all);
  for (const auto& [key, value] : json.root().items()) {
    const std::string pointer = (nlohmann::json::json_pointer() / key).to_string();
    if (key == "version" || key == "resolved") continue;  // what a run says about itself
    if (!all.find_nothrow(key, false)) throw unknown_name(json.where(pointer), "flag", key, names_of(all));
    if (key == "scenario" && value.is_object()) {
      if (!has("scenario")) config_scenario_ = std::make_unique<JsonFile>(json);
      continue;
    }
    if (value.is_structured() || value.is_null()) {
      throw json.fail(pointer, key + " must be text, a number, true or false");
    }
    parsed.options.emplace_back(key,
                                std::vector<std::string>{value.is_string() ? value.get<std::string>() : value.dump()});
  }
  with_our_errors(all, file + ": ", [&] { po::store(parsed, values_); });
}

std::string Options::text(const std::string& flag, const std::string& otherwise) const {
  return values_.count(flag) ? values_[flag].as<std::string>() : otherwise;
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

}  // namespace switchyard
