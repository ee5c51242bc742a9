#include "core/workload/generators.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/input/error.hpp"
#include "core/workload/arrivals.hpp"
#include "core/workload/lengths.hpp"
#include "core/workload/popularity.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

namespace {

constexpr std::int32_t kNamedTokens = 16;  // that a name stands for
constexpr double kMostPromptTokens = 1e7;  // of one prompt
constexpr std::size_t kMostGenerated = 100'000'000;

double drawn_lognormal(WorkloadRandom& random, double median, double sigma) {
  return median * std::exp(sigma * random.normal());
}

std::int32_t whole_tokens(double tokens, double least, double most) {
  return static_cast<std::int32_t>(std::floor(std::clamp(tokens, least, most) + 0.5));
}

// An exponential of this mean, rounded down.
std::int32_t rounded_down(WorkloadRandom& random, double mean) {
  return static_cast<std::int32_t>(std::min(std::floor(mean * random.exponential()), 1e6));
}

// The system prompts, the most popular first.
class SystemPrompts {
 public:
  SystemPrompts(const WorkloadSpec& spec, std::uint64_t seed) : popularity_(spec.num_prefixes, spec.prefix_zipf) {
    if (spec.prefix_max < spec.prefix_min) {
      throw InputError(fmt::format("--prefix-max: is {}; it must be at least --prefix-min, which is {}",
                                   spec.prefix_max, spec.prefix_min));
    }
    WorkloadRandom random(seed, WorkloadRandom::Purpose::prefixes);
    for (std::int32_t i = 0; i < spec.num_prefixes; ++i) {
      const double even = spec.prefix_min + static_cast<double>(i) * (spec.prefix_max - spec.prefix_min) /
                                                std::max(1, spec.num_prefixes - 1);
      const double tokens = spec.prefix_lengths == PrefixLengths::even
                                ? even
                                : drawn_lognormal(random, spec.prefix_median, spec.prefix_sigma);
      tokens_.push_back(whole_tokens(tokens, spec.prefix_min, spec.prefix_max));
      first_names_.push_back(num_names_);
      num_names_ += static_cast<std::uint32_t>(num_blocks(i));
    }
  }

  std::int32_t draw(WorkloadRandom& random) const { return popularity_.draw(random); }
  std::int32_t tokens(std::int32_t prefix) const { return tokens_[static_cast<std::size_t>(prefix)]; }
  // What is whole blocks of it: the tokens after that share a block with what follows.
  std::int32_t num_blocks(std::int32_t prefix) const { return tokens(prefix) / kNamedTokens; }
  HashIds::Run run(std::int32_t prefix) const {
    return {first_names_[static_cast<std::size_t>(prefix)], static_cast<std::uint32_t>(num_blocks(prefix))};
  }
  std::uint32_t num_names() const { return num_names_; }

 private:
  Popularity popularity_;
  std::vector<std::int32_t> tokens_;
  std::vector<std::uint32_t> first_names_;
  std::uint32_t num_names_ = 0;
};

// What a session goes through before lengths are drawn. Its requests are steps: a user's turn, or a call of a tool.
struct SessionStep {
  bool tool = false;
  double think_s = 0;  // before it
};
struct PlannedSession {
  double begins_at_s = 0;
  std::int32_t prefix = 0;
  double document_tokens = 0;
  std::size_t first_step = 0;  // of all sessions' steps: [first_step, first_step + num_steps)
  std::size_t num_steps = 0;
  std::size_t skipped = 0;  // steps that were over before the workload begins
  bool counted = true;
};

// Of each row what its user adds to the prompt, and its output.
void draw_parts(const WorkloadSpec& spec, std::uint64_t seed, const std::vector<RawRequest>* trace,
                std::vector<RawRequest>& rows) {
  if (spec.lengths != LengthKind::resample) return draw_lengths(spec, seed, rows);
  WorkloadRandom random(seed, WorkloadRandom::Purpose::lengths);
  for (RawRequest& row : rows) {
    const RawRequest& drawn = (*trace)[random.below(trace->size())];
    row.num_prefill_tokens = drawn.num_prefill_tokens;
    row.num_decode_tokens = drawn.num_decode_tokens;
  }
}

class SessionMaker {
 public:
  SessionMaker(const WorkloadSpec& spec, std::uint64_t seed, const std::vector<RawRequest>* trace)
      : spec_(spec),
        seed_(seed),
        trace_(trace),
        prefixes_(spec, seed),
        random_(seed, WorkloadRandom::Purpose::sessions),
        next_name_(prefixes_.num_names()) {}

