#include "core/cost/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "core/cost/json_fields.hpp"
#include "core/input/csv.hpp"

namespace switchyard {

namespace {

constexpr std::array kTokenOperators = {
    "attn_pre_proj",   "attn_post_proj",           "mlp_up_proj", "mlp_down_proj", "mlp_act", "attn_rope",
    "input_layernorm", "post_attention_layernorm", "add"};
constexpr std::size_t kFewestSamples = 5;  // along a curve; scattered points make no curve
constexpr double kTolerance = 0.004;
constexpr int kMaxContext = 4096;  // what Vidur's profiles and tables end at

// Where points were measured, with the mean of what was measured there.
class Samples {
 public:
  void add(double x, double y) {
    auto& [sum, count] = points_[x];
    sum += y;
    ++count;
  }
  std::size_t size() const { return points_.size(); }
  Curve curve() const {
    Curve curve;
    for (const auto& [x, point] : points_) {
      curve.x.push_back(x);
      curve.y.push_back(point.first / point.second);
    }
    return curve;
  }

 private:
  std::map<double, std::pair<double, int>> points_;
};

double milliseconds(const CsvReader& csv, std::size_t column) {
  const double value = csv.number(column);
  if (value < 0 || value > 1e6) throw csv.fail(column, "must be a time from 0 to 1e6 ms");
  return value;
}

CurveSet curves_of(const std::map<double, Samples>& samples, const CsvReader& csv, const char* what) {
  CurveSet set;
  for (const auto& [position, points] : samples) {
    if (points.size() < kFewestSamples) continue;
    set.position.push_back(position);
    set.curves.push_back(points.curve());
  }
  if (set.curves.size() < 2) {
    throw InputError(fmt::format("{}: too few {} samples: at least 2 curves of {} points are needed", csv.file(), what,
                                 kFewestSamples));
  }
  return set;
}

void read_mlp(const std::filesystem::path& file, Profile& profile) {
  CsvReader csv(file);
  const std::size_t tokens = csv.column("num_tokens");
  const std::size_t workers = csv.column("num_tensor_parallel_workers");
  std::vector<std::size_t> columns;
  for (const char* name : kTokenOperators) columns.push_back(csv.column(fmt::format("time_stats.{}.median", name)));
  const std::size_t heads = csv.column("n_head"), kv_heads = csv.column("n_kv_head");
  const std::size_t embedding = csv.column("n_embd"), mlp = csv.column("n_expanded_embd");
  std::vector<Samples> samples(columns.size());
  std::map<double, bool> positions;
  while (csv.next()) {
    if (csv.integer(workers) != 1) continue;
    const double n = csv.number(tokens);
    if (n < 1) throw csv.fail(tokens, "must be at least 1");
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (!csv.text(columns[i]).empty()) samples[i].add(n, milliseconds(csv, columns[i]));  // blank: not measured there
    }
    positions[n] = true;
    auto whole = [&](std::size_t column) {
      const std::int64_t value = csv.integer(column);
      if (value < 1 || value > 1'000'000) throw csv.fail(column, "must be from 1 to 1000000");
      return static_cast<std::int32_t>(value);
    };
    profile.shape.num_q_heads = whole(heads);
    profile.shape.num_kv_heads = whole(kv_heads);
    profile.shape.embedding_dim = whole(embedding);
    profile.shape.mlp_dim = whole(mlp);
    profile.shape.head_dim = profile.shape.embedding_dim / profile.shape.num_q_heads;
  }
  std::vector<Curve> curves;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].size() < 2) {
      throw InputError(fmt::format("{}: '{}' has too few rows for tensor parallel 1", csv.file(), kTokenOperators[i]));
    }
    curves.push_back(samples[i].curve());
  }
  for (const auto& [n, unused] : positions) {
    double sum = 0;
    for (const Curve& curve : curves) sum += curve.at(n);
    profile.tokens.x.push_back(n);
    profile.tokens.y.push_back(sum);
  }
}

void read_attention(const std::filesystem::path& file, Profile& profile) {
  CsvReader csv(file);
  const bool medians = csv.has_column("kind");  // the short format
  const std::size_t batch = csv.column("batch_size"), chunk = csv.column("prefill_chunk_size");
  const std::size_t kv = csv.column("kv_cache_size"), kind = csv.column(medians ? "kind" : "is_prefill");
  auto column = [&](const char* name) {
    return csv.column(medians ? fmt::format("{}_median", name) : fmt::format("time_stats.{}.median", name));
  };
  const std::size_t prefill_time = column("attn_prefill"), decode_time = column("attn_decode");
  const std::size_t save_time = column("attn_kv_cache_save");
  std::map<double, Samples> decode, prefill;
  Samples save;
  while (csv.next()) {
    if (!medians && csv.integer(csv.column("num_tensor_parallel_workers")) != 1) continue;
    const bool is_prefill = medians ? csv.text(kind) == "prefill" : csv.text(kind) == "True";
    if (is_prefill && csv.integer(batch) != 1) continue;
    if (is_prefill) {
      prefill[csv.number(kv)].add(csv.number(chunk), milliseconds(csv, prefill_time));
    } else {
      decode[csv.number(batch)].add(csv.number(kv), milliseconds(csv, decode_time));
    }
    if (!csv.text(save_time).empty()) {
      save.add(is_prefill ? csv.number(chunk) : csv.number(batch), milliseconds(csv, save_time));
    }
  }
  profile.decode = curves_of(decode, csv, "decode");
  profile.prefill = curves_of(prefill, csv, "prefill");
  if (save.size() > 0) profile.save = save.curve();
}

