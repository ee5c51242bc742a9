#include "core/cost/vidur_profile.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "core/cost/json_fields.hpp"
#include "core/input/csv.hpp"

namespace switchyard {

namespace {

constexpr std::array<const char*, kNumTokenOperators> kTokenOperators = {
    "attn_pre_proj",   "attn_post_proj",           "mlp_up_proj", "mlp_down_proj", "mlp_act", "attn_rope",
    "input_layernorm", "post_attention_layernorm", "add"};
constexpr std::size_t kFewestSamples = 5;  // along a curve; scattered points make no curve

double milliseconds(const CsvReader& csv, std::size_t column) {
  const double value = csv.number(column);
  if (value < 0 || value > 1e6) throw csv.fail(column, "must be a time from 0 to 1e6 ms");
  return value;
}

double count(const CsvReader& csv, std::size_t column, std::int64_t least, std::int64_t most) {
  const std::int64_t value = csv.integer(column);
  if (value < least || value > most) throw csv.fail(column, fmt::format("must be from {} to {}", least, most));
  return static_cast<double>(value);
}

void read_mlp(const std::filesystem::path& file, VidurMeasurements& measured) {
  CsvReader csv(file);
  const std::size_t tokens = csv.column("num_tokens");
  const std::size_t workers = csv.column("num_tensor_parallel_workers");
  std::array<std::size_t, kNumTokenOperators> columns{};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    columns[i] = csv.column(fmt::format("time_stats.{}.median", kTokenOperators[i]));
  }
  const std::size_t heads = csv.column("n_head"), kv_heads = csv.column("n_kv_head");
  const std::size_t embedding = csv.column("n_embd"), mlp = csv.column("n_expanded_embd");
  while (csv.next()) {
    if (csv.integer(workers) != 1) continue;
    VidurMeasurements::TokenOperators point{.tokens = count(csv, tokens, 1, kLongestProfile)};
    for (std::size_t i = 0; i < columns.size(); ++i) {
      point.ms[i] =
          csv.text(columns[i]).empty() ? std::numeric_limits<double>::quiet_NaN() : milliseconds(csv, columns[i]);
    }
    measured.token_operators.push_back(point);
    const auto whole = [&](std::size_t column) { return static_cast<std::int32_t>(count(csv, column, 1, 1'000'000)); };
    measured.shape.num_q_heads = whole(heads);
    measured.shape.num_kv_heads = whole(kv_heads);
    measured.shape.embedding_dim = whole(embedding);
    measured.shape.mlp_dim = whole(mlp);
    measured.shape.head_dim = measured.shape.embedding_dim / measured.shape.num_q_heads;
  }
}

void read_attention(const std::filesystem::path& file, VidurMeasurements& measured) {
  CsvReader csv(file);
  const bool medians = csv.has_column("kind");  // the short format
  const std::size_t batch = csv.column("batch_size"), chunk = csv.column("prefill_chunk_size");
  const std::size_t kv = csv.column("kv_cache_size"), kind = csv.column(medians ? "kind" : "is_prefill");
  const std::string_view prefill = medians ? "prefill" : "True", decode = medians ? "decode" : "False";
  const auto column = [&](const char* name) {
    return csv.column(medians ? fmt::format("{}_median", name) : fmt::format("time_stats.{}.median", name));
  };
  const std::size_t prefill_time = column("attn_prefill"), decode_time = column("attn_decode");
  const std::size_t save_time = column("attn_kv_cache_save");
  const std::size_t workers = medians ? 0 : csv.column("num_tensor_parallel_workers");
  while (csv.next()) {
    if (!medians && csv.integer(workers) != 1) continue;
    const bool is_prefill = csv.text(kind) == prefill;
    if (!is_prefill && csv.text(kind) != decode) throw csv.fail(kind, fmt::format("must be {} or {}", prefill, decode));
    if (is_prefill && csv.integer(batch) != 1) continue;
    const double members = is_prefill ? 1 : count(csv, batch, 1, kLargestProfileBatch);
    const double length = count(csv, kv, 0, kLongestProfile);
    const double tokens = is_prefill ? count(csv, chunk, 1, kLongestProfile) : members;
    measured.attention.push_back({is_prefill, is_prefill ? length : members, is_prefill ? tokens : length,
                                  milliseconds(csv, is_prefill ? prefill_time : decode_time)});
    if (!csv.text(save_time).empty()) measured.cache_save.push_back({tokens, milliseconds(csv, save_time)});
  }
}

CurveSet curves_of(const VidurMeasurements& measured, bool prefill) {
  std::map<double, CurveSamples> samples;
  for (const auto& point : measured.attention) {
    if (point.prefill == prefill) samples[point.position].add(point.x, point.ms);
  }
  CurveSet set;
  for (const auto& [position, points] : samples) {
    if (points.size() < kFewestSamples) continue;
    set.position.push_back(position);
    set.curves.push_back(points.curve());
  }
  if (set.curves.size() < 2) {
    throw InputError(fmt::format("{}: too few {} samples: at least 2 curves of {} points are needed", measured.folder,
                                 prefill ? "prefill" : "decode", kFewestSamples));
  }
  return set;
}

}  // namespace

