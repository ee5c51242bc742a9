#include "core/workload/session_draw.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "core/input/error.hpp"
#include "core/workload/generators.hpp"
#include "core/workload/random.hpp"

namespace switchyard {

namespace {

class SessionDrawing {
 public:
  SessionDrawing(const WorkloadSpec& spec, const std::vector<RawRequest>& trace, std::uint64_t seed)
      : spec_(spec), trace_(trace), sessions_(sessions_of(trace)), random_(seed, WorkloadRandom::Purpose::sessions) {
    for (Session& session : sessions_) session.resize(num_turns(session));
    std::erase_if(sessions_, [](const Session& session) { return session.empty(); });
    if (sessions_.empty()) {
      throw InputError(
          fmt::format("--prompt-max: is {}; each session of the trace begins with a longer prompt", spec.prompt_max));
    }
    if (seed == 0 || sessions_.size() < 2) {
      end_ = sessions_.size();
    } else if (seed < spec.held_out_from) {
      end_ = sessions_.size() / 2;
    } else {
      begin_ = sessions_.size() / 2;
      end_ = sessions_.size();
    }
  }

  std::vector<RawRequest> draw(const std::vector<double>& begin_at_s) && {
    for (std::int32_t i = 0; i < spec_.sessions_at_start; ++i) add_under_way();
    for (const double at : begin_at_s) add(next(), 0, at, true);
    sort_by_arrival(rows_);
    return std::move(rows_);
  }

 private:
  using Session = std::vector<std::int32_t>;

  const Session& next() { return sessions_[begin_ + random_.below(end_ - begin_)]; }
  // A session ends before a prompt that is too long.
  std::size_t num_turns(const Session& session) const {
    std::size_t turns = session.size();
    if (spec_.turns_max > 0) turns = std::min(turns, static_cast<std::size_t>(spec_.turns_max));
    const auto too_long = std::find_if(session.begin(), session.end(), [&](std::int32_t row) {
      return spec_.prompt_max > 0 && trace_[static_cast<std::size_t>(row)].num_prefill_tokens > spec_.prompt_max;
    });
    return std::min(turns, static_cast<std::size_t>(too_long - session.begin()));
  }
  double think(const RawRequest& row) const {
    return spec_.think_max_s > 0 ? std::min(row.think_s, spec_.think_max_s) : row.think_s;
  }

  void add_under_way() {
    const Session& session = next();
    const std::size_t turn = random_.below(session.size());
    const double share = random_.uniform();
    // The first turn has no time to think before it; the next one's stands in.
    const std::size_t of = std::min(std::max<std::size_t>(turn, 1), session.size() - 1);
    add(session, turn, share * think(trace_[static_cast<std::size_t>(session[of])]), false);
  }

  // From a turn on. What waits for a turn that is not taken waits for the one before it that is.
  void add(const Session& session, std::size_t from, double at, bool counted) {
    std::unordered_map<std::int32_t, std::int32_t> places;  // looked up, never gone through
    for (std::size_t i = from; i < session.size(); ++i) {
      RawRequest row = trace_[static_cast<std::size_t>(session[i])];
      places[session[i]] = static_cast<std::int32_t>(rows_.size());
      if (i == from) {
        row.parent = -1;
        row.think_s = 0;
        row.arrived_at_s = at;
      } else {
        const auto parent = places.find(row.parent);
        row.parent = parent == places.end() ? static_cast<std::int32_t>(rows_.size()) - 1 : parent->second;
        row.think_s = think(row);
        row.arrived_at_s = rows_[static_cast<std::size_t>(row.parent)].arrived_at_s + row.think_s;
      }
      row.session = num_drawn_;
      row.counted = counted;
      rows_.push_back(row);
    }
    ++num_drawn_;
  }

  const WorkloadSpec& spec_;
  const std::vector<RawRequest>& trace_;
  std::vector<Session> sessions_;
  WorkloadRandom random_;
  std::size_t begin_ = 0, end_ = 0;
  std::vector<RawRequest> rows_;
  std::int32_t num_drawn_ = 0;
};

}  // namespace

std::vector<std::vector<std::int32_t>> sessions_of(const std::vector<RawRequest>& rows) {
  std::vector<std::vector<std::int32_t>> sessions;
  std::unordered_map<std::int32_t, std::size_t> places;  // looked up, never gone through
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::size_t place = sessions.size();
    if (rows[i].session >= 0) place = places.try_emplace(rows[i].session, place).first->second;
    if (place == sessions.size()) sessions.emplace_back();
    sessions[place].push_back(static_cast<std::int32_t>(i));
  }
  return sessions;
}

std::vector<RawRequest> draw_sessions(const WorkloadSpec& spec, const std::vector<RawRequest>& trace,
                                      std::uint64_t seed, const std::vector<double>& begin_at_s) {
  return SessionDrawing(spec, trace, seed).draw(begin_at_s);
}

}  // namespace switchyard
