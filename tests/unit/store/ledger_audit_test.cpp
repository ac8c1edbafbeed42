#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "agent/store/audit_file.hpp"
#include "agent/store/sha256.hpp"
#include "tests/unit/store/ledger_support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

// Opens the ledger as a tamperer would: with the guarding triggers dropped.
void tamper(const std::string& file, const std::string& sql) {
  const RawDatabase raw(file);
  for (const auto* trigger : {"audit_no_update", "audit_no_delete", "audit_head_forward", "audit_head_stays"})
    raw.exec(std::string("DROP TRIGGER ") + trigger);
  raw.exec(sql);
}

store::AuditCheck check_after(const std::string& sql) {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  for (int i = 1; i <= 10; ++i) REQUIRE(ledger->audit(draft("act." + std::to_string(i))));
  ledger.ledger.reset();
  tamper(ledger.file, sql);
  ledger.open();
  const auto check = ledger->audit_verify();
  REQUIRE(check);
  return *check;
}

}  // namespace

TEST_CASE("SHA-256 gives the published digests") {
  REQUIRE(store::sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  REQUIRE(store::sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("audit rows are numbered, dated, chained and read back") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  REQUIRE(ledger->audit_verify()->ok);
  const auto first = ledger->audit({"person:ann via socket", "freeze.on", "s", "off", "on", "ok"});
  ledger.clock.advance(Millis(5));
  const auto second = ledger->audit(draft("b"));
  REQUIRE(first->sequence == 1);
  REQUIRE(second->sequence == 2);
  REQUIRE(second->previous_hash == first->hash);
  ledger.open();
  const auto listed = ledger->audit_list(1, 10);
  REQUIRE(listed->size() == 2);
  REQUIRE((*listed)[0].actor == "person:ann via socket");
  REQUIRE((*listed)[0].before == "off");
  REQUIRE((*listed)[1].at == ledger.clock.now());
  REQUIRE(ledger->audit_tail(1)->front().sequence == 2);
  const auto check = ledger->audit_verify();
  REQUIRE(check->ok);
  REQUIRE(check->rows == 2);
  REQUIRE(check->head_hash == second->hash);
}

TEST_CASE("the audit refuses to be updated or deleted") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  REQUIRE(ledger->audit(draft("a")));
  ledger.ledger.reset();
  const RawDatabase raw(ledger.file);
  REQUIRE(raw.try_exec("UPDATE audit SET actor='nobody'") == SQLITE_CONSTRAINT);
  REQUIRE(raw.try_exec("DELETE FROM audit") == SQLITE_CONSTRAINT);
  REQUIRE(raw.try_exec("UPDATE audit_head SET sequence=0") == SQLITE_CONSTRAINT);
  REQUIRE(raw.try_exec("DELETE FROM audit_head") == SQLITE_CONSTRAINT);
}

TEST_CASE("verification names the row that was changed") {
  for (const auto* column :
       {"at_ms", "actor", "action", "subject", "before", "after", "result", "previous_hash", "hash"}) {
    CAPTURE(column);
    const auto check = check_after("UPDATE audit SET " + std::string(column) + "=" +
                                   (std::string(column) == "at_ms" ? "1" : "'other'") + " WHERE sequence=4");
    REQUIRE_FALSE(check.ok);
    REQUIRE(check.first_bad == 4);
    REQUIRE(check.rows == 10);
  }
}

TEST_CASE("verification names the row that was deleted, moved, cut off or added") {
  auto check = check_after("DELETE FROM audit WHERE sequence=1");
  REQUIRE((!check.ok && check.first_bad == 1));
  check = check_after("DELETE FROM audit WHERE sequence=7");
  REQUIRE((!check.ok && check.first_bad == 7));
  REQUIRE_THAT(check.why, ContainsSubstring("missing"));
  check = check_after("DELETE FROM audit WHERE sequence>8");
  REQUIRE((!check.ok && check.first_bad == 9));
  check = check_after("DELETE FROM audit");
  REQUIRE((!check.ok && check.first_bad == 1));
  check = check_after(
      "UPDATE audit SET sequence=100 WHERE sequence=3; UPDATE audit SET sequence=3 WHERE sequence=4;"
      "UPDATE audit SET sequence=4 WHERE sequence=100");
  REQUIRE((!check.ok && check.first_bad == 3));
  check = check_after(
      "INSERT INTO audit SELECT 11, at_ms, actor, action, subject, before, after, result, hash, hash, row_digest"
      " FROM audit WHERE sequence=10");
  REQUIRE((!check.ok && check.first_bad == 11));
}

TEST_CASE("verification names a change that was edited, deleted or put there behind the ledger's back") {
  const auto check_changes = [](const std::string& sql) {
    TempDir dir;
    OpenLedger ledger(dir.file("ledger.db"));
    REQUIRE(ledger->insert_change(full_change("one"), draft("change.propose", "one")));
    REQUIRE(ledger->insert_change(full_change("two"), draft("change.propose", "two")));
    REQUIRE(
        ledger->transition(full_change("one", ChangeState::approved), ChangeState::proposed, draft("approve", "one")));
    ledger.ledger.reset();
    if (!sql.empty()) tamper(ledger.file, sql);
    ledger.open();
    const auto check = ledger->audit_verify();
    REQUIRE(check);
    const auto of_file = store::verify_audit_file(ledger.file);
    REQUIRE(of_file);
    CHECK(of_file->why == check->why);
    return *check;
  };
  CHECK(check_changes("").ok);
  auto check = check_changes("UPDATE changes SET body=replace(body, 'person:ann', 'person:bob') WHERE id='one'");
  CHECK((!check.ok && check.first_bad == 3));
  CHECK_THAT(check.why, ContainsSubstring("change one is not as row 3 left it"));
  check = check_changes("UPDATE changes SET state='kept', final=1 WHERE id='two'");
  CHECK((!check.ok && check.first_bad == 2));
  check = check_changes("DELETE FROM changes WHERE id='two'");
  CHECK((!check.ok && check.first_bad == 2));
  CHECK_THAT(check.why, ContainsSubstring("deleted"));
  check = check_changes(
      "INSERT INTO changes SELECT 'three', state, final, created_at, updated_at, body FROM changes WHERE id='two'");
  CHECK_FALSE(check.ok);
  CHECK_THAT(check.why, ContainsSubstring("change three is in no row of the audit"));
  // Its digest is part of the row's hash.
  check = check_changes("UPDATE audit SET row_digest='' WHERE sequence=2");
  CHECK((!check.ok && check.first_bad == 2));
}

TEST_CASE("the file alone tells whether its audit is whole, and stays as it is") {
  TempDir dir;
  OpenLedger ledger(dir.file("a % b?.db"));
  for (int i = 1; i <= 10; ++i) REQUIRE(ledger->audit(draft("act." + std::to_string(i))));
  const auto names = [&] {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(ledger.file).parent_path()))
      out.push_back(entry.path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
  };
  // While the agent has it open: the newest rows are in the log beside the file.
  auto check = store::verify_audit_file(ledger.file);
  REQUIRE(check);
  REQUIRE((check->ok && check->rows == 10));
  ledger.ledger.reset();
  const auto before = names();
  check = store::verify_audit_file(ledger.file);
  REQUIRE(check);
  REQUIRE((check->ok && check->rows == 10));
  REQUIRE(names() == before);
  tamper(ledger.file, "UPDATE audit SET actor='other' WHERE sequence=4");
  check = store::verify_audit_file(ledger.file);
  REQUIRE(check);
  REQUIRE((!check->ok && check->first_bad == 4));
}