  WorkloadRows make() && {
    for (std::int32_t i = 0; i < spec_.sessions_at_start && talks(); ++i) begin_under_way();
    for (const double at : generate_arrivals(spec_, seed_)) begin(at);
    draw_lengths();
    for (std::size_t i = 0; i < sessions_.size(); ++i) write(i);
    sort_by_arrival(rows_);
    WorkloadRows made{.source = "synthetic"};
    made.rows = std::move(rows_);
    content_->hash_id_tokens = kNamedTokens;
    made.content = content_;
    return made;
  }

 private:
  bool talks() const { return spec_.generator != GeneratorKind::tenants; }

  PlannedSession& begin(double at) {
    PlannedSession& session = sessions_.emplace_back();
    session.begins_at_s = at;
    session.prefix = prefixes_.draw(random_);
    session.first_step = steps_.size();
    steps_.push_back({});
    if (talks()) {
      const bool has_document = random_.uniform() < spec_.document_share;
      const double document = drawn_lognormal(random_, spec_.document_median, spec_.document_sigma);
      if (has_document) session.document_tokens = document;
      const std::int32_t further = rounded_down(random_, spec_.further_turns);
      call_tools();
      for (std::int32_t turn = 0; turn < further && !is_full(session); ++turn) {
        steps_.push_back({.think_s = think()});
        call_tools();
      }
    }
    if (spec_.turns_max > 0) {
      steps_.resize(std::min(steps_.size(), session.first_step + static_cast<std::size_t>(spec_.turns_max)));
    }
    session.num_steps = steps_.size() - session.first_step;
    if (steps_.size() > kMostGenerated) {
      throw InputError(fmt::format("--generator: makes more than {} requests", kMostGenerated));
    }
    return session;
  }

  // At a step drawn at random, some way through the time before it.
  void begin_under_way() {
    PlannedSession& session = begin(0);
    session.counted = false;
    session.skipped = random_.below(session.num_steps);
    const double think = session.skipped > 0 ? steps_[session.first_step + session.skipped].think_s : this->think();
    session.begins_at_s = random_.uniform() * think;
  }

  bool is_full(const PlannedSession& session) const {
    return spec_.turns_max > 0 && steps_.size() - session.first_step >= static_cast<std::size_t>(spec_.turns_max);
  }
  double at_most(double think_s) const {
    return spec_.think_max_s > 0 ? std::min(think_s, spec_.think_max_s) : think_s;
  }
  double think() { return at_most(drawn_lognormal(random_, spec_.think_median_s, spec_.think_sigma)); }
  void call_tools() {
    if (spec_.generator != GeneratorKind::agents) return;
    for (std::int32_t calls = rounded_down(random_, spec_.tool_calls); calls > 0; --calls) {
      steps_.push_back({.tool = true,
                        .think_s = at_most(drawn_lognormal(random_, spec_.tool_wait_median_s, spec_.tool_wait_sigma))});
    }
  }

