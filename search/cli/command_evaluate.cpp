#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "core/input/error.hpp"
#include "core/input/json_text.hpp"
#include "search/cli/command.hpp"
#include "search/cli/search_flags.hpp"
#include "search/ledger.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

// JSON's move does not throw, though Clang 14 thinks so.
struct Question {  // NOLINT(bugprone-exception-escape)
  Json id;         // as it was given
  std::size_t trial = 0;
  SeedRange seeds;
};

// Throws InputError that says what is wrong with the line.
Question parse_question(const std::string& line, Ledger& ledger, const SeedRange& default_seeds) {
  Json json;
  try {
    json = Json::parse(line);
  } catch (const Json::parse_error& error) {
    throw InputError(fmt::format("not JSON at character {}", error.byte));
  }
  if (!json.is_object()) throw InputError("a question is an object, as {\"policy\": \"llq\"}");
  Question question;
  question.seeds = default_seeds;
  bool has_policy = false;
  for (const auto& [key, value] : json.items()) {
    if (key == "id") {
      question.id = value;
      continue;
    }
    const std::vector<std::string> known = {"id", "policy", "seeds"};
    if (key != "policy" && key != "seeds") throw unknown_name("", "key", key, known);
    if (!value.is_string()) throw InputError(fmt::format("{}: must be text, not {}", key, in_quotes(json_text(value))));
    if (key == "seeds") question.seeds = parse_seed_range(value.get<std::string>(), "seeds");
    if (key == "policy") question.trial = ledger.trial(parse_policy(value.get<std::string>(), "policy"));
    has_policy = has_policy || key == "policy";
  }
  if (!has_policy) throw InputError("policy: is missing");
  return question;
}

Json id_of(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  return json.is_object() && json.contains("id") ? json["id"] : Json();
}

Json answer(const Question& question, Ledger& ledger, const Goal& goal) {
  ledger.experiment().scenario().check_half(question.seeds, "seeds");
  const std::vector<std::uint64_t> seeds = question.seeds.seeds();
  ledger.run({question.trial}, seeds);
  Json json = {{"id", question.id},
               {"policy", ledger.policy(question.trial).text()},
               {"seeds", format_seed_range(question.seeds)}};
  const std::string failure = ledger.failure(question.trial, seeds);
  if (!failure.empty()) {
    json["failure"] = failure;
    return json;
  }
  const std::vector<Summary> summaries = ledger.summaries(question.trial, seeds);
  const Summary mean = mean_of(summaries);
  json["objective"] = goal.objective.field->get(mean);
  for (const Summary& summary : summaries) json["by_seed"].push_back(goal.objective.field->get(summary));
  const std::string broken = broken_constraints(goal, mean);
  if (!broken.empty()) json["infeasible"] = broken;
  for (const SummaryField& field : summary_fields()) {
    if (field.whole()) {
      json["metrics"][field.name] = static_cast<std::int64_t>(field.get(mean));
    } else {
      json["metrics"][field.name] = field.get(mean);
    }
  }
  return json;
}

}  // namespace

Options declare_evaluate() {
  Options options(
      "evaluate --scenario NAME < questions.jsonl > answers.jsonl",
      "Evaluates policies for an outside optimiser. Reads JSON lines from stdin, as {\"id\": 7, \"policy\": "
      "\"hra(safety=0.05)\", \"seeds\": \"1-8\"} (id is anything, seeds are the training seeds if left out), and "
      "writes "
      "a JSON line for each, in order and at once: the objective's mean over the seeds and its value on each, and "
      "the means of all figures. A policy that fails gives {..., \"failure\": why}, a line that cannot be read "
      "{\"id\": ..., \"error\": why}. `switchyard policies NAME --json` describes what there is to search. A setting "
      "asked for twice runs once.\n"
      "example: echo '{\"policy\": \"hra(safety=0.05)\"}' | switchyard evaluate --scenario chat-pressure");
  declare_goal(options);
  declare_threads(options).scenario_flags();
  return options;
}

int command_evaluate(const Options& options) {
  const Goal goal = goal_from(options);
  const Experiment experiment(options.scenario());
  Evaluator evaluator(experiment, goal.objective.limits, threads_from(options));
  Ledger ledger(evaluator);
  for (std::string line; std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    Json json;
    try {
      json = answer(parse_question(line, ledger, experiment.scenario().train_seeds), ledger, goal);
    } catch (const InputError& error) {
      json = {{"id", id_of(line)}, {"error", error.what()}};
    }
    std::cout << json_text(json) << std::endl;
    if (!std::cout) return 0;  // nobody reads any more; the caller says so
  }
  return 0;
}

}  // namespace switchyard
