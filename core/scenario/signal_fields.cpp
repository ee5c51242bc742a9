// What lies between routers and replicas: how old what routers know is, how many there are, and what the network takes.
// A scenario that names none of it has one router that sees replicas as they are.
#include "core/scenario/field_declaration.hpp"

namespace switchyard {

Fields signal_fields() {
  static_assert(static_cast<int>(SnapshotPhase::aligned) == 1, "the choices below are in the order of the enumerators");
  constexpr double kMost = 3600;
  Fields fields("signals");
  fields
      .real("interval_s", "signal-interval", SWITCHYARD_MEMBER(signal_interval_s), 0, kMost,
            "replicas publish a snapshot of themselves this often, s; 0: it is always the present, or that of "
            "--signal-delay ago")
      .or_word("router", Scenario::kIntervalOfRouter, "what each policy's own router has")
      .real("delay_s", "signal-delay", SWITCHYARD_MEMBER(signal_delay_s), 0, kMost,
            "from a snapshot until routers can read it, s")
      .choice("phase", "signal-phase", SWITCHYARD_MEMBER(signal_phase), {"spread", "aligned"},
              "whether replicas publish one after another, or all together")
      .only_if("--signal-interval is not 0", [](const Scenario& s) { return s.signal_interval_s != 0; })
      .real("kv_delay_s", "kv-delay", SWITCHYARD_MEMBER(kv_delay_s), 0, kMost,
            "from a change of a prefix cache until routers know of it, s")
      .of({EngineKind::vllm_v1}, "age of KV events")
      .only_if("--enable-prefix-caching is on", [](const Scenario& s) { return s.enable_prefix_caching; })
      .left_out_at_defaults();
  return fields;
}

Fields router_fields() {
  static_assert(static_cast<int>(Split::session) == 1, "the choices below are in the order of the enumerators");
  constexpr double kMost = 10;
  Fields fields("routers");
  fields
      .integer("count", "routers", SWITCHYARD_MEMBER(routers), 1, kMostRouters,
               "routers that share the arrivals, each with a policy, a queue and books of its own")
      .choice("split", "split", SWITCHYARD_MEMBER(split), {"round_robin", "session"},
              "how they share them: in turn, or by hash of the session")
      .only_if("--routers is above 1", [](const Scenario& s) { return s.routers > 1; })
      .real("dispatch_s", "dispatch", SWITCHYARD_MEMBER(dispatch_s), 0, kMost,
            "what a request takes from its router to its replica, s")
      .real("response_s", "response", SWITCHYARD_MEMBER(response_s), 0, kMost,
            "what each token takes from the replica back to the router, s")
      .real("decision_s", "decision", SWITCHYARD_MEMBER(decision_s), 0, kMost,
            "what a policy call takes of its router's time, s; a router serves them one at a time")
      .left_out_at_defaults();
  return fields;
}

}  // namespace switchyard
