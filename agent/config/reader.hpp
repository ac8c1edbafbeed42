#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/config/config_error.hpp"
#include "agent/config/yaml_tree.hpp"
#include "agent/model/series.hpp"

namespace pgtend::config {

// Reads scalars and plain collections out of one file's tree. Every wrong value adds one error and leaves the target
// as it was. Remembers where each path ("policy.rules[2].mode") was written, for checks that look at the whole.
class Reader {
 public:
  Reader(std::string file, std::vector<ConfigError>& errors, Origins& origins)
      : file_(std::move(file)), errors_(errors), origins_(origins) {}

  [[nodiscard]] const std::string& file() const { return file_; }
  // Also marks what is read now as broken.
  void error(Position at, std::string message, std::string hint = "");

  // The position of a value, or of its key when the value is empty.
  [[nodiscard]] static Position where(const Entry& entry);

  // Each returns true when `out` was set.
  bool text(const Entry& entry, std::string& out);
  bool boolean(const Entry& entry, bool& out);
  bool integer(const Entry& entry, std::int64_t& out, std::int64_t low, std::int64_t high);
  bool number(const Entry& entry, double& out, double low, double high);
  bool duration(const Entry& entry, Millis& out, Millis low, Millis high);
  bool bytes(const Entry& entry, std::int64_t& out, std::int64_t low, std::int64_t high);
  bool choice(const Entry& entry, std::string& out, std::span<const std::string> names);
  // Items are remembered as "path[first]" and on.
  bool text_list(const Entry& entry, std::vector<std::string>& out, std::size_t first = 0);
  // Merges into `out`: a key that is already there is replaced.
  bool text_map(const Entry& entry, std::map<std::string, std::string>& out);
  // Keys are remembered as "path.key".
  bool duration_map(const Entry& entry, std::map<std::string, Millis>& out, Millis low, Millis high);
  bool labels(const Entry& entry, Labels& out);
  // The same with empty values kept.
  bool label_map(const Entry& entry, std::map<std::string, std::string>& out);
  // Whether `name` can be the name of a label, which is an error at this place otherwise.
  bool label_name(Position at, const std::string& name);
  // False and an error unless the value is a map (a list); an empty value counts as an empty one.
  bool is_map(const Entry& entry);
  bool is_list(const Entry& entry);

  // Result: the known key that was probably meant.
  std::optional<std::string> unknown_key(const Entry& entry, std::span<const std::string> known);
  void missing_key(Position at, const std::string& key, const std::string& meaning);

  // The path of what is read now. enter() also remembers the origin of `entry`.
  void enter(const std::string& step, Position at);
  void leave();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void complain(Position at, std::string message, std::string hint);
  bool wrong_type(const Entry& entry, std::string_view expected);
  // The scalar of the entry; null and an error when it is something else.
  const Node* scalar(const Entry& entry, std::string_view expected);

  std::string file_;
  std::vector<ConfigError>& errors_;
  Origins& origins_;
  std::string path_;
  std::vector<std::size_t> path_lengths_;
};

}  // namespace pgtend::config
