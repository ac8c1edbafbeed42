#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"

namespace pgtend::change {

// What the pipeline remembers of a change besides its columns: the JSON object in Change::evidence_before. Numbers,
// names of objects and hashes only; no literals of user data.
class Notes {
 public:
  Notes() = default;
  // Malformed text is an empty object.
  explicit Notes(std::string json) : json_(std::move(json)) {}

  [[nodiscard]] std::string text(std::string_view key) const;
  [[nodiscard]] std::optional<UtcTime> time(std::string_view key) const;
  [[nodiscard]] std::vector<std::int64_t> ids(std::string_view key) const;
  void set(std::string_view key, const std::string& value);
  void set(std::string_view key, UtcTime value);
  void set(std::string_view key, double value);
  void set(std::string_view key, const std::vector<std::int64_t>& value);
  // `json` is an object of its own.
  void set_object(std::string_view key, const std::string& json);
  [[nodiscard]] std::string object(std::string_view key) const;
  [[nodiscard]] const std::string& json() const { return json_; }

 private:
  std::string json_ = "{}";
};

}  // namespace pgtend::change
