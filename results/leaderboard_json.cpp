// leaderboard.json: one table of keys, from which writing, reading and the schema derive.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "core/input/error.hpp"
#include "core/input/json_file.hpp"
#include "core/input/json_text.hpp"
#include "results/leaderboard.hpp"
#include "results/schema_parts.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 3;

template <class Record>
struct Key {
  using Member = std::variant<std::string Record::*, bool Record::*, int Record::*, std::optional<int> Record::*,
                              Spread Record::*, std::vector<double> Record::*, Summary Record::*>;
  const char* name;
  const char* doc;
  Member member;
  bool later = false;  // older files of this version do not have it
};

const std::vector<Key<Leaderboard>>& head_keys() {
  using L = Leaderboard;
  static const std::vector<Key<L>> keys = {
      {"scenario", "name of the scenario", &L::scenario},
      {"workload", "where the workload comes from", &L::workload},
      {"cost", "where batch times come from", &L::cost},
      {"digest", "of what decides the results: kernel number, cluster options, batch times, workload rows", &L::digest,
       true},
      {"objective", "what ranks: a figure of core/metrics/README.md, or goodput with its limits", &L::objective},
      {"higher_is_better", "direction of the objective", &L::higher_is_better},
      {"constraints", "limits on means over seeds, comma between; or empty", &L::constraints},
      {"train_seeds", "seeds that settings were chosen by; empty: nothing was tuned", &L::train_seeds},
      {"held_out_seeds", "seeds that rank", &L::held_out_seeds},
      {"reproducible", "false: the search's budget was wall time", &L::reproducible},
      {"intervals", "how intervals are made", &L::intervals},
      {"interference_free_by_seed", "by held-out seed: mean end-to-end time were each request alone, s",
       &L::interference_free_by_seed},
      {"interference_free_e2e_s", "its mean: a bound that no policy can reach", &L::interference_free},
      {"lor_by_seed", "objective of lor by held-out seed", &L::lor_by_seed},
      {"llq_by_seed", "objective of llq by held-out seed", &L::llq_by_seed},
      {"llq_training_by_seed", "objective of llq by training seed", &L::llq_training_by_seed},
  };
  return keys;
}

const std::vector<Key<LeaderboardRow>>& row_keys() {
  using R = LeaderboardRow;
  static const std::vector<Key<R>> keys = {
      {"rank", "from 1, by the objective on held-out seeds; 0: not ranked", &R::rank},
      {"policy", "canonical spec", &R::policy},
      {"is_default", "the policy's default setting", &R::is_default},
      {"clairvoyant", "knows output lengths: a reference, not ranked, never deployable", &R::clairvoyant},
      {"failure", "why it failed, or empty; then no figure holds", &R::failure},
      {"infeasible", "the constraints that it breaks on held-out seeds, or empty", &R::infeasible},
      {"training", "objective over training seeds", &R::training},
      {"held_out", "objective over held-out seeds", &R::held_out},
      {"change_against_lor", "relative change of the objective on held-out seeds, paired", &R::change_against_lor},
      {"change_against_llq", "the same against llq", &R::change_against_llq},
      {"simultaneous_against_llq", "the same, with an interval that holds for all rows together",
       &R::simultaneous_against_llq},
      {"optimism", "change against llq on held-out seeds less that on training seeds", &R::optimism},
      {"gap_closed", "share of the gap from llq to the interference-free bound; null unless mean_e2e_s ranks",
       &R::gap_closed},
      {"not_distinguishable_from_rank",
       "best rank whose difference the paired test does not show; 0: none; null: too few seeds for a verdict",
       &R::not_distinguishable_from},
      {"training_by_seed", "objective by training seed", &R::training_by_seed},
      {"held_out_by_seed", "objective by held-out seed", &R::held_out_by_seed},
      {"metrics", "means over held-out seeds of each figure", &R::metrics},
  };
  return keys;
}

Json to_json(const std::string& text) { return text; }
Json to_json(bool value) { return value; }
Json to_json(int value) { return value; }
Json to_json(const std::vector<double>& values) { return values; }
Json to_json(const std::optional<int>& value) { return value ? Json(*value) : Json(nullptr); }
Json to_json(const Spread& spread) { return schema::spread_json(spread); }
Json to_json(const Summary& summary) {
  Json json;
  for (const SummaryField& field : summary_fields()) {
    if (field.whole()) {
      json[field.name] = static_cast<std::int64_t>(field.get(summary));
    } else {
      json[field.name] = field.get(summary);
    }
  }
  return json;
}

