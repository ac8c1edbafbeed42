#include "agent/base/strings.hpp"
#include "rules/migrations/check.hpp"

namespace pgtend::migrations {

namespace {

using Kind = sql::Action::Kind;

std::string bounds_of(const std::string& text) {
  const auto at = to_lower(text).find("for values");
  return at == std::string::npos ? "DEFAULT" : text.substr(at);
}

void create_partition(const Step& step) {
  const auto& a = step.action;
  if (!a.flag || step.state.is_new(a.related)) return;
  step.add("create-partition-blocking", "CREATE TABLE " + shown(a.target) + " PARTITION OF " + shown(a.related),
           together({"CREATE TABLE " + quoted(a.target) + " (LIKE " + quoted(a.related) + " INCLUDING ALL)",
                     alter(a.related) + "ATTACH PARTITION " + quoted(a.target) + " " + bounds_of(step.text())}));
}

void attach(const Step& step) {
  const auto& a = step.action;
  if (step.state.is_new(a.related) || step.state.has_valid_check(a.related)) return;
  const auto name = quote_identifier(a.related.name + "_bounds");
  step.add("attach-partition-scan", "ATTACH PARTITION " + shown(a.related) + " to " + shown(a.target),
           one_by_one({"-- put the partition's bounds into the CHECK, NOT NULL of the key included:",
                       alter(a.related) + "ADD CONSTRAINT " + name +
                           " CHECK (partition_key IS NOT NULL AND partition_key >= 1 AND partition_key < 2) NOT VALID",
                       alter(a.related) + "VALIDATE CONSTRAINT " + name, alter(a.target) + a.text,
                       alter(a.related) + "DROP CONSTRAINT " + name}));
}

void detach(const Step& step) {
  const auto& a = step.action;
  if (a.concurrently || step.state.is_new(a.target)) return;
  const auto subject = "DETACH PARTITION " + shown(a.related) + " from " + shown(a.target);
  const auto statement = alter(a.target) + a.text;
  step.add("detach-partition-blocking", subject,
           step.server >= 14 ? one_by_one({statement + " CONCURRENTLY"})
                             : allowed("detach-partition-blocking", "in a maintenance window", statement));
}

}  // namespace

void check_partitions(const Step& step) {
  if (step.action.kind == Kind::create_table) create_partition(step);
  if (step.action.kind == Kind::attach_partition) attach(step);
  if (step.action.kind == Kind::detach_partition) detach(step);
}

}  // namespace pgtend::migrations
