#include "agent/change/notes.hpp"

#include <nlohmann/json.hpp>

namespace pgtend::change {
namespace {

using Json = nlohmann::json;

Json parse(const std::string& text) {
  auto out = Json::parse(text, nullptr, false);
  return out.is_object() ? out : Json::object();
}

template <class T>
void store(std::string& text, std::string_view key, T value) {
  auto json = parse(text);
  json[std::string(key)] = std::move(value);
  text = json.dump();
}

}  // namespace

std::string Notes::text(std::string_view key) const {
  const auto json = parse(json_);
  const auto it = json.find(std::string(key));
  return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
}

std::optional<UtcTime> Notes::time(std::string_view key) const {
  return parse_rfc3339(text(key));
}

std::vector<std::int64_t> Notes::ids(std::string_view key) const {
  std::vector<std::int64_t> out;
  const auto json = parse(json_);
  const auto it = json.find(std::string(key));
  if (it == json.end() || !it->is_array()) return out;
  for (const auto& id : *it)
    if (id.is_number_integer()) out.push_back(id.get<std::int64_t>());
  return out;
}

void Notes::set(std::string_view key, const std::string& value) {
  store(json_, key, value);
}
void Notes::set(std::string_view key, UtcTime value) {
  store(json_, key, to_rfc3339(value));
}
void Notes::set(std::string_view key, double value) {
  store(json_, key, value);
}
void Notes::set(std::string_view key, const std::vector<std::int64_t>& value) {
  store(json_, key, value);
}
void Notes::set_object(std::string_view key, const std::string& json) {
  store(json_, key, parse(json));
}

std::string Notes::object(std::string_view key) const {
  const auto json = parse(json_);
  const auto it = json.find(std::string(key));
  return it != json.end() && it->is_object() ? it->dump() : std::string("{}");
}

}  // namespace pgtend::change
