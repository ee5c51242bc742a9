#include "core/workload/trace_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/input/error.hpp"
#include "core/workload/random.hpp"
#include "core/workload/trace_file.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kRowsSeed = 0;  // rows of a model are the same ones each time
constexpr std::int64_t kMostRows = 100'000'000;
constexpr double kMostTokens = 1e8;

// The array under a key, with a check of each element.
template <class Good>
const Json& array(const JsonFile& file, const std::string& key, std::size_t size, std::string_view allowed, Good good) {
  const std::string pointer = "/" + key;
  const auto found = file.root().find(key);
  if (found == file.root().end() || !found->is_array() || found->empty() || (size && found->size() != size)) {
    throw InputError(fmt::format("{}: '{}' must be a list of {}{}", file.where(pointer), key,
                                 size ? fmt::format("{} ", size) : "", allowed));
  }
  for (std::size_t i = 0; i < found->size(); ++i) {
    if (!good((*found)[i])) {
      throw file.fail(fmt::format("{}/{}", pointer, i), fmt::format("'{}' must hold {}", key, allowed));
    }
  }
  return *found;
}

std::vector<double> quantiles(const JsonFile& file, const std::string& key) {
  double last = 1;
  return array(file, key, TraceModel::levels().size(), "tokens from 1 up that do not fall",
               [&last](const Json& value) {
                 const bool good =
                     value.is_number() && value.get<double>() >= last && value.get<double>() <= kMostTokens;
                 if (good) last = value.get<double>();
                 return good;
               })
      .get<std::vector<double>>();
}

void shuffle(WorkloadRandom& random, std::vector<std::size_t>& order) {  // Fisher, Yates
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
}

// Evenly spaced quantiles of each bin, dealt out in random order.
class Deck {
 public:
  Deck(WorkloadRandom& random, const std::vector<double>& quantiles, const std::vector<std::size_t>& bin_sizes)
      : quantiles_(quantiles), order_(bin_sizes.size()) {
    for (std::size_t bin = 0; bin < bin_sizes.size(); ++bin) {
      order_[bin].resize(bin_sizes[bin]);
      std::iota(order_[bin].begin(), order_[bin].end(), std::size_t{0});
      shuffle(random, order_[bin]);
    }
    dealt_.resize(bin_sizes.size());
  }

  std::int32_t deal(std::size_t bin) {
    const auto rank = static_cast<double>(order_[bin][dealt_[bin]++]);
    const double level = (static_cast<double>(bin) + (rank + 0.5) / static_cast<double>(order_[bin].size())) /
                         static_cast<double>(order_.size());
    const auto above = std::upper_bound(levels_.begin() + 1, levels_.end() - 1, level) - levels_.begin();
    const auto i = static_cast<std::size_t>(above);
    const double share = (level - levels_[i - 1]) / (levels_[i] - levels_[i - 1]);
    return static_cast<std::int32_t>(quantiles_[i - 1] + share * (quantiles_[i] - quantiles_[i - 1]) + 0.5);
  }

 private:
  std::vector<double> levels_ = TraceModel::levels();
  const std::vector<double>& quantiles_;
  std::vector<std::vector<std::size_t>> order_;
  std::vector<std::size_t> dealt_;
};

}  // namespace

std::vector<double> TraceModel::levels() {
  std::vector<double> all;
  for (int i = 0; i < 128; ++i) all.push_back(i / 128.0);
  for (int i = 8; i <= 13; ++i) {
    all.push_back(1.0 - std::ldexp(1.5, -i));
    all.push_back(1.0 - std::ldexp(1.0, -i));
  }
  all.push_back(1.0);
  return all;
}

bool TraceModel::is_model(std::string_view beginning) {
  const std::string_view text = beginning.substr(0, 1000);
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && text[start] == '{' && text.find("\"format\"") != std::string_view::npos;
}