// Keeps first and last knot and those that the line between kept neighbours misses by more than the tolerance
// (Ramer, Douglas, Peucker, with relative error).
void thin(const Curve& curve, std::size_t begin, std::size_t end, std::vector<bool>& keep) {
  keep[begin] = keep[end] = true;
  double worst = kTolerance;
  std::size_t at = begin;
  for (std::size_t i = begin + 1; i < end; ++i) {
    const double part = (curve.x[i] - curve.x[begin]) / (curve.x[end] - curve.x[begin]);
    const double line = curve.y[begin] + part * (curve.y[end] - curve.y[begin]);
    const double error = std::abs(line - curve.y[i]) / std::max(curve.y[i], 1e-9);
    if (error > worst) {
      worst = error;
      at = i;
    }
  }
  if (at == begin) return;
  thin(curve, begin, at, keep);
  thin(curve, at, end, keep);
}

std::string curve_json(const Curve& curve) {
  std::vector<bool> keep(curve.x.size(), false);
  if (!curve.x.empty()) thin(curve, 0, curve.x.size() - 1, keep);
  std::string text = "[";
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    if (!keep[i]) continue;
    text += fmt::format("{}[{},{}]", text.size() > 1 ? "," : "", curve.x[i], std::round(curve.y[i] * 1e6) / 1e6);
  }
  return text + "]";
}

std::string set_json(const CurveSet& set) {
  std::string text = "[";
  for (std::size_t i = 0; i < set.curves.size(); ++i) {
    text += fmt::format("{}\n    {{\"at\": {}, \"knots\": {}}}", i > 0 ? "," : "", set.position[i],
                        curve_json(set.curves[i]));
  }
  return text + "\n  ]";
}

Curve curve_from(const nlohmann::json& json) {
  Curve curve;
  for (const auto& knot : json) {
    curve.x.push_back(knot.at(0));
    curve.y.push_back(knot.at(1));
    const std::size_t n = curve.x.size();
    if (!(curve.y.back() >= 0) || (n > 1 && curve.x[n - 1] <= curve.x[n - 2])) {
      throw InputError("knots must rise and times must not be negative");
    }
  }
  return curve;
}

CurveSet set_from(const nlohmann::json& json) {
  CurveSet set;
  for (const auto& entry : json) {
    set.position.push_back(entry.at("at"));
    set.curves.push_back(curve_from(entry.at("knots")));
  }
  if (set.curves.size() < 2) throw InputError("at least two curves are needed");
  return set;
}

}  // namespace

double Curve::at(double position) const {
  if (x.empty()) return 0;
  if (position <= x.front()) return y.front();
  if (position >= x.back()) {
    const double middle = 0.5 * (x.front() + x.back());
    const double rise = y.back() - at(middle);
    return position == x.back() || x.size() < 2
               ? y.back()
               : y.back() + std::max(0.0, rise / (x.back() - middle)) * (position - x.back());
  }
  const auto next = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), position) - x.begin());
  const double part = (position - x[next - 1]) / (x[next] - x[next - 1]);
  return y[next - 1] + part * (y[next] - y[next - 1]);
}

double CurveSet::at(double wanted, double x) const {
  if (wanted <= position.front()) return curves.front().at(x);
  const auto found = std::upper_bound(position.begin(), position.end(), wanted) - position.begin();
  const std::size_t next = std::min(static_cast<std::size_t>(found), position.size() - 1);
  const double below = curves[next - 1].at(x), above = curves[next].at(x);
  const double part = (wanted - position[next - 1]) / (position[next] - position[next - 1]);
  return part <= 1 ? below + part * (above - below) : above + (part - 1) * std::max(0.0, above - below);
}

