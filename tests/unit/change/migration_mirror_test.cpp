#include "agent/change/migrate/mirror.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::migrate;

namespace {

void add(Log& log, const std::string& id, Action action = Action::up) {
  LogRow row;
  row.sequence = static_cast<std::int64_t>(log.rows.size()) + 1;
  row.id = id;
  row.action = action;
  row.applied_by = "person:ann";
  row.parent = log.rows.empty() ? "" : log.rows.back().hash;
  row.hash = hash_of(row);
  log.rows.push_back(row);
}

std::vector<std::string> actions(const std::vector<store::AuditDraft>& drafts) {
  std::vector<std::string> out;
  for (const auto& draft : drafts) out.push_back(draft.action + " " + draft.subject + " by " + draft.actor);
  return out;
}

Mirror copy_of(const Log& log) {
  const auto mirror = parse_mirror(to_text(log));
  REQUIRE(mirror);
  return *mirror;
}

}  // namespace

TEST_CASE("the copy of a history tells what a restore took away, and audits each row once") {
  using Lines = std::vector<std::string>;
  Log log;
  add(log, "V1");
  const auto restored = log;
  CHECK(actions(audit_of({}, log, "app")) == Lines{"migrate.up app/V1 by person:ann"});
  add(log, "V2");
  add(log, "V3");
  add(log, "V3", Action::down);
  const auto copy = copy_of(log);
  CHECK(lost(copy, log).empty());
  CHECK(audit_of(copy, log, "app").empty());
  // V3 had been taken back before: it is not missed.
  CHECK(lost(copy, restored) == Lines{"V2"});
  auto again = restored;
  add(again, "V4");
  add(again, "V2");
  CHECK(lost(copy, again).empty());
  CHECK(actions(audit_of(copy, again, "app")) ==
        Lines{"migrate.lost app/V2 by agent", "migrate.up app/V4 by person:ann", "migrate.up app/V2 by person:ann"});
  CHECK(parse_mirror("")->empty());
  CHECK(parse_mirror("{").error().code == Errc::corrupt);
}
