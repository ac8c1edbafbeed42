#include "agent/cli/table.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace pgtend::cli {

namespace {

// Display columns, one per code point: what a terminal shows of the texts that pgtend prints.
std::size_t columns_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string cut(const std::string& text, std::size_t columns) {
  if (columns_of(text) <= columns) return text;
  std::size_t seen = 0, at = 0;
  for (; at < text.size(); ++at)
    if ((text[at] & 0xC0) != 0x80 && seen++ == columns - 1) break;
  return text.substr(0, at) + "…";
}

}  // namespace

int terminal_width() {
  if (isatty(STDOUT_FILENO) == 0) return 0;
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 80;
}

std::string Table::render() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]));
  const int terminal = terminal_width();
  std::string out;
  for (const auto& row : rows_) {
    std::size_t used = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i + 1 == row.size()) {
        const auto left = terminal > 0 ? static_cast<std::size_t>(terminal) : 0;
        out += left > used + 8 ? cut(row[i], left - used) : row[i];
      } else {
        out += row[i] + std::string(widths[i] - columns_of(row[i]) + 2, ' ');
        used += widths[i] + 2;
      }
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    out += '\n';
  }
  return out;
}

}  // namespace pgtend::cli
