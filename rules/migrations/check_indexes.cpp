#include "agent/base/strings.hpp"
#include "rules/migrations/check.hpp"

namespace pgtend::migrations {

namespace {

using Kind = sql::Action::Kind;

// Without IF NOT EXISTS, whatever stands between the words.
std::string without_if_not_exists(std::string text) {
  const auto lower = to_lower(text);
  const auto from = lower.find("if");
  const auto to = lower.find("exists");
  if (from == std::string::npos || to == std::string::npos || to < from) return text;
  return text.erase(from, to + 7 - from);
}

void create_index(const Step& step) {
  const auto& a = step.action;
  if (step.state.is_new(a.target)) return;
  if (!a.concurrently)
    step.add("create-index-blocking", "CREATE INDEX on " + shown(a.target),
             one_by_one({with_behind(step.text(), "index", " CONCURRENTLY")}));
  if (a.concurrently && a.if_exists)
    step.add(
        "concurrently-if-not-exists", "CREATE INDEX CONCURRENTLY IF NOT EXISTS " + a.related.name,
        one_by_one({"DROP INDEX CONCURRENTLY IF EXISTS " + quoted(a.related), without_if_not_exists(step.text())}));
}

void drop_index(const Step& step) {
  const auto& a = step.action;
  if (a.concurrently || step.state.is_new(a.target)) return;
  // CONCURRENTLY takes one index and no CASCADE.
  step.add("drop-index-blocking", "DROP INDEX " + shown(a.target),
           one_by_one({"DROP INDEX CONCURRENTLY " + std::string(a.if_exists ? "IF EXISTS " : "") + quoted(a.target)}));
}

void reindex(const Step& step) {
  const auto& a = step.action;
  if (a.concurrently || step.state.is_new(a.target)) return;
  const auto subject = "REINDEX " + a.word + " " + shown(a.target);
  if (step.server < 12 || a.word == "SYSTEM") {
    step.add("reindex-blocking", subject, allowed("reindex-blocking", "in a maintenance window", step.text()));
    return;
  }
  step.add("reindex-blocking", subject, one_by_one({"REINDEX " + a.word + " CONCURRENTLY " + quoted(a.target)}));
}

void refresh(const Step& step) {
  const auto& a = step.action;
  if (a.concurrently || step.state.is_new(a.target)) return;
  step.add("refresh-matview-blocking", "REFRESH MATERIALIZED VIEW " + shown(a.target),
           together({"REFRESH MATERIALIZED VIEW CONCURRENTLY " + quoted(a.target)}));
}

}  // namespace

void check_indexes(const Step& step) {
  switch (step.action.kind) {
    case Kind::create_index:
      return create_index(step);
    case Kind::drop_index:
      return drop_index(step);
    case Kind::reindex:
      return reindex(step);
    case Kind::refresh:
      return refresh(step);
    default:
      return;
  }
}

}  // namespace pgtend::migrations