Profile read_profile_folder(const std::filesystem::path& folder) {
  const std::filesystem::path plain = folder.has_filename() ? folder : folder.parent_path();
  Profile profile;
  profile.name = plain.filename().string();
  profile.source = "Vidur profile CSVs";
  const std::map<std::string, std::int32_t> layers = {
      {"Llama-2-7b-hf", 32}, {"Llama-2-70b-hf", 80}, {"Meta-Llama-3-8B", 32}, {"Meta-Llama-3-70B", 80},
      {"Qwen-2-7B", 28},     {"phi-2", 32},          {"internlm-20b", 60},    {"CodeLlama-34b-Instruct-hf", 48}};
  read_mlp(plain / "mlp.csv", profile);
  const bool full = std::filesystem::exists(plain / "attention.csv");
  read_attention(plain / (full ? "attention.csv" : "attention_medians.csv"), profile);
  if (std::filesystem::exists(plain / "model.json")) {
    profile.shape.num_layers = json_integer(JsonFile(plain / "model.json"), "num_layers", 1, 10000);
  } else if (const auto known = layers.find(profile.name); known != layers.end()) {
    profile.shape.num_layers = known->second;
  } else {
    throw InputError(
        fmt::format("{}: the CSVs do not say how many layers '{}' has: put a model.json with "
                    "{{\"num_layers\": n}} beside them",
                    plain.string(), profile.name));
  }
  return profile;
}

Profile read_profile_json(const JsonFile& file) {
  try {
    const auto& json = file.root();
    Profile profile;
    profile.name = json.at("name");
    profile.source = json.at("source");
    profile.shape = json_model_shape(file, true, "/model");
    profile.tokens = curve_from(json.at("token_operators"));
    profile.save = curve_from(json.at("attn_kv_cache_save"));
    profile.decode = set_from(json.at("attn_decode"));
    profile.prefill = set_from(json.at("attn_prefill"));
    if (profile.tokens.x.size() < 2) throw InputError("token_operators needs at least two knots");
    return profile;
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: not a profile: {}", file.name(), error.what()));
  }
}

std::string profile_json(const Profile& profile) {
  const ModelShape& shape = profile.shape;
  return fmt::format(
      "{{\n  \"name\": \"{}\",\n  \"source\": \"{}\",\n  \"model\": {{\"num_layers\": {}, \"num_q_heads\": {}, "
      "\"num_kv_heads\": {}, \"head_dim\": {}, \"embedding_dim\": {}, \"mlp_dim\": {}}},\n"
      "  \"token_operators\": {},\n  \"attn_kv_cache_save\": {},\n  \"attn_decode\": {},\n  \"attn_prefill\": {}\n}}\n",
      profile.name, profile.source, shape.num_layers, shape.num_q_heads, shape.num_kv_heads, shape.head_dim,
      shape.embedding_dim, shape.mlp_dim, curve_json(profile.tokens), curve_json(profile.save),
      set_json(profile.decode), set_json(profile.prefill));
}

LayerTimes compile_profile(const Profile& profile) {
  LayerTimes times{.shape = profile.shape, .ms = {}};
  CostTables& ms = times.ms;
  ms.max_tokens = kMaxContext;
  ms.max_decodes = static_cast<std::int32_t>(profile.decode.position.back());
  ms.max_decode_kv_steps = ms.max_prefill_kv_steps = kMaxContext / kKvGrain;
  ms.max_chunk = kMaxContext;
  ms.allocate();
  for (std::int32_t t = 1; t <= ms.max_tokens; ++t) {
    const std::int32_t rounded = (t + kTokenGrain - 1) / kTokenGrain * kTokenGrain;
    ms.tokens[static_cast<std::size_t>(t)] = profile.tokens.at(rounded) + profile.save.at(t);
  }
  ms.covered_tokens = static_cast<std::int32_t>(profile.tokens.x.back());
  auto last_of = [](const CurveSet& set, double position) {  // the shorter of the curves around it
    const auto above = std::lower_bound(set.position.begin(), set.position.end(), position) - set.position.begin();
    if (above == static_cast<std::ptrdiff_t>(set.position.size())) return -1.0;
    const auto next = static_cast<std::size_t>(above);
    const double end = set.curves[next].x.back();
    return next > 0 ? std::min(end, set.curves[next - 1].x.back()) : end;
  };
  ms.decode_covered.assign(static_cast<std::size_t>(ms.max_decodes) + 1, ms.max_decode_kv_steps);
  for (std::int32_t b = 1; b <= ms.max_decodes; ++b) {
    for (std::int32_t k = 0; k <= ms.max_decode_kv_steps; ++k) ms.decode_at(b, k) = profile.decode.at(b, k * kKvGrain);
    ms.decode_covered[static_cast<std::size_t>(b)] =
        static_cast<std::int32_t>(std::ceil(last_of(profile.decode, b) / kKvGrain));
  }
  ms.prefill_covered.assign(static_cast<std::size_t>(ms.max_prefill_kv_steps) + 1, -1);
  for (std::int32_t k = 0; k <= ms.max_prefill_kv_steps; ++k) {
    for (std::int32_t c = 1; c <= ms.max_chunk; ++c) ms.prefill_at(k, c) = profile.prefill.at(k * kKvGrain, c);
    ms.prefill_covered[static_cast<std::size_t>(k)] = static_cast<std::int32_t>(last_of(profile.prefill, k * kKvGrain));
  }
  return times;
}

}  // namespace switchyard
