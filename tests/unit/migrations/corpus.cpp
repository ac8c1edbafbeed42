#include "tests/unit/migrations/corpus.hpp"

#include <algorithm>
#include <sstream>

#include "tests/support/process.hpp"
#include "tests/support/source_dir.hpp"

namespace pgtend::test {

std::vector<MigrationCase> read_corpus() {
  const auto folder = std::filesystem::path(source_dir()) / "tests/unit/migrations/corpus";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<MigrationCase> out;
  for (const auto& file : files) {
    std::istringstream in(read_file(file));
    for (std::string line; std::getline(in, line);) {
      const auto value = [&line](std::string_view key) {
        return line.starts_with(key) ? line.substr(key.size()) : std::string();
      };
      if (const auto name = value("-- case: "); !name.empty()) {
        out.push_back({file.filename().string(), name, 13, {}, {}, {}});
      } else if (const auto server = value("-- server: "); !server.empty()) {
        out.back().server = std::stoi(server);
      } else if (const auto as_file = value("-- file: "); !as_file.empty()) {
        out.back().as_file = as_file;
      } else if (const auto expected = value("-- expect: "); !expected.empty()) {
        out.back().expected.push_back(expected);
      } else if (!out.empty()) {
        out.back().text += line + "\n";
      }
    }
  }
  return out;
}

}  // namespace pgtend::test
