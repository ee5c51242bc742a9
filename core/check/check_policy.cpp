#include "core/check/check_policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <utility>

#include "core/check/trial_cluster.hpp"
#include "core/clairvoyant/clairvoyant.hpp"
#include "core/cluster/simulation.hpp"

namespace switchyard {

namespace {

class Battery {
 public:
  Battery(const PolicyInfo& policy, const ParamValues& values) : policy_(policy), values_(values) {}

  std::vector<std::string> run(int rounds) {
    check_mark();
    for (int round = 0; round < rounds; ++round) {
      round_ = round;
      if (cluster_.config(round).is_split() && !policy_.knows_roles) continue;  // refused there
      check_round();
    }
    return std::move(faults_);
  }

 private:
  static constexpr std::size_t kSessions = 4;

  // Each kind of fault is told once, where it is first seen.
  void fault(const std::string& kind, const std::string& what) {
    if (!told_.insert(kind).second) return;
    faults_.push_back(fmt::format("{}: {}: {}", policy_.spec(values_), kind, what));
  }
  const char* end_kind() const {
    const ClusterConfig& config = cluster_.config(round_);
    return config.is_split() ? "apart" : config.operations.are_none() ? "end" : "operated";
  }
  std::string place() const { return fmt::format("round {} ({})", round_, TrialCluster::engine_text(round_)); }

  void check_mark() {
    const auto made = policy_.make(values_);
    const bool knows = dynamic_cast<const Clairvoyant*>(made.get()) != nullptr;
    if (knows == policy_.clairvoyant) return;
    fault("mark", knows ? "it inherits Clairvoyant, so that it is shown output lengths, and does not say so"
                        : "it says that it knows output lengths, and does not inherit Clairvoyant");
  }

  // Nothing if the run does not end; then that is a fault.
  template <class Routed>  // RoutedBy, or a policy object for one router
  std::optional<Replay> replay(const Workload& workload, Routed& policy, Kernel kernel = Kernel::step) {
    try {
      return Simulation(kernel).run(cluster_.config(round_), workload, policy, seed());
    } catch (const std::exception& error) {
      fault(end_kind(), fmt::format("{}: {}", place(), error.what()));
      return std::nullopt;
    }
  }
  std::optional<Replay> replay(const Workload& workload, Kernel kernel = Kernel::step) {
    const RoutedBy made = routed_by(policy_, values_);
    return replay(workload, made, kernel);
  }
  std::uint64_t seed() const { return static_cast<std::uint64_t>(round_) + 1; }

  void check_round() {
    const std::vector<RawRequest> rows = TrialCluster::rows(seed());
    const Workload workload = make_workload("trial", rows);
    const std::optional<Replay> first = replay(workload);
    if (!first) return;
    check_served(workload, *first);
    check_signals(*first);
    check_repeats(workload, *first);
    if (!policy_.clairvoyant) {
      check_future(rows, *first);
      check_lengths(rows, *first);
      check_turns(rows);
    }
  }

  void check_served(const Workload& workload, const Replay& replay) {
    for (std::size_t i = 0; i < workload.size(); ++i) {
      const RequestRecord& record = replay.requests[i];
      if (!record.failed && record.replica >= 0 && record.assigned_at >= record.arrived_at &&
          record.completed_at > record.assigned_at) {
        continue;
      }
      fault(end_kind(), fmt::format("{}: request {} is not served after its arrival", place(), i));
    }
  }

  // Counts are read without the kernel's knowledge.
  void check_signals(const Replay& replay) {
    if (policy_.signals.empty()) return;
    for (int i = 0; i < kNumSignals; ++i) {
      const auto signal = static_cast<Signal>(i);
      const bool named = std::count(policy_.signals.begin(), policy_.signals.end(), signal) > 0;
      if ((replay.signals_read >> i & 1) == 0 || named) continue;
      fault("signals", fmt::format("{}: it reads {}, which it does not name", place(), signal_name(signal)));
    }
  }

  void check_repeats(const Workload& workload, const Replay& first) {
    const auto compare = [&](const std::optional<Replay>& other, const char* kind, const char* what) {
      if (!other) return;
      const std::size_t at = first_difference(first, *other, kNever);
      if (at < workload.size()) fault(kind, fmt::format("{}: {}; request {} differs", place(), what, at));
    };
    compare(replay(workload), "deterministic", "a second run of the same workload is another one");
    compare(replay(workload, Kernel::leap), "kernels", "the leap kernel's run is not the step kernel's");
    if (!reads_snapshots(policy_)) {
      RoutedBy shown = routed_by(policy_, values_);
      shown.reads_snapshots = true;
      compare(replay(workload, shown), "signals", "it reads counts of waiting requests, which it does not name");
    }
    if (told_.contains("signals")) return;  // what follows shows it all that it may read
    if (cluster_.config(round_).routers.count > 1) return;
    const auto used = policy_.make(values_);
    std::vector<RawRequest> before = TrialCluster::rows(seed() + 1'000'000);
    before.resize(before.size() - 7);  // no multiple of a number of replicas, so that whose turn it is shows
    if (!replay(make_workload("before", before), *used)) return;
    compare(replay(workload, *used), "start", "it remembers an earlier run, which start() must forget");
  }

