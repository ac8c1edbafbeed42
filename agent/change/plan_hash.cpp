#include "agent/change/plan_hash.hpp"

#include <random>

#include "agent/model/series.hpp"
#include "agent/store/sha256.hpp"

namespace pgtend::change {

namespace {

// Length-prefixed, so that no two different plans give one text.
void add(std::string& out, std::string_view part) {
  out += std::to_string(part.size());
  out += ':';
  out += part;
}

}  // namespace

std::string plan_hash(const ProposedChange& plan) {
  std::string text;
  add(text, to_string(plan.action));
  add(text, to_string(plan.kind));
  add(text, plan.system_identifier);
  add(text, plan.database);
  add(text, plan.object);
  add(text, plan.run_as_role);
  for (const auto& sql : plan.sql_up) add(text, sql);
  add(text, "--");
  // The way back of a setting is the value found when it is applied.
  if (plan.kind != ChangeKind::setting)
    for (const auto& sql : plan.sql_down) add(text, sql);
  return store::sha256_hex(text);
}

std::int32_t lock_key(const ProposedChange& plan) {
  const auto hash = fingerprint(Labels{{"database", plan.database}, {"object", plan.object}});
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(hash ^ (hash >> 32)));
}

std::string new_id() {
  std::random_device device;
  std::uniform_int_distribution<int> byte(0, 255);
  std::string out;
  for (int i = 0; i < 16; ++i) {
    int value = byte(device);
    if (i == 6) value = (value & 0x0F) | 0x40;
    if (i == 8) value = (value & 0x3F) | 0x80;
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    constexpr const char* hex = "0123456789abcdef";
    out += hex[value >> 4];
    out += hex[value & 15];
  }
  return out;
}

}  // namespace pgtend::change
