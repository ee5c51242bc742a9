#include "policies/compose/shared.hpp"

namespace switchyard {

namespace {

struct Shared {
  Composed::Idle idle = Composed::Idle::admits;
  Composed::Scan scan = Composed::Scan::head;
  std::int32_t scan_depth = 0;
  Composed::Aim aim = Composed::Aim::any;
  double decode_ratio = 0.0;
  double horizon = 0.0;
  enum class Ages { mean, each } ages = Ages::mean;
  Learning learn = Learning::survival;
  std::int32_t learn_window = 0;
  double queue_memory_s = 0.0, decode_memory_s = 0.0, felt_memory_s = 0.0;
};

class Declaration : public ParamBindings<Shared, Declaration> {
 public:
  Declaration() {
    using P = Shared;
    choice(&P::idle, "idle", {"admits", "as_others"}, Composed::Idle::admits,
           "whether a replica without requests takes any, so that no run can stall")
        .needed_by(kHolds)
        .choice(&P::scan, "scan", {"head", "first_fit"}, Composed::Scan::head,
                "whether a request that must wait holds up those behind it")
        .needed_by(kHolds)
        // Passing over more changed no mean by 1% where it was tried, and a call costs in proportion.
        .integer(&P::scan_depth, "scan_depth", 8, 1, 32, ParamScale::log, "requests that may be passed over in a call")
        .only_if("scan", {"first_fit"})
        .needed_by(kHolds)
        .choice(&P::aim, "wait_for", {"any", "best"}, Composed::Aim::any,
                "whether a request waits for any replica that may take it, or for the one that it would go to were all "
                "of them admissible")
        .needed_by(kHolds)
        .real(&P::decode_ratio, "decode_ratio", 0.0, 0.0, 4.0, ParamScale::linear,
              "reserve this share of the prompt for outputs")
        .needed_by(kUsesForecast)
        .real(&P::horizon, "horizon", 40.0, 0.0, 1024.0, ParamScale::linear,
              "reserve the expected growth of each request within this many decode steps, tokens")
        .needed_by(kUsesForecast)
        .choice(&P::ages, "ages", {"mean", "each"}, Shared::Ages::mean,
                "running requests are forecast at the mean of what they generated, or each at its own (slower)")
        .needed_by(kUsesForecast | kUsesAges)
        .choice(&P::learn, "learn", {"mean", "bucket", "window", "survival"}, Learning::survival,
                "what completed requests teach about outputs: their mean, their survival curve, that of the last "
                "learn_window, or the curve stretched to the mean of prompts of the same power of two")
        .needed_by(kUsesForecast | kUsesLengths)
        .integer(&P::learn_window, "learn_window", 500, 20, 20000, ParamScale::log, "completed requests")
        .only_if("learn", {"window"})
        .needed_by(kUsesForecast | kUsesLengths)
        .real(&P::queue_memory_s, "queue_memory_s", 0.5, 0.05, 100.0, ParamScale::log,
              "time after which 1/e of a report of other routers' queued prompts is still thought to hold, the rest "
              "being "
              "as everywhere, s")
        .needed_by(kUsesSent)
        .real(&P::decode_memory_s, "decode_memory_s", 2.0, 0.05, 100.0, ParamScale::log,
              "the same of their decoding requests, s")
        .needed_by(kUsesSent)
        .real(
            &P::felt_memory_s, "felt_memory_s", 1.0, 0.0, 60.0, ParamScale::linear,
            "the same of the delay that other routers' prompts caused to the latest own one there, s; 0: not looked at")
        .needed_by(kUsesSent);
  }

  const std::vector<SharedParams::Param>& list() const { return list_; }
  Shared read(std::span<const double> values) const {
    Shared shared;
    ParamBindings::apply(setters_, shared, values);
    return shared;
  }

 private:
  Declaration& needed_by(unsigned uses) {
    list_.push_back({params_.back(), uses});
    return *this;
  }
  std::vector<SharedParams::Param> list_;
};

const Declaration& declaration() {
  static const Declaration declared;
  return declared;
}

}  // namespace

const std::vector<SharedParams::Param>& SharedParams::list() { return declaration().list(); }

void SharedParams::apply(std::span<const double> values, unsigned uses, Composed& policy) {
  const Shared shared = declaration().read(values);
  policy.idle = shared.idle;
  policy.scan = shared.scan;
  policy.scan_depth = shared.scan_depth;
  policy.aim = shared.aim;
  if (uses & kUsesSent)
    policy.scene.sent =
        std::make_unique<SentWork>(SentMemory{shared.queue_memory_s, shared.decode_memory_s, shared.felt_memory_s});
  KvForecast& forecast = policy.scene.forecast;
  forecast.by_request = shared.ages == Shared::Ages::each;
  policy.scene_reads = 0;
  if (uses & kUsesForecast) policy.scene_reads |= signal_bits({Signal::state, Signal::requests});
  if (uses & kUsesSent) {
    policy.scene_reads |= signal_bits({Signal::outstanding, Signal::first_tokens, Signal::state, Signal::cache});
  }
  policy.reads_requests = (uses & (kUsesForecast | kUsesAges)) != 0;
  if (uses & kUsesForecast) {
    forecast.decode_ratio = shared.decode_ratio;
    forecast.horizon = shared.horizon;
  }
  if ((uses & kUsesLengths) || forecast.horizon > 0) {
    policy.scene.lengths = make_output_lengths(shared.learn, shared.learn_window);
  }
}

}  // namespace switchyard