template <class T>
void from_json(const nlohmann::json& json, T& value) {
  value = json.get<T>();
}
void from_json(const nlohmann::json& json, std::optional<int>& value) {
  value = json.is_null() ? std::nullopt : std::optional(json.get<int>());
}
void from_json(const nlohmann::json& json, Spread& spread) {
  const auto read = [&](const char* key, double& figure) {
    if (!json.at(key).is_null()) figure = json.at(key);
  };
  spread = {};
  read("value", spread.value);
  read("low", spread.low);
  read("high", spread.high);
}
void from_json(const nlohmann::json& json, Summary& summary) {
  for (const SummaryField& field : summary_fields()) {
    if (field.is_new && !json.contains(field.name)) {
      field.set(summary, 0.0);
      continue;
    }
    const nlohmann::json& figure = json.at(field.name);
    field.set(summary, figure.is_null() && field.may_be_absent() ? kAbsent : figure.get<double>());
  }
}

template <class Record>
Json write(const Record& record, const std::vector<Key<Record>>& keys, Json json = Json::object()) {
  for (const auto& key : keys) {
    std::visit([&](auto member) { json[key.name] = to_json(record.*member); }, key.member);
  }
  return json;
}

template <class Record>
Record read(const nlohmann::json& json, const std::vector<Key<Record>>& keys) {
  Record record;
  for (const auto& key : keys) {
    if (key.later && !json.contains(key.name)) continue;
    std::visit([&](auto member) { from_json(json.at(key.name), record.*member); }, key.member);
  }
  return record;
}

Json number() { return {{"type", "number"}}; }

Json type_of(std::string*) { return {{"type", "string"}}; }
Json type_of(bool*) { return {{"type", "boolean"}}; }
Json type_of(int*) { return {{"type", "integer"}, {"minimum", 0}}; }
Json type_of(std::vector<double>*) { return {{"type", "array"}, {"items", number()}}; }
Json type_of(std::optional<int>*) { return {{"type", {"integer", "null"}}, {"minimum", 0}}; }
Json type_of(Spread*) {
  Json schema = schema::spread("");
  schema.erase("description");
  return schema;
}
Json type_of(Summary*) {
  Json schema = {{"type", "object"}, {"additionalProperties", false}};
  for (const SummaryField& field : summary_fields()) {
    schema["required"].push_back(field.name);
    schema["properties"][field.name] = schema::figure(field);
  }
  return schema;
}

template <class Record>
void add_properties(Json& schema, const std::vector<Key<Record>>& keys) {
  schema["type"] = "object";
  schema["additionalProperties"] = false;
  for (const auto& key : keys) {
    Json entry = {{"description", key.doc}};
    std::visit(
        [&](auto member) {
          static Record record;
          entry.update(type_of(&(record.*member)));
        },
        key.member);
    if (!key.later) schema["required"].push_back(key.name);
    schema["properties"][key.name] = std::move(entry);
  }
}

}  // namespace

std::string leaderboard_json(const Leaderboard& leaderboard) {
  Json json = write(leaderboard, head_keys(), {{"version", kVersion}});
  json["rows"] = Json::array();
  for (const LeaderboardRow& row : leaderboard.rows) json["rows"].push_back(write(row, row_keys()));
  return json_text(json, 2) + "\n";
}

std::string leaderboard_schema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "switchyard leaderboard"},
                 {"required", {"version", "rows"}},
                 {"properties", {{"version", {{"const", kVersion}}}}}};
  add_properties(schema, head_keys());
  Json row;
  add_properties(row, row_keys());
  schema["properties"]["rows"] = {
      {"description", "by rank; clairvoyant ones where their figure puts them, failed last"},
      {"type", "array"},
      {"items", std::move(row)}};
  return json_text(schema, 2) + "\n";
}

Leaderboard load_leaderboard(const std::filesystem::path& folder) {
  const JsonFile file(folder / "leaderboard.json");
  try {
    const auto& json = file.root();
    if (json.at("version") != kVersion) {
      throw InputError(fmt::format("{}: version {} of the leaderboard; this program reads version {}", file.name(),
                                   json_text(json.at("version")), kVersion));
    }
    Leaderboard leaderboard = read(json, head_keys());
    for (const auto& entry : json.at("rows")) leaderboard.rows.push_back(read(entry, row_keys()));
    return leaderboard;
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: not a leaderboard of this tool: {}", file.name(), error.what()));
  }
}

}  // namespace switchyard
