#include "agent/change/kinds/ini_text.hpp"

#include <vector>

#include "agent/base/strings.hpp"

namespace pgtend::change {
namespace {

constexpr std::string_view kSection = "[pgbouncer]";
constexpr std::string_view kBlank = " \t\r";

// Offsets into the text; a line without an end is the last one.
struct Line {
  std::size_t start = 0, end = 0;  // `end`: behind the line break
  std::string name;                // of a setting of the section, in lower case; empty: no setting
  std::size_t value = 0, value_size = 0;
};

struct Section {
  std::vector<Line> settings;
  std::optional<Line> last;  // header or setting behind which a new line goes
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// "name = value" within [line.start, stop).
void read_setting(std::string_view ini, std::size_t stop, Line& line) {
  const auto text = ini.substr(line.start, stop - line.start);
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return;
  line.name = to_lower(trimmed(text.substr(0, equals)));
  const auto value = trimmed(text.substr(equals + 1));
  line.value = value.empty() ? line.start + equals + 1 : static_cast<std::size_t>(value.data() - ini.data());
  line.value_size = value.size();
}

Result<Section> section_of(std::string_view ini) {
  Section out;
  bool inside = false;
  for (std::size_t at = 0; at < ini.size();) {
    Line line;
    line.start = at;
    const auto stop = std::min(ini.find('\n', at), ini.size());
    at = line.end = std::min(stop + 1, ini.size());
    const auto text = trimmed(ini.substr(line.start, stop - line.start));
    if (text.empty() || text.front() == ';' || text.front() == '#') continue;
    if (text.front() == '%')
      return fail(Errc::unsupported,
                  "it has an %include directive, so that a setting may stand in another file; edit it by hand");
    if (text.front() == '[') {
      inside = to_lower(text) == kSection;
      if (inside) out.last = line;
      continue;
    }
    if (!inside) continue;
    read_setting(ini, stop, line);
    if (line.name.empty()) continue;
    for (const auto& other : out.settings)
      if (other.name == line.name) return fail(Errc::conflict, "it sets " + line.name + " twice");
    out.settings.push_back(line);
    out.last = line;
  }
  return out;
}

bool has_break(std::string_view ini, const Line& line) {
  return line.end > line.start && ini[line.end - 1] == '\n';
}

std::string line_break(std::string_view ini, const Line& line) {
  return line.end >= line.start + 2 && ini[line.end - 2] == '\r' ? "\r\n" : "\n";
}

std::string without(std::string_view ini, const Line& line) {
  auto start = line.start;
  // A last line without an end takes the one before it along, as it was added with it.
  if (!has_break(ini, line) && start > 0) start -= start > 1 && ini[start - 2] == '\r' ? 2 : 1;
  return std::string(ini.substr(0, start)) + std::string(ini.substr(line.end));
}

}  // namespace

Result<std::map<std::string, std::string>> settings_of(std::string_view ini) {
  auto section = section_of(ini);
  if (!section) return fail(std::move(section.error()));
  std::map<std::string, std::string> out;
  for (const auto& line : section->settings) out[line.name] = std::string(ini.substr(line.value, line.value_size));
  return out;
}

Result<std::string> with_setting(std::string_view ini, std::string_view name, std::optional<std::string> value) {
  auto section = section_of(ini);
  if (!section) return fail(std::move(section.error()));
  for (const auto& line : section->settings) {
    if (line.name != name) continue;
    if (!value) return without(ini, line);
    return std::string(ini.substr(0, line.value)) + *value + std::string(ini.substr(line.value + line.value_size));
  }
  if (!value) return std::string(ini);
  if (!section->last) return fail(Errc::not_found, "it has no section [pgbouncer]");
  const auto& last = *section->last;
  const auto added = std::string(name) + " = " + *value;
  const auto head = std::string(ini.substr(0, last.end));
  // The way of line breaks of the file, which a last line without one does not tell.
  const Line first{0, std::min(ini.find('\n') + 1, ini.size()), "", 0, 0};
  if (!has_break(ini, last)) return head + line_break(ini, has_break(ini, first) ? first : last) + added;
  return head + added + line_break(ini, last) + std::string(ini.substr(last.end));
}

}  // namespace pgtend::change
