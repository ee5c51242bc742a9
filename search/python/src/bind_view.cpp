#include <fmt/format.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "core/api/block_name.hpp"
#include "core/api/signals.hpp"
#include "core/input/error.hpp"
#include "core/scenario/fields.hpp"
#include "search/python/src/bind.hpp"
#include "search/python/src/held_view.hpp"

namespace nb = nanobind;

namespace switchyard::python {

namespace {

// A time in seconds, and the same in whole picoseconds.
template <auto member, class Class, class Binding>
void time(Binding& binding, const std::string& name, const std::string& doc) {
  binding.def_prop_ro(
      name.c_str(), [](const Class& it) { return seconds_from_ticks(it.*member); }, (doc + ", seconds").c_str());
  binding.def_prop_ro((name + "_ps").c_str(), [](const Class& it) { return it.*member; },
                      (doc + ", picoseconds").c_str());
}

std::vector<RequestId> queue_of(const ClusterView& view) {
  std::vector<RequestId> ids;
  for (RequestId id = view.first_queued(); id >= 0; id = view.next_queued(id)) ids.push_back(id);
  return ids;
}

// A hash tells no more than equality does.
std::int64_t mix(std::uint64_t number) {
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9ULL;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<std::int64_t>((number ^ (number >> 31)) >> 2);
}

const char* name_of(BatchKind kind) {
  switch (kind) {
    case BatchKind::idle:
      return "idle";
    case BatchKind::prefill:
      return "prefill";
    case BatchKind::decode:
      return "decode";
    case BatchKind::mixed:
      return "mixed";
  }
  return "";
}

const char* name_of(Role role) { return role == Role::prefill ? "prefill" : role == Role::decode ? "decode" : "both"; }

}  // namespace

void bind_view(nb::module_& module) {
  nb::class_<QueuedRequest> queued(module, "QueuedRequest", "A request in the global queue.");
  queued.def_ro("id", &QueuedRequest::id, "Its row in the workload.")
      .def_ro("num_prefill_tokens", &QueuedRequest::num_prefill_tokens, "Prompt, tokens.")
      .def_ro("session", &QueuedRequest::session, "Which session it is a turn of; -1: not told.")
      .def_ro("num_retries", &QueuedRequest::num_retries,
              "How often it came back from a replica that failed; its prompt has grown by what had been streamed.")
      .def_ro("prefilled_on", &QueuedRequest::prefilled_on,
              "The prefill replica that has computed its prompt: it is to be assigned to one that decodes; -1: none.");
  time<&QueuedRequest::arrived_at, QueuedRequest>(queued, "arrived_at", "Arrival");

  nb::class_<ResidentRequest> resident(module, "ResidentRequest", "A request that a replica holds.");
  resident.def_ro("id", &ResidentRequest::id)
      .def_ro("num_prefill_tokens", &ResidentRequest::num_prefill_tokens, "Prompt to (re)compute; grows at a restart.")
      .def_ro("original_prefill_tokens", &ResidentRequest::original_prefill_tokens, "Prompt that it arrived with.")
      .def_ro("num_processed_tokens", &ResidentRequest::num_processed_tokens, "Since its last (re)start.")
      .def_ro("prefill_complete", &ResidentRequest::prefill_complete)
      .def_prop_ro("num_generated_tokens", &ResidentRequest::num_generated_tokens, "Output tokens seen so far.");
  time<&ResidentRequest::arrived_at, ResidentRequest>(resident, "arrived_at", "Arrival");

  nb::class_<CompletedRequest> completed(module, "CompletedRequest", "A request that has completed.");
  completed.def_ro("id", &CompletedRequest::id)
      .def_ro("replica", &CompletedRequest::replica)
      .def_ro("num_prefill_tokens", &CompletedRequest::num_prefill_tokens, "Prompt, tokens.")
      .def_ro("num_decode_tokens", &CompletedRequest::num_decode_tokens, "Output, tokens.");
  time<&CompletedRequest::arrived_at, CompletedRequest>(completed, "arrived_at", "Arrival");
  time<&CompletedRequest::scheduled_at, CompletedRequest>(completed, "scheduled_at", "Start of its first batch");
  time<&CompletedRequest::first_token_at, CompletedRequest>(completed, "first_token_at", "End of its prefill");
  time<&CompletedRequest::completed_at, CompletedRequest>(completed, "completed_at", "Completion");

  nb::class_<BlockName>(module, "BlockName",
                        "Stands for a block of tokens and all before it. Equal names, equal tokens; nothing else.")
      .def("__eq__",
           [](const BlockName& a, const nb::object& b) {
             return nb::isinstance<BlockName>(b) && a == *nb::inst_ptr<BlockName>(b);
           })
      .def("__hash__", [](const BlockName& name) { return mix(std::hash<BlockName>()(name)); });

  nb::class_<Subscription>(module, "Subscription",
                           "What a policy wants to be told beyond arrivals and completions, and what is worked out for "
                           "it alone. Who asks for nothing costs nothing.")
      .def(
          "__init__",
          [](Subscription* it, bool first_tokens, bool polls, bool kv_events, double every, bool waiting_uncached,
             bool throughput, bool requests) {
            if (!(every == 0 || (every >= 0.001 && every <= 1e6))) {
              throw InputError(
                  fmt::format("Subscription: every is {}; seconds from 0.001 to 1e6, or 0, are wanted", every));
            }
            new (it) Subscription{first_tokens,     polls,      kv_events, ticks_from_seconds(every),
                                  waiting_uncached, throughput, requests};
          },
          nb::kw_only(), nb::arg("first_tokens") = false, nb::arg("polls") = false, nb::arg("kv_events") = false,
          nb::arg("every") = 0.0, nb::arg("waiting_uncached") = false, nb::arg("throughput") = false,
          nb::arg("requests") = false,
          "first_tokens, polls, kv_events: calls of on_first_token, on_poll, on_kv_event. every: seconds between calls "
          "of "
          "on_timer while requests are under way; 0: never. waiting_uncached, throughput: that these of ReplicaState "
          "are "
          "filled in. requests: that snapshots which are old list requests, too.");

  nb::class_<FirstToken> first_token(module, "FirstToken", "The first token of a request's answer has been computed.");
  first_token.def_ro("id", &FirstToken::id).def_ro("replica", &FirstToken::replica);
  time<&FirstToken::at, FirstToken>(first_token, "at", "When");

  nb::class_<ReplicaState> state(module, "ReplicaState",
                                 "Aggregates of one replica; the running batch does not count.");
  time<&ReplicaState::taken_at, ReplicaState>(state, "taken_at", "When this was so: now, unless signals are old");
  state.def_ro("num_waiting", &ReplicaState::num_waiting, "Requests in its queue.")
      .def_ro("num_running", &ReplicaState::num_running, "Requests that hold KV blocks.")
      .def_ro("num_prefilling", &ReplicaState::num_prefilling)
      .def_prop_ro("num_decoding", &ReplicaState::num_decoding)
      .def_ro("waiting_prefill_tokens", &ReplicaState::waiting_prefill_tokens)
      .def_ro("remaining_prefill_tokens", &ReplicaState::remaining_prefill_tokens)
      .def_ro("decoding_kv_tokens", &ReplicaState::decoding_kv_tokens)
      .def_ro("generated_tokens", &ReplicaState::generated_tokens)
      .def_ro("num_blocks", &ReplicaState::num_blocks)
      .def_ro("blocks_used", &ReplicaState::blocks_used)
      .def_ro("blocks_cached", &ReplicaState::blocks_cached,
              "Free, but a prefix cache would still find what they hold.")
      .def_prop_ro("blocks_free", &ReplicaState::blocks_free)
      .def_prop_ro("batch_kind", [](const ReplicaState& it) { return name_of(it.batch_kind); })
      .def_ro("batch_prefill_tokens", &ReplicaState::batch_prefill_tokens)
      .def_ro("batch_decodes", &ReplicaState::batch_decodes)
      .def_ro("waiting_uncached_tokens", &ReplicaState::waiting_uncached_tokens,
              "Prompt tokens in its queue that its prefix cache does not hold; -1 unless subscribed to.")
      .def_ro("generation_throughput", &ReplicaState::generation_throughput,
              "Output tokens a second over the last reporting period; -1 unless subscribed to.");
  time<&ReplicaState::batch_started_at, ReplicaState>(state, "batch_started_at", "Start of the running batch");

  nb::class_<ReplicaLimits>(module, "ReplicaLimits", "What an operator has configured of a replica.")
      .def_ro("num_blocks", &ReplicaLimits::num_blocks, "KV blocks.")
      .def_ro("block_size", &ReplicaLimits::block_size, "Tokens of a block.")
      .def_ro("watermark_blocks", &ReplicaLimits::watermark_blocks)
      .def_ro("batch_size_cap", &ReplicaLimits::batch_size_cap)
      .def_ro("batch_tokens", &ReplicaLimits::batch_tokens, "Prompt tokens that one batch computes, at most.")
      .def_ro("max_tokens", &ReplicaLimits::max_tokens)
      .def_prop_ro(
          "role", [](const ReplicaLimits& it) { return name_of(it.role); },
          "\"prefill\", \"decode\" or \"both\", which computes whole requests; one that decodes does that, too.")
      .def_prop_ro("engine", [](const ReplicaLimits& it) { return std::string(engine_name(it.engine)); });

  nb::class_<HeldView>(module, "Cluster", "The cluster as a policy sees it during a call, and `assign`.")
      .def_prop_ro(
          "now", [](const HeldView& c) { return seconds_from_ticks(c.view().now()); }, "Seconds.")
      .def_prop_ro(
          "now_ps", [](const HeldView& c) { return c.view().now(); }, "Picoseconds.")
      .def_prop_ro("num_replicas", [](const HeldView& c) { return c.view().num_replicas(); })
      .def(
          "num_waiting", [](const HeldView& c, std::int64_t r) { return c.view().num_waiting(c.replica(r)); },
          nb::arg("replica"), "Requests in a replica's queue.")
      .def(
          "outstanding", [](const HeldView& c, std::int64_t r) { return c.view().outstanding(c.replica(r)); },
          nb::arg("replica"), "Waiting and running requests of a replica.")
      .def(
          "accepts", [](const HeldView& c, std::int64_t r) { return c.view().accepts(c.replica(r)); },
          nb::arg("replica"), "Whether the replica takes requests, as far as routers know.")
      .def(
          "can_serve",
          [](const HeldView& c, RequestId id, std::int64_t r) { return c.view().can_serve(id, c.replica(r)); },
          nb::arg("id"), nb::arg("replica"), "Whether it does, and this queued request fits; `assign` refuses others.")
      .def(
          "serves_all", [](const HeldView& c) { return c.view().serves_all(); },
          "Whether every replica takes every request now.")
      .def_prop_ro(
          "is_split", [](const HeldView& c) { return c.view().is_split(); },
          "Whether prefill and decode are apart: some replica's role is \"prefill\".")
      .def(
          "role", [](const HeldView& c, std::int64_t r) { return name_of(c.view().role(c.replica(r))); },
          nb::arg("replica"), "Of a replica: \"prefill\", \"decode\" or \"both\".")
      .def(
          "least_waiting", [](const HeldView& c) { return c.view().least_waiting(); },
          "The replica with the fewest waiting requests, ties to the lowest id.")
      .def(
          "least_outstanding", [](const HeldView& c) { return c.view().least_outstanding(); },
          "The replica with the fewest waiting and running requests, ties to the lowest id.")
      .def(
          "state", [](const HeldView& c, std::int64_t r) { return c.view().state(c.replica(r)); }, nb::arg("replica"))
      .def(
          "limits", [](const HeldView& c, std::int64_t r) { return c.view().limits(c.replica(r)); }, nb::arg("replica"))
      .def(
          "waiting",
          [](const HeldView& c, std::int64_t r) {
            const auto requests = c.view().waiting(c.replica(r));
            return std::vector<ResidentRequest>(requests.begin(), requests.end());
          },
          nb::arg("replica"), "The requests in a replica's queue, from its front.")
      .def(
          "running",
          [](const HeldView& c, std::int64_t r) {
            const auto requests = c.view().running(c.replica(r));
            return std::vector<ResidentRequest>(requests.begin(), requests.end());
          },
          nb::arg("replica"), "The requests that hold KV blocks of a replica, by (arrival, id).")
      .def(
          "decode_time",
          [](const HeldView& c, std::int64_t r, std::int32_t decodes, std::int64_t kv) {
            return seconds_from_ticks(c.view().batch_times(c.replica(r)).decode(decodes, kv));
          },
          nb::arg("replica"), nb::arg("num_decodes"), nb::arg("kv_tokens"), "Seconds of one decode step.")
      .def(
          "prefill_time",
          [](const HeldView& c, std::int64_t r, std::int64_t tokens) {
            return seconds_from_ticks(c.view().batch_times(c.replica(r)).prefill(tokens));
          },
          nb::arg("replica"), nb::arg("num_tokens"), "Seconds of computing the first tokens of one prompt.")
      .def("queue_length", [](const HeldView& c) { return c.view().queue_length(); })
      .def(
          "queue", [](const HeldView& c) { return queue_of(c.view()); }, "Ids of queued requests, in order of arrival.")
      .def(
          "first_queued", [](const HeldView& c) { return c.view().first_queued(); }, "The oldest one's id, or -1.")
      .def(
          "queued", [](const HeldView& c, RequestId id) { return c.view().queued(id); }, nb::arg("id"),
          "A queued request.")
      .def_prop_ro(
          "router", [](const HeldView& c) { return c.view().router(); }, "Which of the routers this is, from 0.")
      .def_prop_ro(
          "num_routers", [](const HeldView& c) { return c.view().num_routers(); }, "Routers that share the arrivals.")
      .def(
          "cached_tokens",
          [](const HeldView& c, RequestId id, std::int64_t r) { return c.view().cached_tokens(id, c.replica(r)); },
          nb::arg("id"), nb::arg("replica"),
          "Leading tokens of a queued prompt that a replica's prefix cache holds, in full blocks.")
      .def(
          "prefix_holders",
          [](const HeldView& c, RequestId id) {
            std::vector<PrefixHolder> holders;
            c.view().prefix_holders(id, holders);
            nb::dict tokens;
            for (const PrefixHolder& holder : holders) tokens[nb::int_(holder.replica)] = holder.num_tokens;
            return tokens;
          },
          nb::arg("id"), "By replica: leading tokens of a queued prompt that it holds, where that is more than 0.")
      .def(
          "prompt_blocks",
          [](const HeldView& c, RequestId id, std::int32_t block_size) {
            if (block_size < 1) throw nb::value_error("block_size must be at least 1");
            const auto names = c.view().prompt_blocks(id, block_size);
            return std::vector<BlockName>(names.begin(), names.end());
          },
          nb::arg("id"), nb::arg("block_size"),
          "Names of the blocks of a queued prompt, as far as it is known what they hold: equal names, equal tokens.")
      .def(
          "assign",
          [](const HeldView& c, RequestId id, std::int64_t r, std::optional<std::int64_t> decode) {
            if (decode) return c.changes().assign(id, c.replica(r), c.replica(*decode));
            c.changes().assign(id, c.replica(r));
          },
          nb::arg("id"), nb::arg("replica"), nb::arg("decode") = nb::none(),
          "Moves a queued request to the end of a replica's queue, at once. From one whose role is \"prefill\" it "
          "comes back to the queue with its first token, unless `decode` says where it goes on.");
}

}  // namespace switchyard::python
