#pragma once

#include <string>
#include <string_view>

#include "agent/config/fields.hpp"
#include "agent/config/yaml_tree.hpp"

// Shared by the decoders of data files (collectors, checks, rules, rule tests).
namespace pgtend::config {

// `out` from a whole text by one table; adds every error to `errors`. `origins` gets the position of each path.
template <class T>
void decode_text(std::string_view text, const std::string& file, const Table<T>& table, T& out,
                 std::vector<ConfigError>& errors, Origins& origins) {
  Tree tree = parse_yaml(text, file);
  const bool is_broken = !tree.errors.empty();
  for (auto& error : tree.errors) errors.push_back(std::move(error));
  // What follows a syntax error would be reported as missing.
  if (is_broken && tree.root->kind == NodeKind::null) return;
  Reader reader(file, errors, origins);
  read_map(reader, Entry{"the file", tree.root->at, tree.root}, table, out);
}

// "collectors/postgres/wal.yaml" -> "wal".
[[nodiscard]] std::string file_stem(std::string_view file);
[[nodiscard]] bool is_metric_name(std::string_view name);

// Adds an error when min_version > max_version.
void check_versions(Reader& reader, Position at, const std::optional<int>& low, const std::optional<int>& high);

}  // namespace pgtend::config
