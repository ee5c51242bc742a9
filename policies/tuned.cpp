// This project's own policies: settings of compose. A line a parameter is all that a winner of a search takes.
#include "policies/compose/setting.hpp"
#include "policies/declarations.hpp"

namespace switchyard {

std::vector<PolicyInfo> tuned_policies() {
  return {
      setting("shortest_expected_work",
              "The replica on which the request is expected to finish first, counting the delay that it causes to the "
              "others; output lengths are learned from completed requests.")
          .fix("place", "work")
          .fix("learn", "mean")
          .expose({.name = "interference"})
          .expose({.name = "output_scale", .doc = "expected outputs, as a multiple of the mean of completed requests"})
          .reads({Signal::state})
          .done(),
      setting("prefill_balance",
              "Least prompt tokens still to be computed, balanced against running decodes, so that prefills interrupt "
              "few decodes and long prompts spread out.")
          .fix("place", "prefill")
          .expose({.name = "decode_tokens"})
          .expose({.name = "interruption"})
          .reads({Signal::state})
          .done(),
      setting("memory_headroom",
              "Holds requests in the global queue until a replica has KV headroom for what it and its requests are "
              "expected to grow to, learned from completed requests.",
              "after HRA, arXiv 2510.27176")
          .fix("admit", "growth")
          .fix("idle", "as_others")
          .fix("place", "committed")
          .expose({.name = "order",
                   .default_value = "prompt",
                   .choices = {"arrival", "prompt", "age"},
                   .doc = "which queued request is next: first come, shortest prompt, or age against prompt length"})
          .expose({.name = "exchange"})
          .expose({.name = "decode_ratio"})
          .expose({.name = "horizon"})
          .expose({.name = "safety"})
          .reads({Signal::outstanding, Signal::state, Signal::requests})
          .done(),
      setting("interference_aware",
              "Sends each request where it delays others least, and holds it back while its prefill would delay them "
              "more than they are expected to take, or while KV memory might run out.")
          .fix("order", "age")
          .fix("admit", "interruption")
          .fix("also", "growth")
          .fix("place", "interference")
          .expose({.name = "exchange", .default_value = "1"})
          .expose({.name = "patience"})
          .expose({.name = "soften_s"})
          .expose({.name = "prefill_harm"})
          .expose({.name = "keep_free"})
          .expose({.name = "slowdown"})
          .expose({.name = "kv_pressure"})
          .expose({.name = "decode_ratio", .default_value = "0.1"})
          .expose({.name = "horizon", .default_value = "36"})
          .expose({.name = "safety", .default_value = "0.003"})
          .reads({Signal::outstanding, Signal::state, Signal::requests})
          .done(),
      setting(
          "expected_completion",
          "The replica on which the request is expected to finish first, counting the delay that its uncached prompt "
          "and its decode steps cause to the others. Goes by its own books, by what replicas publish of their caches, "
          "and, for other routers' work, by reports of any age.")
          .fix("place", "completion")
          .fix("learn", "mean")
          .expose({.name = "backlog"})
          .expose({.name = "own"})
          .expose({.name = "harm"})
          .expose({.name = "spare"})
          .expose({.name = "others"})
          .expose({.name = "steps"})
          .expose({.name = "memory"})
          .expose({.name = "queue_memory_s"})
          .expose({.name = "decode_memory_s"})
          .expose({.name = "felt_memory_s"})
          .reads({Signal::outstanding, Signal::first_tokens, Signal::state, Signal::cache}, 0.05)
          .done(),
      setting(
          "expected_completion_hold",
          "expected_completion that holds requests in the global queue while the replica that they would go to has "
          "prompts enough to compute, or, in a surge, while its prompt would delay those there beyond the usual number "
          "for too long: short uncached prompts overtake there, but not for long.")
          .fix("place", "completion")
          .fix("learn", "mean")
          .fix("order", "slack")
          .fix("admit", "pending")
          .fix("also", "surge")
          .fix("scan", "first_fit")
          .expose({.name = "wait_for", .default_value = "best"})
          .expose({.name = "scan_depth", .default_value = "24"})
          .expose({.name = "slack"})
          .expose({.name = "slack_most_s"})
          .expose({.name = "pending_s"})
          .expose({.name = "pending_age"})
          .expose({.name = "surge_patience"})
          .expose({.name = "surge_soften_s"})
          .expose({.name = "backlog"})
          .expose({.name = "own"})
          .expose({.name = "harm"})
          .expose({.name = "spare"})
          .expose({.name = "others"})
          .expose({.name = "steps"})
          .expose({.name = "memory"})
          .expose({.name = "queue_memory_s"})
          .expose({.name = "decode_memory_s"})
          .expose({.name = "felt_memory_s"})
          .reads({Signal::outstanding, Signal::first_tokens, Signal::state, Signal::cache}, 0.05)
          .done(),
  };
}

}  // namespace switchyard
