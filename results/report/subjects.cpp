#include "results/report/subjects.hpp"

#include <fmt/format.h>

#include "core/input/error.hpp"
#include "core/scenario/digest.hpp"
#include "core/scenario/fields.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

// What the scenario says of itself, without what names things and without what each result chooses anew.
Json without_names(Json scenario) {
  for (const char* name : {"name", "description"}) scenario.erase(name);
  for (const ScenarioField& field : scenario_fields()) {
    const auto section = scenario.find(field.section);
    if (field.names && section != scenario.end()) section->erase(field.key);
  }
  const auto seeds = scenario.find("seeds");
  if (seeds != scenario.end() && seeds->value("train_overload", 0.0) == 0) scenario.erase("seeds");
  return scenario;
}

}  // namespace

void ReportSubjects::add(const std::string& folder, const Json& scenario, const std::string& digest) {
  const auto mine = parse_digest(digest);
  if (!mine) return;
  Subject subject{folder, without_names(scenario), digest};
  for (const Subject& other : subjects_) {
    const bool other_kernel = parse_digest(other.digest)->kernel != mine->kernel;
    if (other.digest == digest || (!other_kernel && other.scenario != subject.scenario)) continue;
    throw InputError(fmt::format("report: {} and {} cannot be shown together: they differ in {}",
                                 in_quotes(other.folder), in_quotes(folder), digest_difference(other.digest, digest)));
  }
  subjects_.push_back(std::move(subject));
}

}  // namespace switchyard
