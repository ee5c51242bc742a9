#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "core/input/error.hpp"
#include "core/input/json_file.hpp"
#include "core/input/json_text.hpp"
#include "search/cli/command.hpp"
#include "search/cli/search_flags.hpp"
#include "search/ledger.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

struct Question {
  std::size_t trial = 0;
  SeedRange seeds;
};

// Throws InputError that says what is wrong with the line.
Question parse_question(const JsonFile& line, Ledger& ledger, const SeedRange& default_seeds) {
  const auto& json = line.root();
  if (!json.is_object()) throw InputError("a question is an object, as {\"policy\": \"llq\"}");
  Question question;
  question.seeds = default_seeds;
  bool has_policy = false;
  for (const auto& [key, value] : json.items()) {
    if (key == "id") continue;
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

Json answer(const Question& question, Ledger& ledger, const Goal& goal) {
  ledger.subject().scenario.check_half(question.seeds, "seeds");
  const std::vector<std::uint64_t> seeds = question.seeds.seeds();
  ledger.run({question.trial}, seeds);
  Json json = {{"policy", ledger.policy(question.trial).text()}, {"seeds", format_seed_range(question.seeds)}};
  const std::string failure = ledger.failure(question.trial, seeds);
  if (!failure.empty()) {
    json["failure"] = failure;
    return json;
  }
  const std::vector<Summary> summaries = ledger.summaries(question.trial, seeds);
  const Summary mean = mean_of(summaries);
  json["objective"] = goal.objective.of(mean);
  for (const Summary& summary : summaries) json["by_seed"].push_back(goal.objective.of(summary));
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
  declare_threads(options).scenario_flags({"seed", "held-out-seeds"});
  return options;
}

int command_evaluate(const Options& options) {
  const Goal goal = goal_from(options);
  const Experiment experiment(options.scenario());
  ThreadEvaluator evaluator(experiment, goal.objective.limits, threads_from(options));
  Ledger ledger(experiment, goal.objective.limits, evaluator);
  std::size_t number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    ++number;
    const std::string id = member_text(line, "id");
    Json json;
    try {
      const JsonFile question(fmt::format("question {}", number), line);
      json = answer(parse_question(question, ledger, experiment.scenario().train_seeds), ledger, goal);
    } catch (const InputError& error) {
      json = {{"error", error.what()}};
    }
    // The id goes back byte for byte: parsed and written again, 1.0e2 would be 100.
    std::cout << "{\"id\":" << (id.empty() ? "null" : id) << "," << json_text(json).substr(1) << std::endl;
    if (!std::cout) return 0;  // nobody reads any more; the caller says so
  }
  return 0;
}

}  // namespace switchyard
