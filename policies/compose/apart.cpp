#include "policies/compose/apart.hpp"

#include <algorithm>
#include <stdexcept>

namespace switchyard {

Subscription Apart::subscription() const {
  Subscription asked = prefill_->subscription();
  const Subscription other = decode_->subscription();
  asked.first_tokens = true;
  asked.polls |= other.polls;
  asked.kv_events |= other.kv_events;
  asked.waiting_uncached |= other.waiting_uncached;
  asked.throughput |= other.throughput;
  asked.requests |= other.requests;
  return asked;
}

void Apart::start(const ClusterView& cluster, std::uint64_t seed) {
  view_ = &cluster;
  sent_.clear();
  prefill_->start(cluster, seed);
  decode_->start(cluster, seed + 1);
}

void Apart::on_arrival(const QueuedRequest& request) {
  if (sent_.size() <= static_cast<std::size_t>(request.id)) sent_.resize(static_cast<std::size_t>(request.id) + 1);
  sent(request.id) = {.prompt = request.num_prefill_tokens, .arrived_at = request.arrived_at};
  prefill_->on_arrival(request);
  decode_->scene.arrived(request);
}

// A prefill replica's part ends with the first token: to the half that placed the prompt the request is complete.
void Apart::on_first_token(const FirstToken& token) {
  const std::int32_t decode_replica = sent(token.id).decode_replica;
  if (!is_prefill(token.replica)) return decode_->on_first_token(token);
  sent(token.id).is_prefilled = true;
  prefill_->on_first_token(token);
  prefill_->on_completion({.id = token.id,
                           .replica = token.replica,
                           .arrived_at = sent(token.id).arrived_at,
                           .scheduled_at = sent(token.id).arrived_at,
                           .first_token_at = token.at,
                           .completed_at = token.at,
                           .num_prefill_tokens = sent(token.id).prompt,
                           .num_decode_tokens = 1});
  if (decode_replica >= 0) decode_->on_first_token({.id = token.id, .replica = decode_replica, .at = token.at});
}

void Apart::on_completion(const CompletedRequest& request) {
  if (!is_prefill(request.replica)) return decode_->on_completion(request);
  // Its answer had one token. Where it was to decode waits for it in vain.
  if (sent(request.id).decode_replica < 0) return;
  CompletedRequest there = request;
  there.replica = sent(request.id).decode_replica;
  decode_->on_completion(there);
}

// Each half loses what it has of the request.
void Apart::on_loss(const CompletedRequest& request) {
  const Sent& of = sent(request.id);
  CompletedRequest there = request;
  const auto lose = [&](Composed& half, std::int32_t replica) {
    there.replica = replica;
    half.on_loss(there);
  };
  if (of.prefill_replica >= 0 && !of.is_prefilled) lose(*prefill_, of.prefill_replica);
  if (of.prefill_replica < 0 || of.decode_replica >= 0) {
    lose(*decode_, of.decode_replica >= 0 ? of.decode_replica : request.replica);
  }
}

void Apart::on_kv_event(std::int32_t replica, KvEvent event, std::span<const BlockName> blocks) {
  prefill_->on_kv_event(replica, event, blocks);
  decode_->on_kv_event(replica, event, blocks);
}

void Apart::schedule(ClusterView& cluster) {
  decode_->scene.begin_call(cluster);
  for (RequestId id = cluster.first_queued(); id >= 0;) {
    const RequestId next = cluster.next_queued(id);
    if (cluster.queued(id).prefilled_on >= 0) place_decode(cluster, cluster.queued(id));
    id = next;
  }
  prefill_->schedule(cluster);
}

bool Apart::place_decode(ClusterView& cluster, const QueuedRequest& request) {
  const std::int32_t replica = decode_->choose(request);
  if (replica < 0) return false;
  sent(request.id).decode_replica = replica;
  decode_->send(request, replica, [&] { cluster.assign(request.id, replica); });
  decode_->on_first_token({.id = request.id, .replica = replica, .at = cluster.now()});  // it had that before
  return true;
}

bool Apart::place(ClusterView& cluster, RequestId id) {
  const QueuedRequest& request = cluster.queued(id);
  if (request.prefilled_on >= 0) return false;  // no replica that decodes takes it now
  const bool apart = cluster.is_split();
  std::int32_t decode = -1;
  if (!apart || split_above > 0 || settled == Settled::at_once) {
    decode = decode_->choose(request);
    if (decode < 0) return false;
  }
  if (!apart || (split_above > 0 && request.num_prefill_tokens - cluster.cached_tokens(id, decode) <= split_above)) {
    decode_->send(request, decode, [&] { cluster.assign(id, decode); });
    return true;
  }
  const std::int32_t prefill = prefill_->choose(request);
  if (prefill < 0) return false;
  sent(id).prefill_replica = prefill;
  if (settled == Settled::when_prefilled) {
    prefill_->send(request, prefill, [&] { cluster.assign(id, prefill); });
    return true;
  }
  sent(id).decode_replica = decode;
  decode_->send(request, decode,
                [&] { prefill_->send(request, prefill, [&] { cluster.assign(id, prefill, decode); }); });
  return true;
}

ParamNaming with_prefix(std::string prefix) {
  return [prefix = std::move(prefix)](const std::string& name) { return prefix + name; };
}

namespace {

// A half's parameters as those of the whole, and which of the half's they are.
struct NamedParams {
  std::vector<ParamSpec> params;
  std::vector<std::size_t> places;
};

NamedParams named_params(const PolicyInfo& half, const ParamNaming& naming, const char* what) {
  NamedParams found;
  for (std::size_t i = 0; i < half.params.size(); ++i) {
    ParamSpec param = half.params[i];
    param.name = naming(param.name);
    if (param.name.empty()) continue;
    std::erase_if(param.active_if, [&](ParamCondition& condition) {
      condition.name = naming(condition.name);
      return condition.name.empty();
    });
    // What matters only for a choice that is no parameter here never does.
    if (param.active_if.empty() && !half.params[i].active_if.empty()) continue;
    param.doc = what + param.doc;
    found.params.push_back(std::move(param));
    found.places.push_back(i);
  }
  return found;
}

std::unique_ptr<Composed> make_half(const PolicyInfo& half, const std::vector<std::size_t>& places,
                                    std::span<const double> values) {
  ParamValues all = default_values(half.params);
  for (std::size_t i = 0; i < places.size(); ++i) all[places[i]] = values[i];
  std::unique_ptr<Policy> made = half.make(all);
  if (!dynamic_cast<Composed*>(made.get())) {
    throw std::logic_error("policy '" + half.name + "' is no composed one: it cannot be half of another");
  }
  return std::unique_ptr<Composed>(static_cast<Composed*>(made.release()));
}

}  // namespace

PolicyInfo apart(std::string name, std::string summary, std::string source, const PolicyInfo& prefill,
                 const ParamNaming& prefill_names, const PolicyInfo& decode, const ParamNaming& decode_names,
                 ApartDefaults defaults) {
  PolicyInfo info;
  info.name = std::move(name);
  info.summary = std::move(summary);
  info.source = std::move(source);
  info.knows_roles = true;
  NamedParams prompts = named_params(prefill, prefill_names, "prompts: ");
  NamedParams rest = named_params(decode, decode_names, "decodes: ");
  for (const auto* params : {&prompts.params, &rest.params}) {
    info.params.insert(info.params.end(), params->begin(), params->end());
  }
  info.params.push_back({.name = "split_above",
                         .type = ParamType::integer,
                         .default_value = static_cast<double>(defaults.split_above),
                         .low = 0,
                         .high = 100000,
                         .scale = ParamScale::linear,
                         .doc = "a request with at most so many prompt tokens that the replica that it would decode on "
                                "has not cached is computed there as a whole; 0: none is"});
  info.params.push_back({.name = "settled",
                         .type = ParamType::choice,
                         .default_value = static_cast<double>(defaults.settled),
                         .low = 0,
                         .high = 1,
                         .choices = {"at_once", "when_prefilled"},
                         .doc = "when it is settled where a request decodes: as its prompt is placed, or when that has "
                                "been computed"});
  for (const Signal signal : prefill.signals) info.signals.push_back(signal);
  for (const Signal signal : decode.signals) info.signals.push_back(signal);
  if (!info.signals.empty()) {
    info.signals.insert(info.signals.end(), {Signal::first_tokens, Signal::cache});
    std::sort(info.signals.begin(), info.signals.end());
    info.signals.erase(std::unique(info.signals.begin(), info.signals.end()), info.signals.end());
  }
  info.signal_interval = std::max(prefill.signal_interval, decode.signal_interval);
  info.make = [prefill, decode, prompts = std::move(prompts.places),
               rest = std::move(rest.places)](const ParamValues& values) -> std::unique_ptr<Policy> {
    const std::span<const double> all(values);
    auto made = std::make_unique<Apart>(make_half(prefill, prompts, all.first(prompts.size())),
                                        make_half(decode, rest, all.subspan(prompts.size(), rest.size())));
    made->split_above = static_cast<std::int32_t>(all[all.size() - 2]);
    made->settled = static_cast<Apart::Settled>(static_cast<int>(all.back()));
    return made;
  };
  return info;
}

}  // namespace switchyard
