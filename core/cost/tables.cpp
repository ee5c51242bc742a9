// Prediction tables, ms per layer, compiled to ticks per batch.
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "core/cost/source.hpp"
#include "core/input/csv.hpp"
#include "core/input/json_file.hpp"

namespace switchyard {

namespace {

constexpr double kTicksPerMs = 1e9;

double milliseconds(const CsvReader& csv, std::size_t column) {
  const double value = csv.number(column);
  if (value < 0 || value > 1e6) throw csv.fail(column, "must be a time from 0 to 1e6 ms");
  return value;
}

std::int32_t shape_entry(const JsonFile& json, const std::string& key) {
  const auto& root = json.root();
  if (!root.is_object() || !root.contains(key) || !root[key].is_number_integer() || root[key] < 1 ||
      root[key] > 100000) {
    throw InputError(fmt::format("{}: '{}' must be a whole number from 1 to 100000", json.name(), key));
  }
  return root[key].get<std::int32_t>();
}

// A table whose first column counts rows and whose header counts columns, each in steps of its own.
struct Grid {
  std::vector<std::vector<double>> rows;
  std::int32_t columns = 0;
};

Grid read_grid(const std::filesystem::path& file, std::int64_t first_row, std::int64_t row_step,
               std::int64_t first_column, std::int64_t column_step) {
  CsvReader csv(file);
  Grid grid;
  grid.columns = static_cast<std::int32_t>(csv.header().size()) - 1;
  if (grid.columns < 1) throw InputError(fmt::format("{}:1: the table has no columns", csv.file()));
  for (std::size_t i = 1; i < csv.header().size(); ++i) {
    const std::int64_t expected = first_column + static_cast<std::int64_t>(i - 1) * column_step;
    if (csv.header()[i] != std::to_string(expected)) {
      throw InputError(fmt::format("{}:1:{}: column '{}' must be {}", csv.file(), i + 1, csv.header()[i], expected));
    }
  }
  while (csv.next()) {
    const std::int64_t expected = first_row + static_cast<std::int64_t>(grid.rows.size()) * row_step;
    if (csv.integer(0) != expected) throw csv.fail(0, fmt::format("must be {}", expected));
    std::vector<double>& row = grid.rows.emplace_back();
    row.reserve(static_cast<std::size_t>(grid.columns));
    for (std::size_t i = 1; i < csv.header().size(); ++i) row.push_back(milliseconds(csv, i));
  }
  if (grid.rows.empty()) throw InputError(fmt::format("{}:{}: the table has no rows", csv.file(), csv.line()));
  return grid;
}

}  // namespace

CostSource load_cost_tables(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) {
    throw InputError(fmt::format("--cost-tables: '{}' is not a folder", folder.string()));
  }
  const JsonFile model(folder / "model.json");
  CostSource source;
  source.shape = {.num_layers = shape_entry(model, "num_layers"),
                  .num_q_heads = shape_entry(model, "num_q_heads"),
                  .num_kv_heads = shape_entry(model, "num_kv_heads")};
  const double scale = kTicksPerMs * source.shape.num_layers;
  const bool grouped = source.shape.num_kv_heads < source.shape.num_q_heads;

  CostTables tables;
  CsvReader ops(folder / "token_ops.csv");
  constexpr std::array kOperators = {"attn_pre_proj", "attn_post_proj", "mlp_up_proj",
                                     "mlp_down_proj", "mlp_act",        "attn_rope",
                                     "add",           "input_layernorm", "post_attention_layernorm"};
  const std::size_t tokens_column = ops.column("num_tokens");
  const std::size_t save_column = ops.column("attn_kv_cache_save");
  std::vector<std::size_t> columns;
  for (const char* name : kOperators) columns.push_back(ops.column(name));
  std::vector<double> compute = {0.0}, save = {0.0};
  while (ops.next()) {
    if (ops.integer(tokens_column) != static_cast<std::int64_t>(compute.size())) {
      throw ops.fail(tokens_column, fmt::format("must be {}", compute.size()));
    }
    double sum = 0;
    for (const std::size_t column : columns) sum += milliseconds(ops, column);
    compute.push_back(sum);
    save.push_back(milliseconds(ops, save_column));
  }
  if (compute.size() < 2) throw InputError(fmt::format("{}:{}: the table has no rows", ops.file(), ops.line()));
  const std::size_t last = (compute.size() - 1) / kTokenGrain * kTokenGrain;
  if (last == 0) throw InputError(fmt::format("{}: the table must have at least {} rows", ops.file(), kTokenGrain));
  tables.max_tokens = static_cast<std::int32_t>(last);
  for (std::size_t tokens = 0; tokens <= last; ++tokens) {
    const std::size_t rounded = (tokens + kTokenGrain - 1) / kTokenGrain * kTokenGrain;
    tables.tokens.push_back((compute[rounded] + save[tokens]) * scale);
  }

  const Grid decode = read_grid(folder / "attn_decode.csv", 1, 1, 0, kKvGrain);
  tables.max_decodes = static_cast<std::int32_t>(decode.rows.size());
  tables.max_decode_kv_steps = decode.columns - 1;
  tables.decode.assign(static_cast<std::size_t>(decode.columns), 0.0);
  for (std::size_t i = 0; i < decode.rows.size(); ++i) {
    const double factor = grouped && i > 0 ? kGroupedQueryFactor : 1.0;
    for (const double value : decode.rows[i]) tables.decode.push_back(value * factor * scale);
  }

  const Grid prefill = read_grid(folder / "attn_prefill.csv", 0, kKvGrain, 1, 1);
  tables.max_prefill_kv_steps = static_cast<std::int32_t>(prefill.rows.size()) - 1;
  tables.max_chunk = prefill.columns;
  for (const std::vector<double>& row : prefill.rows) {
    tables.prefill.push_back(0.0);
    for (const double value : row) tables.prefill.push_back(value * scale);
  }
  if (grouped) tables.prefill_many_factor = kGroupedQueryFactor;

  source.description = "tables " + folder.filename().string();
  source.model = std::make_shared<CostModel>(source.description, std::move(tables));
  return source;
}

}  // namespace switchyard