TraceModel::TraceModel(const JsonFile& json) {
  const Json& root = json.root();
  if (!root.is_object() || !root.contains("format") || root["format"] != kFormat) {
    throw InputError(fmt::format("{}: not a trace model: its 'format' must be '{}'", json.where("/format"), kFormat));
  }
  if (!root.contains("derived_from") || !root["derived_from"].is_string()) {
    throw json.fail("/derived_from", "'derived_from' must name a file");
  }
  derived_from_ = root["derived_from"].get<std::string>();
  prompt_quantiles_ = quantiles(json, "prompt_quantiles");
  output_quantiles_ = quantiles(json, "output_quantiles");

  std::int64_t num_rows = 0;
  const std::string counts = fmt::format("grids of {0} x {0} whole numbers from 0 up, one grid an epoch", kBins);
  epochs_ = array(json, "counts", 0, counts, [&num_rows](const Json& grid) {
              if (!grid.is_array() || grid.size() != kBins * kBins) return false;
              for (const Json& count : grid) {
                if (!count.is_number_unsigned() || count.get<std::uint64_t>() > kMostRows) return false;
                num_rows += count.get<std::int64_t>();
              }
              return num_rows <= kMostRows;
            }).get<std::vector<Grid>>();

  Knot last;
  array(json, "arrivals", 0, "pairs of a request's number and its arrival in s, both rising", [&](const Json& pair) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_unsigned() || !pair[1].is_number()) return false;
    const Knot knot{pair[0].get<std::size_t>(), pair[1].get<double>()};
    const bool good = (arrivals_.empty() ? knot.index == 0 : knot.index > last.index) && knot.time_s >= last.time_s &&
                      knot.time_s <= kMaxTraceSeconds;
    arrivals_.push_back(last = knot);
    return good;
  });
  if (num_rows == 0 || last.index != static_cast<std::size_t>(num_rows - 1)) {
    throw InputError(fmt::format("{}: 'arrivals' must end at request {}, the last of those that 'counts' holds",
                                 json.where("/arrivals"), num_rows - 1));
  }
}

std::vector<RawRequest> TraceModel::rows() const {
  WorkloadRandom random(kRowsSeed, WorkloadRandom::Purpose::model);
  std::vector<std::size_t> prompts(kBins), outputs(kBins);
  for (const Grid& grid : epochs_) {
    for (std::size_t cell = 0; cell < grid.size(); ++cell) {
      prompts[cell / kBins] += static_cast<std::size_t>(grid[cell]);
      outputs[cell % kBins] += static_cast<std::size_t>(grid[cell]);
    }
  }
  Deck prompt_deck(random, prompt_quantiles_, prompts);
  Deck output_deck(random, output_quantiles_, outputs);
  std::vector<RawRequest> all;
  for (const Grid& grid : epochs_) {
    std::vector<std::size_t> cells;
    for (std::size_t cell = 0; cell < grid.size(); ++cell) {
      cells.insert(cells.end(), static_cast<std::size_t>(grid[cell]), cell);
    }
    shuffle(random, cells);
    for (const std::size_t cell : cells) {
      all.push_back(
          {.num_prefill_tokens = prompt_deck.deal(cell / kBins), .num_decode_tokens = output_deck.deal(cell % kBins)});
    }
  }
  all.front().arrived_at_s = arrivals_.front().time_s;
  for (std::size_t knot = 1; knot < arrivals_.size(); ++knot) {
    const auto [begin, begin_s] = arrivals_[knot - 1];
    const auto [end, end_s] = arrivals_[knot];
    std::vector<double> times;
    for (std::size_t i = begin + 1; i < end; ++i) times.push_back(begin_s + random.uniform() * (end_s - begin_s));
    std::sort(times.begin(), times.end());
    times.push_back(end_s);
    for (std::size_t i = begin + 1; i <= end; ++i) all[i].arrived_at_s = times[i - begin - 1];
  }
  return all;
}

}  // namespace switchyard
