#include "results/table.hpp"

#include <algorithm>
#include <numeric>

#include "results/terminal.hpp"

namespace switchyard {

namespace {

constexpr std::size_t kGap = 2;         // blanks between columns
constexpr std::size_t kNarrowest = 28;  // of a column that wraps

// Code points: what a terminal shows of the scripts that specs and names are written in.
std::size_t shown_width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Pieces of at most `width`, broken after commas and opening brackets; one that has none is longer.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
  std::vector<std::string> lines(1);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t last = std::min(text.find_first_of(",(", begin), text.size() - 1);
    const std::string piece = text.substr(begin, last + 1 - begin);
    const bool first = lines.back().empty();
    if (!first && shown_width(lines.back()) + shown_width(piece) > width) lines.emplace_back("  ");
    lines.back() += piece;
    begin = last + 1;
  }
  return lines;
}

std::size_t widest(const std::vector<std::string>& lines) {
  std::size_t width = 0;
  for (const std::string& line : lines) width = std::max(width, shown_width(line));
  return width;
}

const char* escape_of(Tone tone) {
  switch (tone) {
    case Tone::strong:
      return "\x1b[1m";
    case Tone::good:
      return "\x1b[32m";
    case Tone::bad:
      return "\x1b[31m";
    case Tone::faint:
      return "\x1b[2m";
    case Tone::plain:
      break;
  }
  return "";
}

struct Layout {
  std::vector<std::size_t> shown;  // columns, by index
  std::vector<std::size_t> width;  // of every column
};

std::size_t total_width(const Layout& layout) {
  std::size_t total = 0;
  for (const std::size_t c : layout.shown) total += layout.width[c] + kGap;
  return total == 0 ? 0 : total - kGap;
}

Layout lay_out(const std::vector<TableColumn>& columns, const std::vector<std::vector<TableCell>>& rows,
               const TableStyle& style) {
  Layout layout;
  std::vector<std::size_t> natural;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::size_t width = shown_width(columns[c].title);
    std::size_t narrow = width;
    for (const auto& row : rows) {
      width = std::max(width, shown_width(row[c].text));
      narrow = std::max(narrow, columns[c].wraps ? widest(wrapped(row[c].text, kNarrowest)) : 0);
    }
    natural.push_back(width);
    layout.width.push_back(columns[c].wraps && style.width ? narrow : width);
  }
  layout.shown.resize(columns.size());
  std::iota(layout.shown.begin(), layout.shown.end(), std::size_t{0});
  if (!style.width) return layout;
  while (total_width(layout) > *style.width) {
    const auto least = std::min_element(layout.shown.rbegin(), layout.shown.rend(), [&](std::size_t a, std::size_t b) {
      return columns[a].importance < columns[b].importance;
    });
    if (columns[*least].importance >= kEssential) break;
    layout.shown.erase(std::next(least).base());
  }
  for (const std::size_t c : layout.shown) {  // what is left over goes to the columns that wrap
    const std::size_t total = total_width(layout);
    if (total < *style.width) layout.width[c] += std::min(natural[c] - layout.width[c], *style.width - total);
  }
  return layout;
}

// One row, on as many lines as its cells need.
std::string render_row(const std::vector<TableColumn>& columns, const std::vector<TableCell>& row, const Layout& layout,
                       bool colour) {
  std::vector<std::vector<std::string>> cells;
  std::size_t height = 1;
  for (const std::size_t c : layout.shown) {
    cells.push_back(columns[c].wraps ? wrapped(row[c].text, layout.width[c]) : std::vector{row[c].text});
    height = std::max(height, cells.back().size());
  }
  std::string text;
  for (std::size_t line = 0; line < height; ++line) {
    std::string pending;  // blanks that are written only if something follows
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::size_t c = layout.shown[i];
      const std::string piece = line < cells[i].size() ? cells[i][line] : "";
      const std::string blanks(layout.width[c] - std::min(layout.width[c], shown_width(piece)), ' ');
      if (columns[c].right) pending += blanks;
      if (!piece.empty()) {
        const std::string escape = colour ? escape_of(row[c].tone) : "";
        text += pending + escape + piece + (escape.empty() ? "" : "\x1b[0m");
        pending.clear();
      }
      if (!columns[c].right) pending += blanks;
      pending += std::string(kGap, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace

TableStyle style_for(int descriptor) {
  return {.width = terminal_width(descriptor), .colour = wants_colour(descriptor)};
}

std::string render_table(const std::vector<TableColumn>& columns, const std::vector<std::vector<TableCell>>& rows,
                         const TableStyle& style) {
  const Layout layout = lay_out(columns, rows, style);
  std::vector<TableCell> header;
  for (const TableColumn& column : columns) header.push_back({column.title, Tone::strong});
  std::string text = render_row(columns, header, layout, style.colour);
  for (const auto& row : rows) text += render_row(columns, row, layout, style.colour);
  std::string left_out;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (std::find(layout.shown.begin(), layout.shown.end(), c) != layout.shown.end()) continue;
    left_out += (left_out.empty() ? "" : ", ") + columns[c].title;
  }
  if (!left_out.empty())
    text += "Not shown at this width: " + left_out + " (--format markdown, csv or json has all).\n";
  return text;
}

}  // namespace switchyard
