// How the cluster is operated: which replicas are there, when they fail, leave and join. A scenario that names none of
// it has all of its replicas all the time.
#include "core/cluster/operation_options.hpp"
#include "core/scenario/field_declaration.hpp"

namespace switchyard {

Fields operation_fields() {
  constexpr double kMost = 4e6;
  const auto draws = [](const Scenario& s) { return s.mttf_s > 0; };
  const auto scales = [](const Scenario& s) { return s.scale_above > 0; };
  const auto fails = [](const Scenario& s) {
    return s.mttf_s > 0 || s.replica_events.find("fail") != std::string::npos;
  };
  const auto joins = [](const Scenario& s) {
    return s.scale_above > 0 || s.replica_events.find("join") != std::string::npos;
  };
  Fields fields("operations");
  fields
      .text("events", "replica-events", SWITCHYARD_MEMBER(replica_events),
            "what happens to replicas, times in s: 'fail 2 at 100 for 60, drain 1 at 200, join 3 at 300'")
      .integer("initial_replicas", "initial-replicas", SWITCHYARD_MEMBER(initial_replicas), 0, 100000,
               "replicas that are there from the start, the first ones; 0: all")
      .real("mttf_s", "mttf", SWITCHYARD_MEMBER(mttf_s), 0, kMost,
            "mean time to failure of each replica, s, drawn by the workload's seed; 0: none is drawn")
      .real("mttr_s", "mttr", SWITCHYARD_MEMBER(mttr_s), 0.001, kMost,
            "mean time from such a failure until it takes requests again, s")
      .only_if("--mttf is above 0", draws)
      .real("detection_s", "detection", SWITCHYARD_MEMBER(detection_s), 0, 3600,
            "from a failure until routers know, s; the way back (--response) comes on top")
      .only_if("replicas fail", fails)
      .integer("max_retries", "max-retries", SWITCHYARD_MEMBER(max_retries), 0, 1000,
               "how often a request that was lost is tried again, until it has failed")
      .only_if("replicas fail", fails)
      .real("start_up_s", "start-up", SWITCHYARD_MEMBER(start_up_s), 0, kMost,
            "what a replica that joins takes until it takes requests, s")
      .only_if("replicas join", joins)
      .real("scale_above", "scale-above", SWITCHYARD_MEMBER(scale_above), 0, 1e6,
            "autoscaler: one more replica when more requests than this wait for each one, in routers and replicas; 0: "
            "there is none")
      .real("scale_after_s", "scale-after", SWITCHYARD_MEMBER(scale_after_s), 0, kMost,
            "and have done so for this long, s")
      .only_if("--scale-above is above 0", scales)
      .real("scale_idle_s", "scale-idle", SWITCHYARD_MEMBER(scale_idle_s), 0, kMost,
            "a replica that has had nothing for this long is drained, s; 0: none is")
      .only_if("--scale-above is above 0", scales)
      .integer("min_replicas", "min-replicas", SWITCHYARD_MEMBER(min_replicas), 1, 100000,
               "replicas that the autoscaler leaves at least")
      .only_if("--scale-above is above 0", scales)
      .left_out_at_defaults();
  return fields;
}

}  // namespace switchyard