  void check_future(const std::vector<RawRequest>& rows, const Replay& first) {
    const std::size_t kept = rows.size() / 2 + static_cast<std::size_t>(round_) % 7;
    const Time cut_at = ticks_from_seconds(rows[kept].arrived_at_s);
    const Workload early = make_workload("early", {rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(kept)});
    const std::optional<Replay> cut = replay(early);
    if (!cut) return;
    const std::size_t at = first_difference(*cut, first, cut_at);
    if (at >= kept) return;
    fault("future", fmt::format("{}: request {} goes elsewhere or at another time if nothing arrives from {:.6f} s on",
                                place(), at, seconds_from_ticks(cut_at)));
  }

  void check_lengths(std::vector<RawRequest> rows, const Replay& first) {
    const std::size_t changed = rows.size() / 3 + static_cast<std::size_t>(round_) % (rows.size() / 3);
    rows[changed].num_decode_tokens = TrialCluster::kMostOutputs + 1 - rows[changed].num_decode_tokens;
    const std::optional<Replay> other = replay(make_workload("other length", rows));
    if (!other) return;
    // What its replica publishes may tell as soon as the last token is on its way.
    const Time seen = std::min(first.requests[changed].completed_at, other->requests[changed].completed_at) -
                      cluster_.config(round_).routers.response;
    const std::size_t at = first_difference(first, *other, seen);
    if (at >= rows.size()) return;
    fault("lengths", fmt::format("{}: another output length of request {} changes what becomes of request {} before "
                                 "{:.6f} s, when it completes",
                                 place(), changed, at, seconds_from_ticks(seen)));
  }

  // Sessions of three turns, each of which waits for the one before; then without the last turn of one.
  void check_turns(std::vector<RawRequest> rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      rows[i].session = static_cast<std::int32_t>(i % kSessions);
      if (i % (3 * kSessions) < kSessions) continue;
      rows[i].parent = static_cast<std::int32_t>(i - kSessions);
      rows[i].think_s = 0.02 * static_cast<double>(i % 5);
    }
    const std::optional<Replay> all = replay(make_workload("sessions", rows));
    rows.pop_back();
    const std::optional<Replay> fewer = replay(make_workload("fewer turns", rows));
    if (!all || !fewer) return;
    const std::size_t at = first_difference(*fewer, *all, all->requests.back().arrived_at);
    if (at >= rows.size()) return;
    fault("future", fmt::format("{}: request {} goes elsewhere or at another time if a session has no further turn",
                                place(), at));
  }

  // Where a request decodes, of one that was handed over, and when that was settled.
  static const HandOff* hand_off_of(const Replay& replay, std::size_t row) {
    const auto found = std::lower_bound(replay.hand_offs.begin(), replay.hand_offs.end(), row,
                                        [](const HandOff& a, std::size_t b) { return std::size_t(a.row) < b; });
    return found == replay.hand_offs.end() || std::size_t(found->row) != row ? nullptr : &*found;
  }

  // The first request of `a` that the two runs treat differently before `until`; their number if there is none. Of one
  // that came back from a replica that failed, its last try is known: two runs in which that was not the same try are
  // not compared.
  static std::size_t first_difference(const Replay& a, const Replay& b, Time until) {
    for (std::size_t i = 0; i < a.requests.size(); ++i) {
      const RequestRecord &x = a.requests[i], &y = b.requests[i];
      if (x.num_retries != y.num_retries && until < kNever) continue;
      const HandOff *from_a = hand_off_of(a, i), *from_b = hand_off_of(b, i);
      const std::int32_t place_in_a = from_a ? from_a->prefill_replica : x.replica;
      const std::int32_t place_in_b = from_b ? from_b->prefill_replica : y.replica;
      const bool placed = std::min(x.assigned_at, y.assigned_at) < until;
      const bool completed = std::min(x.completed_at, y.completed_at) < until;
      if (placed && (x.assigned_at != y.assigned_at || place_in_a != place_in_b)) return i;
      if (from_a && from_b && std::min(from_a->assigned_at, from_b->assigned_at) < until &&
          (from_a->assigned_at != from_b->assigned_at || from_a->decode_replica != from_b->decode_replica)) {
        return i;
      }
      if (completed && (x.completed_at != y.completed_at || x.num_restarts != y.num_restarts || x.failed != y.failed ||
                        x.num_retries != y.num_retries)) {
        return i;
      }
    }
    return a.requests.size();
  }

  const PolicyInfo& policy_;
  const ParamValues& values_;
  const TrialCluster cluster_;
  int round_ = 0;
  std::set<std::string> told_;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> check_policy(const PolicyInfo& policy, int rounds) {
  return check_policy(policy, default_values(policy.params), rounds);
}

std::vector<std::string> check_policy(const PolicyInfo& policy, const ParamValues& values, int rounds) {
  return Battery(policy, values).run(rounds);
}

}  // namespace switchyard
