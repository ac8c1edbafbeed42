#include "rules/migrations/marks.hpp"

#include <cctype>
#include <optional>

#include "agent/base/strings.hpp"

namespace pgtend::migrations {

namespace {

using Kind = Section::Kind;

bool is_way_back(std::string_view path) {
  const auto slash = path.find_last_of('/');
  const auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const bool undo = name.size() > 2 && name.front() == 'U' && std::isdigit(static_cast<unsigned char>(name[1])) != 0;
  return undo || name.ends_with(".down.sql") || path.find("/revert/") != std::string_view::npos ||
         path.starts_with("revert/");
}

std::optional<Kind> section_of(std::string_view comment) {
  if (comment == "@up" || comment.starts_with("+goose Up") || comment.starts_with("migrate:up")) return Kind::up;
  if (comment == "@down" || comment.starts_with("+goose Down") || comment.starts_with("migrate:down"))
    return Kind::down;
  if (comment == "@pre" || comment == "@post") return Kind::check;
  return std::nullopt;
}

bool leaves_transaction(std::string_view comment) {
  if (comment.starts_with("pgtend:"))
    return (" " + std::string(comment.substr(7)) + " ").find(" tx=none ") != std::string::npos;
  if (comment.starts_with("migrate:")) return comment.find("transaction:false") != std::string_view::npos;
  return comment == "+goose NO TRANSACTION";
}

std::optional<Allowance> allowance_of(const sql::DdlComment& comment) {
  std::string_view text = comment.text;
  constexpr std::string_view kMark = "lint:", kOne = "allow ", kAll = "allow-file ";
  if (!text.starts_with(kMark)) return std::nullopt;
  text = trim(text.substr(kMark.size()));
  Allowance out;
  out.at = comment.at;
  out.end = comment.end;
  out.whole_file = text.starts_with(kAll);
  if (!out.whole_file && !text.starts_with(kOne)) return std::nullopt;
  text = trim(text.substr(out.whole_file ? kAll.size() : kOne.size()));
  const auto colon = text.find(':');
  out.rule = trim(text.substr(0, colon));
  if (colon != std::string_view::npos) out.reason = trim(text.substr(colon + 1));
  return out;
}

}  // namespace

Marks read_marks(const sql::DdlScript& script, std::string_view file) {
  Marks out;
  out.sections.push_back({is_way_back(file) ? Kind::down : Kind::up, 0});
  for (const auto& comment : script.comments) {
    if (const auto kind = section_of(comment.text)) out.sections.push_back({*kind, comment.at});
    // Of its own files pgtend limits every wait, whether the header says how long or not.
    if (comment.text.starts_with("pgtend:") || (comment.text.starts_with('@') && section_of(comment.text)))
      out.lock_timeout = true;
    if (leaves_transaction(comment.text)) out.in_transaction = false;
    if (auto allowance = allowance_of(comment)) out.allowances.push_back(std::move(*allowance));
  }
  return out;
}

}  // namespace pgtend::migrations
