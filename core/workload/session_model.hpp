// A trace with prompts in common boiled down to figures: the prefixes that many share, how long requests are that go on
// with nothing, and a sample of those that go on with each other. README.md has the method and how close it comes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/input/json_file.hpp"
#include "core/workload/trace_model.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

class SessionModel {
 public:
  static constexpr std::string_view kFormat = "switchyard session model 1";

  // A stretch of blocks that many sessions begin with, after those of `parent` (-1: after nothing).
  struct Prefix {
    std::int32_t parent = -1;
    std::int32_t blocks = 0;   // of its own
    std::int32_t singles = 0;  // requests that go on with nothing else, and with which nothing goes on
  };

  struct Turn {
    std::int32_t waits_for = -1;  // an earlier turn of the session; -1: none
    double after_s = 0;           // time to think; where that is not known, between the two arrivals
    std::int32_t goes_on_with = -1;
    std::int32_t blocks = 0;  // in common with that one
    std::int32_t prompt = 0, output = 0;
  };
  struct Session {
    std::int32_t weight = 1;  // sessions of the trace that it stands for
    double begins_at_s = 0;
    std::int32_t prefix = -1;
    std::vector<Turn> turns;
  };

  // Which tokens of a request are named.
  enum class Named : std::uint8_t { prompt, whole_blocks_of_prompt, whole_blocks };

  static bool is_model(const JsonFile& json);

  SessionModel() = default;
  explicit SessionModel(const JsonFile& json);  // throws InputError, by line and column

  std::string json() const;

  struct Rows {
    std::vector<RawRequest> rows;
    TraceContent content;
  };
  // The same ones each time; about as many as the trace has.
  Rows rows() const;

  std::string derived_from;
  std::int32_t hash_id_tokens = 16;
  Named named = Named::prompt;
  TraceSessions meaning;
  bool linked = false;  // later turns are known as such; false: they are inferred from what prompts have in common
  double duration_s = 0;
  std::vector<Prefix> prefixes;  // each after its parent
  // A trace model of the requests that go on with nothing, their prompts without the prefix; empty: there are none.
  std::string singles;
  std::vector<Session> sessions;
};

}  // namespace switchyard