  // Of each step: what it adds to the prompt, and its output.
  void draw_lengths() {
    parts_.resize(steps_.size());
    draw_parts(spec_, seed_, trace_, parts_);
    WorkloadRandom random(seed_, WorkloadRandom::Purpose::tools);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].tool) {
        parts_[i].num_prefill_tokens =
            whole_tokens(drawn_lognormal(random, spec_.tool_median, spec_.tool_sigma), 1, kMostPromptTokens);
      }
      parts_[i].num_decode_tokens = std::max(parts_[i].num_decode_tokens, spec_.output_min);
    }
  }

  void write(std::size_t number) {
    const PlannedSession& session = sessions_[number];
    std::int64_t prompt =
        prefixes_.tokens(session.prefix) + whole_tokens(session.document_tokens, 0, kMostPromptTokens);
    std::int32_t parent = -1;
    double at = session.begins_at_s;
    for (std::size_t i = 0; i < session.num_steps; ++i) {
      const RawRequest& part = parts_[session.first_step + i];
      prompt += part.num_prefill_tokens;
      if (static_cast<double>(prompt) > kMostPromptTokens) break;  // no model reads so much
      if (i >= session.skipped) {
        RawRequest& row = rows_.emplace_back();
        row.num_prefill_tokens = static_cast<std::int32_t>(prompt);
        row.num_decode_tokens = part.num_decode_tokens;
        row.num_hashed_tokens = row.num_prefill_tokens + row.num_decode_tokens;
        row.content = name(session.prefix, row.num_hashed_tokens);
        row.parent = parent;
        row.think_s = parent < 0 ? 0 : steps_[session.first_step + i].think_s;
        row.arrived_at_s = at += row.think_s;
        if (talks()) row.session = static_cast<std::int32_t>(number);
        row.counted = session.counted;
        parent = static_cast<std::int32_t>(rows_.size()) - 1;
      }
      prompt += part.num_decode_tokens;
    }
    // All of a session's prompts are beginnings of its last one.
    next_name_ += static_cast<std::uint32_t>((prompt + kNamedTokens - 1) / kNamedTokens);
  }

  std::int32_t name(std::int32_t prefix, std::int32_t tokens) {
    const HashIds::Run shared = prefixes_.run(prefix);
    const auto blocks = static_cast<std::uint32_t>((tokens + kNamedTokens - 1) / kNamedTokens);
    if (std::uint64_t{next_name_} + blocks > UINT32_MAX) {
      throw InputError("--generator: the workload has more than 4294967295 different blocks");
    }
    const HashIds::Run runs[] = {shared, {next_name_, blocks - shared.count}};
    return content_->ids.add_named(std::span(runs).subspan(shared.count == 0 ? 1 : 0, shared.count == 0 ? 1 : 2));
  }

  const WorkloadSpec& spec_;
  std::uint64_t seed_;
  const std::vector<RawRequest>* trace_;
  SystemPrompts prefixes_;
  WorkloadRandom random_;
  std::vector<PlannedSession> sessions_;
  std::vector<SessionStep> steps_;
  std::vector<RawRequest> parts_;  // by step
  std::vector<RawRequest> rows_;
  std::shared_ptr<TraceContent> content_ = std::make_shared<TraceContent>();
  std::uint32_t next_name_;
};

