#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config_error.hpp"

// Our own tree of a YAML text: every node knows its position, keys are checked for duplicates while it grows, and its
// size is bounded, so that what reads it needs neither yaml-cpp nor a guard.
namespace pgtend::config {

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Entry {
  std::string key;
  Position at;  // of the key
  NodePtr value;
};

enum class NodeKind { null, scalar, list, map };

struct Node {
  NodeKind kind = NodeKind::null;
  Position at;
  std::string scalar;
  bool quoted = false;  // '5' is text, 5 is a number
  std::vector<NodePtr> items;
  std::vector<Entry> entries;
  std::size_t weight = 1;  // nodes below and itself, aliases counted each time
};

inline constexpr std::string_view kNotUtf8 = "this is not UTF-8";

struct Tree {
  NodePtr root;  // null kind for an empty text; never a null pointer
  std::vector<ConfigError> errors;
  std::vector<int> unreadable_lines;  // not UTF-8: what else is said of them is a consequence
};

// Source: no shipped file nests deeper than 6 or holds 2,000 nodes.
inline constexpr int kMaxDepth = 64;
inline constexpr std::size_t kMaxNodes = 200'000;

// Never throws. A text that is too large, too deep, not YAML, or more than one document gives one error and what was
// read before it; duplicate keys give one error each and the first value stays.
[[nodiscard]] Tree parse_yaml(std::string_view text, const std::string& file);

}  // namespace pgtend::config