TEST_CASE("a file without an audit is refused with the reason") {
  TempDir dir;
  REQUIRE(store::verify_audit_file(dir.file("none.db")).error().code == Errc::not_found);
  std::ofstream(dir.file("text.db")) << std::string(5000, 'x');
  REQUIRE(store::verify_audit_file(dir.file("text.db")).error().code == Errc::corrupt);
  const RawDatabase raw(dir.file("other.db"));
  raw.exec("CREATE TABLE t (a)");
  REQUIRE(store::verify_audit_file(dir.file("other.db")).error().code == Errc::unsupported);
}

TEST_CASE("one character changed in any text of the audit is found") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 8; ++round) {
    const auto row = std::to_string(1 + random() % 10);
    const char* columns[] = {"actor", "action", "subject", "result", "previous_hash", "hash"};
    const std::string column = columns[random() % 6];
    const auto at = std::to_string(1 + random() % 2);
    const auto check = check_after("UPDATE audit SET " + column + "=substr(" + column + ", 1, " + at +
                                   " - 1) || char(1 + coalesce(unicode(substr(" + column + ", " + at +
                                   ", 1)), 0)) || substr(" + column + ", " + at + " + 1) WHERE sequence=" + row);
    REQUIRE_FALSE(check.ok);
    REQUIRE(std::to_string(check.first_bad) == row);
  }
}