// System prompt, passages, question. Passages are whole blocks, as serving stacks that cache them pad them, and come in
// order of popularity: whoever retrieves the same ones has the same prompt up to there.
WorkloadRows retrieve(const WorkloadSpec& spec, std::uint64_t seed, const std::vector<RawRequest>* trace) {
  if (spec.passages_per_request > spec.num_passages) {
    throw InputError(fmt::format("--passages-per-request: is {}; the corpus (--num-passages) has {}",
                                 spec.passages_per_request, spec.num_passages));
  }
  const SystemPrompts prefixes(spec, seed);
  WorkloadRandom random(seed, WorkloadRandom::Purpose::sessions);
  std::vector<std::int64_t> first_ids;  // of each passage's blocks, and where the last ends
  std::int64_t next_id = prefixes.num_names();
  WorkloadRandom passage_random(seed, WorkloadRandom::Purpose::tools);
  for (std::int32_t i = 0; i < spec.num_passages; ++i) {
    first_ids.push_back(next_id);
    next_id +=
        (whole_tokens(drawn_lognormal(passage_random, spec.passage_median, spec.passage_sigma), 1, kMostPromptTokens) +
         kNamedTokens - 1) /
        kNamedTokens;
  }
  first_ids.push_back(next_id);
  const Popularity popularity(spec.num_passages, spec.passage_zipf);

  WorkloadRows made{.source = "synthetic"};
  const auto content = std::make_shared<TraceContent>();
  content->hash_id_tokens = kNamedTokens;
  for (const double at : generate_arrivals(spec, seed)) made.rows.push_back({.arrived_at_s = at});
  draw_parts(spec, seed, trace, made.rows);
  std::vector<std::int64_t> ids;
  std::vector<std::int32_t> passages;
  for (RawRequest& row : made.rows) {
    ids.clear();
    passages.clear();
    const std::int32_t prefix = prefixes.draw(random);
    for (std::int32_t i = 0; i < prefixes.num_blocks(prefix); ++i) ids.push_back(prefixes.run(prefix).first + i);
    while (passages.size() < static_cast<std::size_t>(spec.passages_per_request)) {
      const std::int32_t passage = popularity.draw(random);
      if (std::find(passages.begin(), passages.end(), passage) == passages.end()) passages.push_back(passage);
    }
    std::sort(passages.begin(), passages.end());
    for (const std::int32_t passage : passages) {
      const auto i = static_cast<std::size_t>(passage);
      for (std::int64_t id = first_ids[i]; id < first_ids[i + 1]; ++id) ids.push_back(id);
    }
    const std::int64_t shared = std::int64_t{kNamedTokens} * std::ssize(ids);
    row.num_prefill_tokens = whole_tokens(static_cast<double>(shared + row.num_prefill_tokens), 1, kMostPromptTokens);
    row.num_decode_tokens = std::max(row.num_decode_tokens, spec.output_min);
    row.num_hashed_tokens = row.num_prefill_tokens + row.num_decode_tokens;
    while (std::int64_t{kNamedTokens} * std::ssize(ids) < row.num_hashed_tokens) ids.push_back(next_id++);
    row.content = content->ids.add(ids);
  }
  made.content = content;
  return made;
}

void check_generator(const WorkloadSpec& spec) {
  const auto refuse = [](std::string_view flag, std::string_view why) {
    return InputError(fmt::format("--{}: contradicts --generator: {}", flag, why));
  };
  if (!spec.trace.empty() && spec.lengths != LengthKind::resample) {
    throw refuse("workload", "requests are made up; of a trace they can have lengths, by --lengths resample");
  }
  if (spec.inflate_prompt_share > 0 || spec.inflate_output_share > 0) {
    throw refuse(spec.inflate_prompt_share > 0 ? "inflate-prompt-share" : "inflate-output-share",
                 "prompts contain what was said before them, and cannot be inflated");
  }
}

}  // namespace

void sort_by_arrival(std::vector<RawRequest>& rows) {
  std::vector<std::int32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return rows[static_cast<std::size_t>(a)].arrived_at_s < rows[static_cast<std::size_t>(b)].arrived_at_s;
  });
  std::vector<std::int32_t> place(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    place[static_cast<std::size_t>(order[i])] = static_cast<std::int32_t>(i);
  std::vector<RawRequest> sorted;
  sorted.reserve(rows.size());
  for (const std::int32_t i : order) {
    RawRequest& row = sorted.emplace_back(rows[static_cast<std::size_t>(i)]);
    if (row.parent >= 0) row.parent = place[static_cast<std::size_t>(row.parent)];
  }
  rows = std::move(sorted);
}

WorkloadRows generate_requests(const WorkloadSpec& spec, std::uint64_t seed, const std::vector<RawRequest>* trace) {
  check_generator(spec);
  if (spec.generator == GeneratorKind::retrieval) return retrieve(spec, seed, trace);
  return SessionMaker(spec, seed, trace).make();
}

}  // namespace switchyard
