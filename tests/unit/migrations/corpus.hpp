#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pgtend::test {

// One migration of tests/unit/migrations/corpus: a file holds many, each behind a line `-- case: NAME`, with lines
// `-- server: N` and `-- expect: RULE@LINE` (from 1, of the migration alone) before its text. Without `expect` it is
// good.
struct MigrationCase {
  std::string file, name;
  int server = 13;
  std::string as_file;                // `-- file: NAME`: the name it is linted under
  std::vector<std::string> expected;  // "rule@line", in order
  std::string text;
};

[[nodiscard]] std::vector<MigrationCase> read_corpus();

}  // namespace pgtend::test
