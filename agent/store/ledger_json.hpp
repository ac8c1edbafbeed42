#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "agent/base/result.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/change.hpp"
#include "agent/model/notification.hpp"
#include "agent/model/routing.hpp"
#include "agent/store/ledger_types.hpp"

// The stored form of the types that flow; private to agent/store. Readers take a missing key as the field's default, so
// that a row written by an older version reads; an unknown enumerator is an error.
namespace pgtend::store {

nlohmann::json to_json(const Finding& value);
nlohmann::json to_json(const Decision& value);
nlohmann::json to_json(const ProposedChange& value);
nlohmann::json to_json(const Recommendation& value);
nlohmann::json to_json(const Verdict& value);
nlohmann::json to_json(const Change& value);
nlohmann::json to_json(const Alert& value);
nlohmann::json to_json(const MatviewMemory& value);
nlohmann::json to_json(const AlertGroup& value);
nlohmann::json to_json(const std::map<std::uint64_t, FlapMemory>& value);
nlohmann::json to_json(const Silence& value);

// Shared by the readers of ledger_json_*.cpp; throws.
void from_json(const nlohmann::json& from, Alert& to);

// UTF-8 text; bytes that are none are replaced.
[[nodiscard]] std::string dump(const nlohmann::json& value);

// Errors: corrupt (not JSON, a wrong type or an unknown name). T: Finding, Decision, Recommendation, Change, Alert,
// MatviewMemory, AlertGroup, the map of FlapMemory or Silence.
template <class T>
Result<T> parse_stored(std::string_view text);
template <>
Result<AlertGroup> parse_stored(std::string_view text);
template <>
Result<std::map<std::uint64_t, FlapMemory>> parse_stored(std::string_view text);
template <>
Result<Silence> parse_stored(std::string_view text);

}  // namespace pgtend::store
