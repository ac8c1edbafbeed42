#pragma once

#include <string>
#include <vector>

namespace pgtend::cli {

// Aligned columns for people and for plain pipes: no colours, no borders, the last column unpadded.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] bool empty() const { return rows_.size() == 1; }
  // The last column is cut (with …) to fit the terminal; off a terminal nothing is cut.
  [[nodiscard]] std::string render() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Columns of the terminal on stdout; 0 when stdout is none.
[[nodiscard]] int terminal_width();

}  // namespace pgtend::cli
