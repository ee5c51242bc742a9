#include "core/api/signals.hpp"

#include <array>

namespace switchyard {

namespace {

struct Words {
  std::string_view name, text;
};

constexpr std::array<Words, kNumSignals> kWords = {{
    {"outstanding", "own books: requests sent and not come back; always current, of this router alone"},
    {"first_tokens", "own books: which answers have begun; always current, of this router alone"},
    {"waiting", "published: requests that wait at a replica; as old as signals are"},
    {"state", "published: running requests, tokens, KV blocks, the running batch; as old as signals are"},
    {"requests", "published: each request that waits or runs at a replica; as old as signals are"},
    {"cache", "published: which prefixes a replica's cache holds; as old as KV events are"},
    {"kv_events", "published: blocks stored and removed, as they are told; as old as KV events are"},
}};

static_assert(static_cast<int>(Signal::kv_events) == kNumSignals - 1, "the words above are in the order of Signal");

}  // namespace

std::string_view signal_name(Signal signal) { return kWords[static_cast<std::size_t>(signal)].name; }
std::string_view signal_text(Signal signal) { return kWords[static_cast<std::size_t>(signal)].text; }

}  // namespace switchyard
