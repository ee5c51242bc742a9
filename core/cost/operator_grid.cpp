#include "core/cost/operator_grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "core/input/csv.hpp"
#include "core/input/error.hpp"

namespace switchyard {

namespace {

using Layers = std::map<std::string, CurveSamples, std::less<>>;

// Times of each layer's kernel over a count of tokens or sequences.
Layers read_layers(const std::filesystem::path& file, std::string_view count) {
  CsvReader csv(file);
  const auto layer = csv.column("layer"), at = csv.column(count), us = csv.column("time_us");
  Layers layers;
  while (csv.next()) {
    const double n = csv.number(at), time = csv.number(us);
    if (!(n >= 1 && n <= 1e7)) throw csv.fail(at, "must be from 1 to 1e7");
    if (!(time >= 0 && time <= 1e9)) throw csv.fail(us, "must be from 0 to 1e9");
    layers[std::string(csv.text(layer))].add(n, time);
  }
  return layers;
}

struct Term {
  std::string_view layer;
  double times;
  bool needed = true;
};

// The weighted sum of layers, in ms.
Curve sum_of(const Layers& layers, const std::filesystem::path& file, const std::vector<Term>& terms) {
  std::vector<std::pair<Curve, double>> curves;
  std::set<double> positions;
  for (const Term& term : terms) {
    const auto found = layers.find(term.layer);
    if (found == layers.end() && !term.needed) continue;
    if (found == layers.end()) {
      throw InputError(fmt::format("{}: column 'layer' has no row '{}'", file.string(), term.layer));
    }
    curves.emplace_back(found->second.curve(), term.times);
    positions.insert(curves.back().first.x.begin(), curves.back().first.x.end());
  }
  Curve sum;
  for (const double x : positions) {
    double us = 0;
    for (const auto& [curve, times] : curves) us += times * curve.at(x);
    sum.x.push_back(x);
    sum.y.push_back(1e-3 * us);
  }
  if (sum.x.size() < 2) throw InputError(fmt::format("{}: holds fewer than 2 counts", file.string()));
  return sum;
}

std::size_t index_of(const std::vector<double>& axis, double value) {
  return static_cast<std::size_t>(std::lower_bound(axis.begin(), axis.end(), value) - axis.begin());
}

// What was measured, and the holes filled.
AttentionGrid read_attention(const std::filesystem::path& file) {
  CsvReader csv(file);
  const std::array<std::size_t, 4> columns = {csv.column("prefill_chunk"), csv.column("kv_prefill"),
                                              csv.column("n_decode"), csv.column("kv_decode")};
  const auto us = csv.column("time_us");
  std::vector<std::pair<std::array<double, 4>, double>> rows;
  std::array<std::set<double>, 4> values;
  for (auto& axis : values) axis.insert(0);
  while (csv.next()) {
    std::array<double, 4> at{};
    for (std::size_t axis = 0; axis < 4; ++axis) {
      at[axis] = static_cast<double>(csv.integer(columns[axis]));
      if (at[axis] < 0 || at[axis] > 1e7) throw csv.fail(columns[axis], "must be from 0 to 1e7");
      values[axis].insert(at[axis]);
    }
    const double time = csv.number(us);
    if (!(time >= 0 && time <= 1e9)) throw csv.fail(us, "must be from 0 to 1e9");
    rows.emplace_back(at, time);
  }
  AttentionGrid grid;
  std::size_t size = 1;
  for (std::size_t axis = 0; axis < 4; ++axis) {
    grid.axes[axis].assign(values[axis].begin(), values[axis].end());
    size *= grid.axes[axis].size();
    if (grid.axes[axis].size() < 3) {
      throw InputError(
          fmt::format("{}: '{}' has fewer than 2 values above 0", file.string(), csv.header()[columns[axis]]));
    }
  }
  grid.us.assign(size, std::numeric_limits<double>::quiet_NaN());
  const auto cell = [&](std::size_t c, std::size_t q, std::size_t b, std::size_t k) -> double& {
    if (c == 0) q = 0;
    if (b == 0) k = 0;
    const auto& axes = grid.axes;
    return grid.us[((c * axes[1].size() + q) * axes[2].size() + b) * axes[3].size() + k];
  };
  for (const auto& [at, time] : rows) {
    cell(index_of(grid.axes[0], at[0]), index_of(grid.axes[1], at[1]), index_of(grid.axes[2], at[2]),
         index_of(grid.axes[3], at[3])) = time;
  }
  cell(0, 0, 0, 0) = 0;
  const std::size_t least_context = 1;  // of a decode: shorter ones take as long
  for (std::size_t b = 1; b < grid.axes[2].size(); ++b) {
    for (std::size_t c = 0; c < grid.axes[0].size(); ++c) {
      for (std::size_t q = 0; q < (c == 0 ? 1 : grid.axes[1].size()); ++q) {
        for (std::size_t k = 1; k < grid.axes[3].size(); ++k) {
          double& time = cell(c, q, b, k);
          if (!std::isnan(time) || c == 0) continue;
          const double half = c > 1 ? cell(c - 1, q, b, k) : time;
          if (!std::isnan(half)) time = half + cell(c, q, 0, 0) - cell(c - 1, q, 0, 0);
          // More decodes than were measured beside a prefill: what they take more without one.
          if (std::isnan(time) || b + 1 == grid.axes[2].size()) {
            time = cell(c, q, b - 1, k) + cell(0, 0, b, k) - cell(0, 0, b - 1, k);
          }
        }
        cell(c, q, b, 0) = cell(c, q, b, least_context);
      }
    }
  }
  for (std::size_t c = 0; c < grid.axes[0].size(); ++c) {
    for (std::size_t q = 0; q < grid.axes[1].size(); ++q) {
      for (std::size_t b = 0; b < grid.axes[2].size(); ++b) {
        for (std::size_t k = 0; k < grid.axes[3].size(); ++k) {
          if (std::isnan(cell(c, q, b, k))) {
            throw InputError(fmt::format("{}: no row for prefill_chunk {}, kv_prefill {}, n_decode {}, kv_decode {}",
                                         file.string(), grid.axes[0][c], grid.axes[1][q], grid.axes[2][b],
                                         grid.axes[3][k]));
          }
          // Entries that are another's by definition, written out for the file.
          grid.us[((c * grid.axes[1].size() + q) * grid.axes[2].size() + b) * grid.axes[3].size() + k] =
              cell(c, q, b, k);
        }
      }
    }
  }
  return grid;
}

// "per_tp: / 2: / ... alpha_default: 0.06" of meta.yaml; 0 if it does not say.
double stated_skew(const std::filesystem::path& file, std::int32_t tensor_parallel) {
  if (!std::filesystem::exists(file)) return 0;
  LineReader lines(file);
  const std::string wanted = fmt::format("{}:", tensor_parallel);
  bool within = false, ours = false;
  while (lines.next()) {
    const std::string_view line = lines.line();
    const auto begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) continue;
    const std::string_view text = line.substr(begin);
    if (text.starts_with("per_tp:")) within = true;
    if (within && text.ends_with(":") && text.find_first_not_of("0123456789:") == std::string_view::npos) {
      ours = text == wanted;
    }
    constexpr std::string_view kKey = "alpha_default:";
    if (!ours || !text.starts_with(kKey)) continue;
    const std::string_view after = text.substr(kKey.size());
    const std::string_view given = after.substr(std::min(after.find_first_not_of(' '), after.size()));
    double value = -1;
    const auto [end, fault] = std::from_chars(given.data(), given.data() + given.size(), value);
    const std::string_view rest = given.substr(static_cast<std::size_t>(end - given.data()));
    const std::size_t more = rest.find_first_not_of(' ');
    const bool ends = more == std::string_view::npos || (more > 0 && rest[more] == '#');
    if (fault != std::errc() || !ends || !(value >= 0 && value <= 1)) {
      throw InputError(fmt::format("{}:{}: 'alpha_default' is '{}'; it must be a number from 0 to 1", file.string(),
                                   lines.number(), given));
    }
    return value;
  }
  return 0;
}

}  // namespace

