#include "core/cost/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "core/cost/json_fields.hpp"
#include "core/input/csv.hpp"

namespace switchyard {

namespace {

// Read at the total rounded up to kTokenGrain.
constexpr std::array kTokenOperators = {
    "attn_pre_proj",   "attn_post_proj",           "mlp_up_proj", "mlp_down_proj", "mlp_act", "attn_rope",
    "input_layernorm", "post_attention_layernorm", "add"};
constexpr const char* kCacheSave = "attn_kv_cache_save";  // read at the exact total

double milliseconds(const CsvReader& csv, std::size_t column) {
  const double value = csv.number(column);
  if (!(value >= 0.0 && value <= 1e6)) throw csv.fail(column, "must be milliseconds from 0 to 1e6");
  return value;
}

// Checks that the key of row i is first + i * step.
void check_key(const CsvReader& csv, std::size_t column, std::size_t i, std::int64_t first, std::int64_t step) {
  const std::int64_t expected = first + static_cast<std::int64_t>(i) * step;
  if (csv.integer(column) != expected) {
    throw csv.fail(column, fmt::format("must be {}: rows go up by {} from {}", expected, step, first));
  }
}

// A matrix: the first column names rows, all others are named by number. Returns the entries row by row.
struct Matrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<double> entries;
};

Matrix read_matrix(const std::filesystem::path& file, const char* row_key, std::int64_t first_row,
                   std::int64_t row_step, std::int64_t first_column, std::int64_t column_step) {
  CsvReader csv(file);
  const std::size_t key = csv.column(row_key);
  Matrix matrix;
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i + 1 < csv.header().size(); ++i) {
    const std::string name = fmt::format("{}", first_column + static_cast<std::int64_t>(i) * column_step);
    columns.push_back(csv.header()[i + 1] == name ? i + 1 : csv.column(name));  // in order, as a rule
  }
  matrix.columns = columns.size();
  while (csv.next()) {
    check_key(csv, key, matrix.rows++, first_row, row_step);
    for (const std::size_t column : columns) matrix.entries.push_back(milliseconds(csv, column));
  }
  if (matrix.rows < 2 || matrix.columns < 2) {
    throw InputError(fmt::format("{}: has {} rows and {} columns of times; at least 2 of each are needed",
                                 file.string(), matrix.rows, matrix.columns));
  }
  return matrix;
}

// The rise per entry over the upper half of a column, from which it goes on; never downwards.
double upper_slope(const std::vector<double>& column) {
  const std::size_t last = column.size() - 1;
  const std::size_t middle = last / 2;
  return std::max(0.0, column[last] - column[middle]) / static_cast<double>(last - middle);
}

// Sets what `times` says of token operators: each of them goes on by its own slope.
void read_token_operators(const std::filesystem::path& file, CostTables& times) {
  CsvReader csv(file);
  const std::size_t key = csv.column("num_tokens");
  std::array<std::size_t, kTokenOperators.size()> columns{};
  for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = csv.column(kTokenOperators[i]);
  const std::size_t save_column = csv.column(kCacheSave);
  std::array<std::vector<double>, kTokenOperators.size()> each;
  for (std::vector<double>& column : each) column = {0.0};
  std::vector<double> operators = {0.0};
  std::vector<double> save = {0.0};
  while (csv.next()) {
    check_key(csv, key, save.size() - 1, 1, 1);
    double sum = 0.0;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      each[i].push_back(milliseconds(csv, columns[i]));
      sum += each[i].back();
    }
    operators.push_back(sum);
    save.push_back(milliseconds(csv, save_column));
  }
  const std::size_t rows = save.size() - 1;
  if (rows == 0 || rows % kTokenGrain != 0) {
    throw InputError(fmt::format("{}:{}: ends after {} rows; a multiple of {} is needed (is the file cut short?)",
                                 file.string(), csv.line(), rows, kTokenGrain));
  }
  times.tokens = {0.0};
  for (std::size_t t = 1; t <= rows; ++t) {
    times.tokens.push_back(operators[(t + kTokenGrain - 1) / kTokenGrain * kTokenGrain] + save[t]);
  }
  times.operators_slope = 0.0;
  for (const std::vector<double>& column : each) times.operators_slope += upper_slope(column);
  times.cache_save_slope = upper_slope(save);
}

}  // namespace

LayerTimes read_cost_tables(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) {
    throw InputError(fmt::format("{}: there is no such folder of prediction tables", folder.string()));
  }
  LayerTimes times;
  const JsonFile model(folder / "model.json");
  json_check_keys(model, model_shape_keys());
  times.shape = json_model_shape(model, false);

  CostTables& ms = times.ms;
  read_token_operators(folder / "token_ops.csv", ms);
  const std::size_t num_tokens = ms.tokens.size() - 1;
  const Matrix decode = read_matrix(folder / "attn_decode.csv", "batch_size", 1, 1, 0, kKvGrain);
  const Matrix prefill = read_matrix(folder / "attn_prefill.csv", "kv_cache_size", 0, kKvGrain, 1, 1);
  const auto cut_short = [&](std::string_view what, std::size_t found, std::string_view other, std::size_t expected) {
    return InputError(fmt::format("{}: has {} {}; {} calls for {} (is one of them cut short?)",
                                  (folder / "attn_prefill.csv").string(), found, what, other, expected));
  };
  if (prefill.rows != decode.columns) throw cut_short("rows", prefill.rows, "attn_decode.csv", decode.columns);
  if (prefill.columns != num_tokens) {
    throw cut_short("columns of chunks", prefill.columns, "token_ops.csv", num_tokens);
  }
  ms.max_tokens = static_cast<std::int32_t>(num_tokens);
  ms.max_decodes = static_cast<std::int32_t>(decode.rows);
  ms.max_decode_kv_steps = static_cast<std::int32_t>(decode.columns) - 1;
  ms.max_prefill_kv_steps = static_cast<std::int32_t>(prefill.rows) - 1;
  ms.max_chunk = static_cast<std::int32_t>(prefill.columns);
  std::vector<double> tokens = std::move(ms.tokens);
  ms.allocate();
  ms.tokens = std::move(tokens);
  std::copy(decode.entries.begin(), decode.entries.end(),
            ms.decode.begin() + static_cast<std::ptrdiff_t>(decode.columns));
  for (std::size_t k = 0; k < prefill.rows; ++k) {
    for (std::size_t c = 0; c < prefill.columns; ++c) {
      ms.prefill_at(static_cast<std::int32_t>(k), static_cast<std::int32_t>(c) + 1) =
          prefill.entries[k * prefill.columns + c];
    }
  }
  return times;
}

}  // namespace switchyard