VidurMeasurements read_vidur_profile(const std::filesystem::path& folder) {
  const std::filesystem::path plain = folder.has_filename() ? folder : folder.parent_path();
  VidurMeasurements measured;
  measured.folder = plain.string();
  measured.name = plain.filename().string();
  read_mlp(plain / "mlp.csv", measured);
  const bool full = std::filesystem::exists(plain / "attention.csv");
  if (!full && !std::filesystem::exists(plain / "attention_medians.csv")) {
    throw InputError(
        fmt::format("{}: attention.csv is missing (or attention_medians.csv, which holds less)", measured.folder));
  }
  read_attention(plain / (full ? "attention.csv" : "attention_medians.csv"), measured);
  const std::map<std::string, std::int32_t> layers = {
      {"Llama-2-7b-hf", 32}, {"Llama-2-70b-hf", 80}, {"Meta-Llama-3-8B", 32}, {"Meta-Llama-3-70B", 80},
      {"Qwen-2-7B", 28},     {"phi-2", 32},          {"internlm-20b", 60},    {"CodeLlama-34b-Instruct-hf", 48}};
  if (std::filesystem::exists(plain / "model.json")) {
    measured.shape.num_layers = json_integer(JsonFile(plain / "model.json"), "num_layers", 1, 10000);
  } else if (const auto known = layers.find(measured.name); known != layers.end()) {
    measured.shape.num_layers = known->second;
  } else {
    throw InputError(
        fmt::format("{}: the CSVs do not say how many layers '{}' has: put a model.json with "
                    "{{\"num_layers\": n}} beside them",
                    measured.folder, measured.name));
  }
  return measured;
}

Profile profile_of(const VidurMeasurements& measured) {
  Profile profile{.name = measured.name, .source = "Vidur profile CSVs", .shape = measured.shape};
  std::array<CurveSamples, kNumTokenOperators> samples;
  std::set<double> positions;
  for (const auto& point : measured.token_operators) {
    positions.insert(point.tokens);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (!std::isnan(point.ms[i])) samples[i].add(point.tokens, point.ms[i]);
    }
  }
  std::vector<Curve> curves;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (samples[i].size() < 2) {
      throw InputError(fmt::format("{}/mlp.csv: 'time_stats.{}.median' has too few rows for tensor parallel 1",
                                   measured.folder, kTokenOperators[i]));
    }
    curves.push_back(samples[i].curve());
  }
  for (const double tokens : positions) {
    double sum = 0;
    for (const Curve& curve : curves) sum += curve.at(tokens);
    profile.tokens.x.push_back(tokens);
    profile.tokens.y.push_back(sum);
  }
  CurveSamples save;
  for (const auto& point : measured.cache_save) save.add(point.tokens, point.ms);
  profile.save = save.curve();
  profile.decode = curves_of(measured, false);
  profile.prefill = curves_of(measured, true);
  return profile;
}

std::vector<FitError> cross_validate(const VidurMeasurements& measured) {
  std::vector<double> token_errors, decode_errors, prefill_errors;
  const auto add = [](std::vector<double>& errors, double predicted, double found) {
    if (found > 0) errors.push_back(std::abs(predicted - found) / found);
  };
  for (std::size_t fold = 0; fold < kFolds; ++fold) {
    VidurMeasurements rest = measured;
    const auto keep = [&](const auto& all, auto& kept) {
      kept.clear();
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (fold_of(i) != fold) kept.push_back(all[i]);
      }
    };
    keep(measured.token_operators, rest.token_operators);
    keep(measured.attention, rest.attention);
    const Profile profile = profile_of(rest);
    for (std::size_t i = 0; i < measured.token_operators.size(); ++i) {
      if (fold_of(i) != fold) continue;
      double sum = 0;
      for (const double ms : measured.token_operators[i].ms) sum += ms;  // NaN, and left out, if any is missing
      add(token_errors, profile.tokens.at(measured.token_operators[i].tokens), sum);
    }
    for (std::size_t i = 0; i < measured.attention.size(); ++i) {
      if (fold_of(i) != fold) continue;
      const auto& point = measured.attention[i];
      add(point.prefill ? prefill_errors : decode_errors,
          (point.prefill ? profile.prefill : profile.decode).at(point.position, point.x), point.ms);
    }
  }
  return {fit_error("token operators", token_errors), fit_error("decode attention", decode_errors),
          fit_error("prefill attention", prefill_errors)};
}

}  // namespace switchyard