TEST_CASE("ledger and history are readable by their owner only") {
  TempDir dir;
  const auto old_mask = ::umask(0);
  {
    OpenLedger ledger(dir.file("ledger.db"));
    REQUIRE(ledger->audit(draft("a")));
    History history(dir.file("history.db"));
    history.append(snapshot("c", history.clock.now(), {gauge("g", {}, 1)}));
    history.commit();
    ::umask(old_mask);
    for (const auto* name : {"ledger.db", "ledger.db-wal", "history.db", "history.db-wal"}) {
      struct stat status{};
      CAPTURE(name);
      REQUIRE(::stat(dir.file(name).c_str(), &status) == 0);
      REQUIRE((status.st_mode & 0777) == 0600);
    }
  }
  // A file that was opened up by somebody is closed again.
  REQUIRE(::chmod(dir.file("ledger.db").c_str(), 0644) == 0);
  OpenLedger again(dir.file("ledger.db"));
  struct stat status{};
  REQUIRE(::stat(dir.file("ledger.db").c_str(), &status) == 0);
  REQUIRE((status.st_mode & 0777) == 0600);
}

TEST_CASE("a second open of the same file is refused while the first lives") {
  TempDir dir;
  OpenLedger first(dir.file("ledger.db"));
  const auto second = store::Ledger::open(dir.file("ledger.db"), first.clock);
  REQUIRE_FALSE(second);
  REQUIRE(second.error().code == Errc::conflict);
  REQUIRE_THAT(second.error().describe(), ContainsSubstring("in use by another pgtend"));
  REQUIRE(first->audit(draft("still works")));
  History history(dir.file("history.db"));
  const auto other = store::HistoryFile::open({dir.file("history.db")}, run_inline(), history.clock);
  REQUIRE_FALSE(other);
  REQUIRE(other.error().code == Errc::conflict);
  history.append(snapshot("c", history.clock.now(), {gauge("g", {}, 1)}));
  history.commit();
}

TEST_CASE("a fact and the audit rows that say what it means are kept together or not at all") {
  TempDir dir;
  OpenLedger ledger(dir.file("ledger.db"));
  REQUIRE(ledger->set_meta("migrations/1/app", "[1]", {draft("migrate.up"), draft("migrate.up", "y")}));
  REQUIRE(ledger->audit_list(1, 10)->size() == 2);
  ledger.ledger.reset();
  RawDatabase(ledger.file).exec("CREATE TRIGGER full BEFORE INSERT ON meta BEGIN SELECT RAISE(ABORT, 'full'); END");
  ledger.open();
  REQUIRE_FALSE(ledger->set_meta("migrations/1/app", "[1,2]", {draft("migrate.up", "z")}));
  CHECK(ledger->audit_list(1, 10)->size() == 2);
  CHECK(ledger->get_meta("migrations/1/app")->value() == "[1]");
  CHECK(ledger->audit_verify()->ok);
}

TEST_CASE("a ledger of a newer version, of another program or of no database is refused and left alone") {
  TempDir dir;
  FakeClock clock;
  {
    OpenLedger ledger(dir.file("ledger.db"));
  }
  RawDatabase(dir.file("ledger.db")).exec("PRAGMA user_version=99");
  auto opened = store::Ledger::open(dir.file("ledger.db"), clock);
  REQUIRE_FALSE(opened);
  REQUIRE(opened.error().code == Errc::unsupported);
  REQUIRE_THAT(opened.error().describe(), ContainsSubstring("newer pgtend"));

  RawDatabase(dir.file("foreign.db")).exec("CREATE TABLE t (a)");
  opened = store::Ledger::open(dir.file("foreign.db"), clock);
  REQUIRE((!opened && opened.error().code == Errc::conflict));

  const std::string garbage(8192, 'x');
  std::ofstream(dir.file("broken.db")) << garbage;
  opened = store::Ledger::open(dir.file("broken.db"), clock);
  REQUIRE((!opened && opened.error().code == Errc::corrupt));
  std::ifstream left(dir.file("broken.db"));
  REQUIRE(std::string(std::istreambuf_iterator<char>(left), {}) == garbage);
  REQUIRE(std::none_of(std::filesystem::directory_iterator(dir.path()), {},
                       [](const auto& entry) { return entry.path().string().find("corrupt") != std::string::npos; }));
}
