// What decides the results of an experiment, boiled down: equal digests give equal results for equal policies and
// seeds, wherever the data lie and whatever they are called.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace switchyard {

struct Digest {
  int kernel = 0;        // kKernelNumber of the program
  std::string cluster;   // the scenario's fields that matter, and the KV capacity that came of them
  std::string cost;      // the compiled tables of batch times
  std::string workload;  // the rows of the trace, and those that the workload of one seed is made of

  // "k1-c0123456789abcdef-t0123456789abcdef-w0123456789abcdef"; parts differ from one another where results may.
  std::string text() const;

  bool operator==(const Digest&) const = default;
};

// Nothing for what is no such text: "", as old files have it, included.
std::optional<Digest> parse_digest(std::string_view text);

// What differs between two digests, in words and with what was found: "the workload's rows (w01... and w23...)". Empty
// if nothing does, or if one of them is unknown.
std::string digest_difference(std::string_view one, std::string_view other);

}  // namespace switchyard
