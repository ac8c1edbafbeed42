#include "rules/migrations/export.hpp"

#include <algorithm>
#include <set>

#include "agent/base/strings.hpp"
#include "rules/migrations/lint.hpp"

namespace pgtend::migrations {

namespace {

struct Form {
  bool alone = false;
  std::set<std::string> allowed;
};

std::string one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; }, ' ');
  return text;
}

// A name that the header's words could be taken for is quoted, as SQL would.
std::string header_name(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  return plain ? name : quote_identifier(one_line(name));
}

std::string section(std::string_view mark, const std::vector<std::string>& statements) {
  std::string out = "-- " + std::string(mark) + "\n";
  for (const auto& statement : statements) out += statement + ";\n";
  return out;
}

std::string write(const MigrationSource& source, const Form& form) {
  std::string out = "-- pgtend:";
  if (form.alone) out += " tx=none";
  if (!source.role.empty()) out += " role=" + header_name(source.role);
  if (!source.risk.empty()) out += " risk=" + source.risk;
  if (out.ends_with(':')) out += " tx=all";
  out += "\n-- " + one_line(source.about) + "\n-- From " + one_line(source.origin) + ".\n";
  for (const auto& rule : form.allowed)
    out += "-- lint: allow-file " + rule + ": as decided with " + one_line(source.origin) + "\n";
  out += section("@up", source.up);
  if (!source.down.empty()) out += section("@down", source.down);
  return out;
}

}  // namespace

std::string migration_text(const MigrationSource& source, std::string_view file) {
  Form form;
  // Each round settles what the one before it brought up; the third changes nothing any more.
  for (int round = 0; round < 3; ++round) {
    for (const auto& one : lint(write(source, form), {}, file)) {
      if (one.rule == "forbidden-in-transaction") {
        form.alone = true;
      } else if (round > 0) {
        form.allowed.insert(one.rule);
      }
    }
  }
  return write(source, form);
}

std::string file_slug(std::string_view text) {
  std::string out;
  for (const char c : to_lower(text)) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (word) {
      out += c;
    } else if (!out.empty() && out.back() != '_') {
      out += '_';
    }
  }
  while (out.ends_with('_')) out.pop_back();
  return out.empty() ? "change" : out.substr(0, 60);
}

}  // namespace pgtend::migrations
