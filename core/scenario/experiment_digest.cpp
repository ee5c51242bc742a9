// What goes into the digest of an experiment. Who adds something that decides results adds it here.
#include <algorithm>
#include <limits>

#include "core/cluster/kernel_number.hpp"
#include "core/input/content_hash.hpp"
#include "core/input/error.hpp"
#include "core/input/json_text.hpp"
#include "core/scenario/experiment.hpp"
#include "core/scenario/fields.hpp"
#include "core/workload/known_traces.hpp"

namespace switchyard {

namespace {

// The workload of this seed shows that the same generator ran on the same trace. It is the cheapest there is: most
// searches train on it.
constexpr std::uint64_t kSampleSeed = 1;

// A trace too sparse to be redrawn can be replayed as it is, and then says all there is to say.
WorkloadRows sample_of(const WorkloadSpec& spec, const TraceRows* trace, std::int32_t longest) {
  try {
    return make_rows(spec, trace, kSampleSeed, longest);
  } catch (const InputError&) {
    if (!trace) throw;
    return make_rows(spec, trace, 0, longest);
  }
}

// Fields that say where data lie, not what they are: the data themselves are hashed.
bool is_source(const ScenarioField& field) { return field.kind == FieldKind::text && field.section != "operations"; }

// Fields that act through the KV capacity alone.
bool plans_memory(const ScenarioField& field) {
  return field.key == "num_blocks" || field.key == "num_gpu_blocks" || field.key == "gpu_memory_gib" ||
         field.key == "memory_margin";
}

// Which seeds are run is not part of an experiment, but for where it decides the load of each.
bool belongs(const ScenarioField& field, const Scenario& scenario) {
  if (field.section == "seeds") {
    return scenario.train_overload > 0 &&
           (field.key == "train_overload" || field.key == "train_seeds" || field.key == "validation_seeds");
  }
  if (!field.hashed_at_default && field.get(scenario) == field.get(Scenario{})) return false;
  return !is_source(field) && !plans_memory(field) && is_written(field, scenario) &&
         field.engines.has(scenario.replica_scheduler) && field.matters(scenario);
}

// Groups without what their fields in files stand for: sources and planned memory.
nlohmann::json hashed_groups(nlohmann::json groups) {
  for (nlohmann::json& group : groups) {
    for (const ScenarioField& field : scenario_fields()) {
      if (is_source(field) || plans_memory(field)) group.erase(field.key);
    }
  }
  return groups;
}

std::string cluster_part(const Scenario& scenario, const ClusterConfig& cluster) {
  ContentHash hash;
  for (const ScenarioField& field : scenario_fields()) {
    if (!belongs(field, scenario)) continue;
    // A number is the same number however it is written: 2 and 2.0.
    const bool groups = field.kind == FieldKind::groups;
    const nlohmann::json value = groups ? hashed_groups(field.get(scenario)) : field.get(scenario);
    hash.add(field.section).add(field.key);
    if (value.is_string()) {
      hash.add(value.get<std::string>());
    } else if (field.kind == FieldKind::integer || field.kind == FieldKind::real) {
      hash.add(value.get<double>() + 0.0);
    } else {
      hash.add(json_text(value));
    }
  }
  for (const ReplicaKind& kind : cluster.kinds) {
    hash.add(std::int64_t{kind.limits().num_blocks}).add(std::int64_t{kind.limits().max_tokens});
  }
  return hash.hex();
}

void add_cost(ContentHash& hash, const CostModel& cost) {
  if (const StepTimes* steps = cost.steps()) hash.add(steps->kind()).add(steps->json());
  const CostTables& tables = cost.tables();
  for (const std::int32_t size : {tables.max_tokens, tables.max_decodes, tables.max_decode_kv_steps,
                                  tables.max_prefill_kv_steps, tables.max_chunk, tables.covered_tokens}) {
    hash.add(std::int64_t{size});
  }
  for (const std::vector<double>* part : {&tables.tokens, &tables.decode, &tables.prefill}) {
    hash.add(std::span<const double>(*part));
  }
  hash.add(std::span<const std::int32_t>(tables.decode_covered));
  hash.add(std::span<const std::int32_t>(tables.prefill_covered));
  hash.add(tables.prefill_many_factor);
}

std::string cost_part(const ClusterConfig& cluster) {
  ContentHash hash;
  for (const ReplicaKind& kind : cluster.kinds) add_cost(hash, kind.cost());
  return hash.hex();
}

void add_rows(ContentHash& hash, const std::vector<RawRequest>& rows) {
  static_assert(sizeof(RawRequest) == 48, "a new member of RawRequest goes into the digest too");
  std::vector<double> arrivals;
  std::vector<std::int32_t> numbers;
  for (const RawRequest& row : rows) {
    arrivals.push_back(row.arrived_at_s);
    numbers.insert(numbers.end(), {row.num_prefill_tokens, row.num_decode_tokens, row.content, row.num_hashed_tokens});
  }
  hash.add(std::span<const double>(arrivals)).add(std::span<const std::int32_t>(numbers));
  const bool sessions = std::any_of(rows.begin(), rows.end(), [](const RawRequest& row) {
    return row != RawRequest{row.arrived_at_s, row.num_prefill_tokens, row.num_decode_tokens, row.content,
                             row.num_hashed_tokens};
  });
  if (!sessions) return;
  arrivals.clear();
  numbers.clear();
  for (const RawRequest& row : rows) {
    arrivals.push_back(row.think_s);
    numbers.insert(numbers.end(), {row.parent, row.session, row.counted ? 1 : 0});
  }
  hash.add(std::span<const double>(arrivals)).add(std::span<const std::int32_t>(numbers));
}

// What the rows of a trace hold, where it says so: names are numbers that the ids alone decide.
void add_content(ContentHash& hash, const TraceContent& content) {
  std::vector<std::uint32_t> runs;
  for (std::size_t row = 0; row < content.ids.num_rows(); ++row) {
    for (const auto& run : content.ids.runs(static_cast<std::int32_t>(row))) {
      runs.insert(runs.end(), {run.first, run.count});
    }
    runs.push_back(UINT32_MAX);  // ends a row
  }
  hash.add(std::span<const std::uint32_t>(runs)).add(std::int64_t{content.hash_id_tokens});
}

std::string workload_part(const Scenario& scenario, const TraceRows* trace, std::int32_t context) {
  ContentHash hash;
  if (trace) {
    add_rows(hash, trace->rows);
    add_content(hash, trace->content);
  }
  const bool cut = scenario.long_requests_rule() == LongRequests::cut;
  const std::int32_t longest = cut ? context : std::numeric_limits<std::int32_t>::max();
  const WorkloadRows sample = sample_of(scenario.workload, trace, longest);
  add_rows(hash, sample.rows);
  if (sample.content) add_content(hash, *sample.content);
  return hash.hex();
}

}  // namespace

const Digest& Experiment::digest() const {
  std::call_once(digest_made_, [this] {
    digest_ = {.kernel = kKernelNumber,
               .cluster = cluster_part(scenario_, cluster_),
               .cost = cost_part(cluster_),
               .workload = workload_part(scenario_, trace_.get(), largest_.max_tokens)};
  });
  return digest_;
}

}  // namespace switchyard
