#include "results/text_table.hpp"

#include <fmt/format.h>

#include <cmath>

namespace switchyard {

namespace {

// The cell with `with` before each `special`.
std::string escaped(const std::string& cell, char special, char with) {
  std::string text;
  for (const char c : cell) {
    if (c == special) text.push_back(with);
    text.push_back(c);
  }
  return text;
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += ',';
    const bool plain = cells[i].find_first_of(",\"\r\n") == std::string::npos;
    line += plain ? cells[i] : fmt::format("\"{}\"", escaped(cells[i], '"', '"'));
  }
  return line + "\n";
}

}  // namespace

std::string markdown_table(const std::vector<TableColumn>& columns, const std::vector<std::vector<TableCell>>& rows) {
  std::string text = "|", rule = "|";
  for (const TableColumn& column : columns) {
    text += fmt::format(" {} |", escaped(column.title, '|', '\\'));
    rule += column.right ? "---:|" : "---|";
  }
  text += "\n" + rule + "\n";
  for (const auto& row : rows) {
    text += "|";
    for (const TableCell& cell : row) text += fmt::format(" {} |", escaped(cell.text, '|', '\\'));
    text += "\n";
  }
  return text;
}

std::string number_or_nothing(double value) { return std::isfinite(value) ? fmt::format("{}", value) : ""; }

std::string csv_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::string text = csv_line(header);
  for (const auto& row : rows) text += csv_line(row);
  return text;
}

std::string render_as(TableFormat format, const TableStyle& style, const std::vector<TableColumn>& columns,
                      const std::vector<std::vector<TableCell>>& rows, const std::string& caption,
                      const std::function<std::string()>& csv, const std::function<std::string()>& json) {
  switch (format) {
    case TableFormat::table:
      return render_table(columns, rows, style) + "\n" + caption;
    case TableFormat::markdown:
      return markdown_table(columns, rows) + "\n" + caption;
    case TableFormat::csv:
      return csv();
    case TableFormat::json:
      return json();
  }
  return "";
}

std::string interval_text(const Spread& spread, int digits) {
  if (std::isnan(spread.value)) return "-";
  if (!spread.has_interval()) return fmt::format("{:.{}f} [-]", spread.value, digits);
  return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", spread.value, digits, spread.low, digits, spread.high, digits);
}

std::string change_text(const Spread& change, int digits) {
  if (std::isnan(change.value)) return "-";
  if (!change.has_interval()) return fmt::format("{:+.{}f}% [-]", 100 * change.value, digits);
  return fmt::format("{:+.{}f}% [{:+.{}f}, {:+.{}f}]", 100 * change.value, digits, 100 * change.low, digits,
                     100 * change.high, digits);
}

Tone tone_of(const Spread& spread, double same, bool higher_is_better) {
  if (spread.holds(same)) return Tone::faint;
  return (spread.high < same) != higher_is_better ? Tone::good : Tone::bad;
}

}  // namespace switchyard
