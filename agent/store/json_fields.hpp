#pragma once

#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/series.hpp"

// Reading and writing of single fields for ledger_json; private to agent/store. Readers throw, parse_stored catches.
namespace pgtend::store::fields {

using Json = nlohmann::json;

// JSON has no NaN and no infinity: these are strings.
inline Json number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return value;
}
inline Json moment(UtcTime value) {
  return to_ms(value);
}
inline Json moment(const std::optional<UtcTime>& value) {
  return value ? Json(to_ms(*value)) : Json(nullptr);
}
inline Json labels(const Labels& value) {
  auto out = Json::object();
  for (const auto& [name, text] : value) out[name] = text;
  return out;
}

inline void read(const Json& from, const char* key, double& to) {
  const auto it = from.find(key);
  if (it == from.end()) return;
  if (it->is_string()) {
    const auto text = it->get<std::string>();
    to = text == "NaN" ? std::numeric_limits<double>::quiet_NaN()
                       : (text == "-Inf" ? -1 : 1) * std::numeric_limits<double>::infinity();
  } else {
    to = it->get<double>();
  }
}
inline void read(const Json& from, const char* key, UtcTime& to) {
  if (const auto it = from.find(key); it != from.end()) to = from_ms(it->get<std::int64_t>());
}
inline void read(const Json& from, const char* key, Labels& to) {
  const auto it = from.find(key);
  if (it == from.end()) return;
  std::vector<Label> items;
  for (const auto& [name, text] : it->items()) items.emplace_back(name, text.get<std::string>());
  to = Labels(std::move(items));
}
template <class T>
void read(const Json& from, const char* key, T& to) {
  if (const auto it = from.find(key); it != from.end()) to = it->template get<T>();
}
template <class T>
void read(const Json& from, const char* key, std::optional<T>& to) {
  const auto it = from.find(key);
  if (it == from.end() || it->is_null()) {
    to.reset();
    return;
  }
  T value{};
  read(from, key, value);
  to = std::move(value);
}
// An enumerator by the name that to_string gives it.
template <class E>
void read_name(const Json& from, const char* key, E& to, int count) {
  const auto it = from.find(key);
  if (it == from.end()) return;
  const auto name = it->get<std::string>();
  for (int i = 0; i < count; ++i) {
    if (to_string(static_cast<E>(i)) != name) continue;
    to = static_cast<E>(i);
    return;
  }
  throw std::invalid_argument("unknown " + std::string(key) + " \"" + name + "\"");
}

// The key under which a change keeps what its kind knows.
inline const char* detail_name(const IndexChange&) {
  return "index";
}
inline const char* detail_name(const RefreshChange&) {
  return "refresh";
}
inline const char* detail_name(const MaintenanceChange&) {
  return "maintenance";
}
inline const char* detail_name(const SettingChange&) {
  return "setting";
}
inline const char* detail_name(const StatisticsChange&) {
  return "statistics";
}
inline const char* detail_name(const SessionChange&) {
  return "session";
}
inline const char* detail_name(const RowSecurityChange&) {
  return "row_security";
}
inline const char* detail_name(const PartitionChange&) {
  return "partition";
}
inline const char* detail_name(const PgbouncerChange&) {
  return "pgbouncer";
}

}  // namespace pgtend::store::fields
