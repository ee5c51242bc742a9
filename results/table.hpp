// A table for people to read in a terminal.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace switchyard {

struct TableStyle {
  std::optional<unsigned> width;  // columns of the terminal; none: as wide as the table is
  bool colour = false;            // ANSI escape sequences
};

// What suits the terminal behind a file descriptor: its width and colours; nothing of either if it is a file or pipe.
TableStyle style_for(int descriptor);

enum class Tone : unsigned char { plain, strong, good, bad, faint };

struct TableCell {
  std::string text;
  Tone tone = Tone::plain;
};

constexpr int kEssential = 1000;

struct TableColumn {
  std::string title;
  bool right = true;   // aligned to the right
  bool wraps = false;  // may be broken after a comma where the width is short
  int importance = 0;  // the least important goes first where the width is short; kEssential: never
};

// Lines that fit style.width if the essential columns do: the least important columns are left out, from the right, and
// those that wrap are broken. A last line names the columns left out. Every row has as many cells as there
// are columns.
std::string render_table(const std::vector<TableColumn>& columns, const std::vector<std::vector<TableCell>>& rows,
                         const TableStyle& style);

}  // namespace switchyard