bool is_operator_grid(const std::filesystem::path& folder) {
  return std::filesystem::exists(folder / "dense.csv") && std::filesystem::exists(folder / "attention.csv") &&
         std::filesystem::exists(folder / "per_sequence.csv");
}

GridSum read_operator_grid(const std::filesystem::path& folder, const Transformer& model, std::int32_t tensor_parallel,
                           const Link& link) {
  if (model.num_experts > 0) {
    throw InputError("--model: grids of models with experts are not read: their routing is not in dense.csv");
  }
  GridSum sum;
  const double layers = model.shape.num_layers;
  sum.layers = layers;
  sum.tokens = sum_of(read_layers(folder / "dense.csv", "tokens"), folder / "dense.csv",
                      {{"qkv_proj", layers},
                       {"rotary_emb", layers},
                       {"o_proj", layers},
                       {"gate_up_proj", layers},
                       {"act_fn", layers},
                       {"down_proj", layers},
                       {"layernorm", 2 * layers},
                       {"qk_norm", layers, model.query_key_norm},
                       {"embedding", 1},
                       {"final_layernorm", 1}});
  if (tensor_parallel > 1) {
    if (link.bytes_per_second <= 0) {
      throw InputError(
          "--link-gb-s: is needed with --tp above 1, and --link-us: the grid does not hold the time of an all-reduce");
    }
    for (std::size_t i = 0; i < sum.tokens.x.size(); ++i) {
      const double bytes = 2.0 * sum.tokens.x[i] * model.shape.embedding_dim;
      sum.tokens.y[i] += 2 * layers * (1e-3 * link.latency_us + 1e3 * bytes / link.bytes_per_second);
    }
  }
  sum.requests = sum_of(read_layers(folder / "per_sequence.csv", "sequences"), folder / "per_sequence.csv",
                        {{"lm_head", 1}, {"sampler", 1}});
  sum.attention = read_attention(folder / "attention.csv");
  sum.skew = stated_skew(folder / "meta.yaml", tensor_parallel);
  return sum;
}

}  // namespace switchyard
