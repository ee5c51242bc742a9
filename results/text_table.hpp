// The cells of one table as a terminal shows them, as Markdown or as CSV.
#pragma once

#include <functional>

#include "results/leaderboard.hpp"
#include "results/table.hpp"

namespace switchyard {

// A pipe in a cell is escaped.
std::string markdown_table(const std::vector<TableColumn>& columns, const std::vector<std::vector<TableCell>>& rows);

// A figure of a CSV file; "" where there is none, or no bound.
std::string number_or_nothing(double value);

// As RFC 4180 has it, lines end in \n: a cell with a comma, a quote or a line break is quoted.
std::string csv_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

// The table with its caption for people, or what csv() or json() make for programs.
std::string render_as(TableFormat format, const TableStyle& style, const std::vector<TableColumn>& columns,
                      const std::vector<std::vector<TableCell>>& rows, const std::string& caption,
                      const std::function<std::string()>& csv, const std::function<std::string()>& json);

// "1.234 [1.200, 1.268]"; "1.234 [-]" without an interval, "[1.200, inf]" where one end is not bounded, "-" without a
// figure.
std::string interval_text(const Spread& spread, int digits = 3);
// A relative change in the same way: "+1.2% [-0.3, +2.7]".
std::string change_text(const Spread& change, int digits = 1);

// Good or bad where the whole interval lies to one side of `same`, faint where it holds it.
Tone tone_of(const Spread& spread, double same, bool higher_is_better);

}  // namespace switchyard
