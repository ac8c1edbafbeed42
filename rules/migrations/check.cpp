#include "rules/migrations/check.hpp"

#include "agent/base/strings.hpp"

namespace pgtend::migrations {

namespace {

// Long enough for a moment of quiet, short enough that those who queue behind the wait do not notice.
constexpr std::string_view kTimeout = "SET lock_timeout = '2s';\n";
constexpr std::string_view kAlone = "-- pgtend: tx=none\n";

std::string lines(std::initializer_list<std::string> statements) {
  std::string out;
  for (const auto& one : statements)
    if (!one.empty()) out += one.starts_with("--") ? one + "\n" : one + ";\n";
  return out;
}

}  // namespace

void Step::add(std::string_view rule, std::string subject, std::string safe) const {
  add_at(action.at, rule, std::move(subject), std::move(safe));
}

void Step::add_at(std::size_t at, std::string_view rule, std::string subject, std::string safe) const {
  notes.push_back({rule, script.statements[statement].at + at, std::move(subject), std::move(safe)});
}

std::string shown(const sql::ObjectName& name) {
  return name.schema.empty() ? name.name : name.schema + "." + name.name;
}

std::string quoted(const sql::ObjectName& name) {
  return quote_qualified(name.schema, name.name);
}

std::string alter(const sql::ObjectName& table) {
  return "ALTER TABLE " + quoted(table) + " ";
}

std::string together(std::initializer_list<std::string> statements) {
  return std::string(kTimeout) + lines(statements);
}

std::string one_by_one(std::initializer_list<std::string> statements) {
  std::string out(kAlone);
  bool limited = false;
  for (const auto& one : statements) {
    // What is built CONCURRENTLY waits for others as a part of its work; a limit would leave it half done.
    const bool patient = one.find("CONCURRENTLY") != std::string::npos;
    if (patient && limited) out += "RESET lock_timeout;\n";
    if (!patient && !limited && !one.empty() && !one.starts_with("--")) out += kTimeout;
    if (!one.empty() && !one.starts_with("--")) limited = !patient;
    out += lines({one});
  }
  return out;
}

std::string allowed(std::string_view rule, std::string_view reason, const std::string& statement, bool in_transaction) {
  return std::string(in_transaction ? "" : kAlone) + std::string(kTimeout) + "-- lint: allow " + std::string(rule) +
         ": " + std::string(reason) + "\n" + statement + ";\n";
}

std::string with_behind(const std::string& text, std::string_view word, std::string_view more) {
  const auto at = to_lower(text).find(word);
  if (at == std::string::npos) return text;
  return text.substr(0, at + word.size()) + std::string(more) + text.substr(at + word.size());
}

}  // namespace pgtend::migrations
