#include "agent/change/kinds/setting_value.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"

namespace pgtend::change {
namespace {

struct Unit {
  std::string_view name;
  double factor;  // bytes or milliseconds
  bool memory;
};

constexpr std::array<Unit, 12> kUnits{{{"B", 1, true},
                                       {"kB", 1024.0, true},
                                       {"8kB", 8192.0, true},
                                       {"MB", 1048576.0, true},
                                       {"GB", 1073741824.0, true},
                                       {"TB", 1099511627776.0, true},
                                       {"us", 0.001, false},
                                       {"ms", 1, false},
                                       {"s", 1000, false},
                                       {"min", 60000, false},
                                       {"h", 3600000, false},
                                       {"d", 86400000, false}}};

const Unit* unit_named(std::string_view name) {
  const auto it = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& unit) { return unit.name == name; });
  return it == kUnits.end() ? nullptr : &*it;
}

std::optional<bool> as_bool(std::string_view value) {
  const auto lower = to_lower(trim(value));
  for (const auto word : {"on", "true", "yes", "1"})
    if (lower == word) return true;
  for (const auto word : {"off", "false", "no", "0"})
    if (lower == word) return false;
  return std::nullopt;
}

// The share of the host's memory that one setting may claim. Source: the measured case of a shared_buffers that the
// server accepts and then cannot start with; formulas of the tuning study, section 4.1, stay far below.
std::optional<double> memory_share(std::string_view name) {
  if (name == "shared_buffers") return 0.75;
  constexpr std::array<std::string_view, 6> kOthers{
      "work_mem",     "maintenance_work_mem", "autovacuum_work_mem",
      "temp_buffers", "wal_buffers",          "logical_decoding_work_mem"};
  if (std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end()) return 0.25;
  return std::nullopt;
}

tl::unexpected<Error> out_of(const SettingBounds& bounds, std::string_view value) {
  return fail(Errc::invalid_argument, bounds.name + " = " + std::string(value) + " is outside " + bounds.min_value +
                                          " .. " + bounds.max_value + (bounds.unit.empty() ? "" : " " + bounds.unit));
}

}  // namespace

std::optional<double> in_base_unit(std::string_view value, std::string_view unit) {
  const std::string text(trim(value));
  if (text.empty()) return std::nullopt;
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(number)) return std::nullopt;
  const auto suffix = trim(std::string_view(end));
  if (suffix.empty()) return number;
  const auto *given = unit_named(suffix), *base = unit_named(unit);
  if (given == nullptr || base == nullptr || given->memory != base->memory || suffix == "8kB") return std::nullopt;
  return number * given->factor / base->factor;
}

Result<void> check_value(const SettingBounds& bounds, std::string_view value, std::int64_t ram_bytes) {
  if (bounds.vartype == "bool") {
    if (!as_bool(value)) return fail(Errc::invalid_argument, bounds.name + " takes on or off");
    return {};
  }
  if (bounds.vartype == "enum") {
    const auto lower = to_lower(trim(value));
    const auto& all = bounds.enum_values;
    if (std::none_of(all.begin(), all.end(), [&](const auto& each) { return to_lower(each) == lower; }))
      return fail(Errc::invalid_argument, bounds.name + " takes one of " + join(all, ", "));
    return {};
  }
  if (bounds.vartype == "string") {
    if (value.find_first_of("\n\r") != std::string_view::npos || value.find('\0') != std::string_view::npos)
      return fail(Errc::invalid_argument, bounds.name + " must be one line");
    return {};
  }
  const auto number = in_base_unit(value, bounds.unit);
  if (!number) return fail(Errc::invalid_argument, std::string(value) + " is no value of " + bounds.name);
  const auto low = in_base_unit(bounds.min_value, ""), high = in_base_unit(bounds.max_value, "");
  if ((low && *number < *low) || (high && *number > *high)) return out_of(bounds, value);
  const auto share = memory_share(bounds.name);
  const auto* unit = unit_named(bounds.unit);
  if (share && unit != nullptr && ram_bytes > 0 && *number * unit->factor > *share * static_cast<double>(ram_bytes))
    return fail(Errc::refused, bounds.name + " = " + std::string(value) + " is more than " +
                                   std::to_string(static_cast<int>(*share * 100)) + " % of the host's " +
                                   format_bytes(static_cast<double>(ram_bytes)));
  return {};
}

bool same_value(std::string_view a, std::string_view b, std::string_view unit) {
  if (trim(a) == trim(b)) return true;
  const auto x = in_base_unit(a, unit), y = in_base_unit(b, unit);
  if (x && y) return std::abs(*x - *y) <= 1e-9 * std::max(std::abs(*x), std::abs(*y));
  const auto on_a = as_bool(a), on_b = as_bool(b);
  if (on_a && on_b) return *on_a == *on_b;
  return to_lower(trim(a)) == to_lower(trim(b));
}

}  // namespace pgtend::change
