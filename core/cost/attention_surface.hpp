// Attention time as a function of two lengths, from samples wherever they were taken.
#pragma once

#include <cstddef>
#include <vector>

namespace switchyard {

struct AttentionSample {
  double x = 0;   // decoding members of a batch, or tokens of a prefill chunk; > 0
  double kv = 0;  // tokens in the KV cache, of each member
  double ms = 0;
};

// Samples with the same x form a line along kv, on which times are interpolated linearly, as they are from line to
// line. Where a line has no samples of its own, at either end, it takes what its neighbours say:
//   below its first sample, the time that neighbouring lines have there, corrected by how far they are off at the first
//   sample (a correction that fades to none at the next kv below at which one of them was sampled);
//   above its last sample, their growth from there on: attention reads x times kv cached tokens, so that growth per
//   token of x is what lines have in common.
// Below the smallest x or kv of all samples: the time there. Above the largest: linear, by the secant over the upper
// half of the axis, never downwards.
class AttentionSurface {
 public:
  // In any order; where two have the same x and kv, the median of their times counts. At least one.
  explicit AttentionSurface(std::vector<AttentionSample> samples);

  double at(double x, double kv) const;

  // The largest kv at which times for x are interpolated, not extrapolated: that of a line with this x or a larger one,
  // linear between lines. -1 if x is larger than any sampled.
  double covered_kv(double x) const;

  double max_x() const { return lines_.back().x; }
  double max_kv() const { return knots_.back(); }

 private:
  struct Line {
    double x = 0;
    double covered_kv = 0;
    std::vector<double> kv;  // of its own samples
    std::vector<double> ms;
    std::vector<double> at_knots;  // times at knots_, once completed
  };

  struct Neighbours {  // the nearest completed lines
    const Line* below = nullptr;
    const Line* above = nullptr;

    bool none() const { return below == nullptr && above == nullptr; }

    // Linear in x between them, of what `value` gives for each.
    template <class Value>
    double between(double x, Value value) const;

    // The largest kv below `kv` at which one of them was sampled, or 0.
    double sampled_below(double kv) const;
  };

  Neighbours neighbours_of(const Line& line) const;
  void complete(Line& line);
  double along(const Line& line, double kv) const;

  std::vector<Line> lines_;    // by x
  std::vector<double> knots_;  // all kv at which there is a sample
};

}  // namespace switchyard
