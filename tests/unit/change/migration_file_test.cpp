#include <filesystem>

#include "agent/change/migrate/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"

using namespace pgtend;
using namespace pgtend::migrate;

namespace {

MigrationFile read(const std::string& text, const std::string& path = "m/V0007__orders_idx.sql") {
  auto file = parse_migration(path, text);
  INFO((file ? std::string() : file.error().message));
  REQUIRE(file);
  return std::move(*file);
}

std::string mistake(const std::string& text, const std::string& path = "m/V0007__orders_idx.sql") {
  const auto file = parse_migration(path, text);
  REQUIRE_FALSE(file);
  CHECK(file.error().code == Errc::parse);
  return file.error().message;
}

}  // namespace

TEST_CASE("a migration file has headers and four sections, each statement with its line") {
  const auto file = read(
      "-- An index for the list of orders.\n"
      "-- pgtend: tx=none role=app_owner risk=low requires=V0006,V0002 lock_timeout=250ms\n"
      "-- @pre\n"
      "SELECT count(*) = 0 AS none FROM orders WHERE id < 0;\n"
      "-- @up\n"
      "/* why; */ CREATE INDEX CONCURRENTLY orders_idx\n  ON orders (id);\n"
      "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\n-- @down\nBEGIN RETURN 1; END $$;\n"
      "-- @down\n"
      "DROP FUNCTION f();\nDROP INDEX CONCURRENTLY app.orders_idx\n");
  CHECK(file.id == "V0007");
  CHECK(file.version == 7);
  CHECK(file.name == "orders_idx");
  CHECK_FALSE(file.transactional);
  CHECK(file.role == "app_owner");
  CHECK(file.risk == "low");
  CHECK(file.needs == std::vector<std::uint64_t>{6, 2});
  CHECK(file.lock_timeout == Millis(250));
  REQUIRE(file.pre.size() == 1);
  REQUIRE(file.up.size() == 2);
  REQUIRE(file.down.size() == 2);
  CHECK(file.post.empty());
  CHECK(file.up[0].sql.text == "CREATE INDEX CONCURRENTLY orders_idx\n  ON orders (id)");
  CHECK(file.up[0].line == 6);
  CHECK(file.up[0].sql.effect == sql::ScriptEffect::create_index);
  CHECK(file.up[0].sql.name == "orders_idx");
  CHECK(file.up[0].sql.table == "orders");
  CHECK(file.up[1].line == 8);
  CHECK_FALSE(file.up[1].sql.outside_transaction);
  CHECK(file.down[1].sql.effect == sql::ScriptEffect::drop_index);
  CHECK(file.down[1].sql.schema == "app");
  CHECK(file.place(file.down[1]) == "m/V0007__orders_idx.sql:13");
}

TEST_CASE("a file without sections is applied as a whole, and a repeatable one is known by its name") {
  const auto file = read("CREATE TABLE a (b int);\nCREATE TABLE c ();", "R__views.sql");
  CHECK(file.repeatable);
  CHECK(file.id == "R__views");
  CHECK(file.up.size() == 2);
  CHECK(file.transactional);
}

TEST_CASE("the checksum of a migration ignores ends of lines and trailing blanks and nothing else") {
  const auto plain = read("CREATE TABLE a (b int);\n\n-- @down\nDROP TABLE a;\n");
  CHECK(plain.checksum == read("CREATE TABLE a (b int); \r\n\r\n-- @down\t\r\nDROP TABLE a;\r\n\r\n\r\n").checksum);
  CHECK(plain.checksum != read("CREATE TABLE a (b int8);\n\n-- @down\nDROP TABLE a;\n").checksum);
  CHECK(plain.checksum != read("CREATE TABLE a (b int);\n-- @down\nDROP TABLE a;\n").checksum);
}

TEST_CASE("mistakes of a migration file are told with their line") {
  const std::string at = "m/V0007__orders_idx.sql:";
  CHECK(mistake("CREATE TABLE ä (b int);\nCREATE TABEL c ();\n") == at + "2: syntax error at or near \"TABEL\"");
  CHECK(mistake("SELECT 1;\nSELECT 'x\n").find(at + "2: unterminated quoted string") == 0);
  CHECK(mistake("-- pgtend: tx=some\nSELECT 1;") == at + "1: tx is all or none, not some");
  CHECK(mistake("-- pgtend: rolle=a\nSELECT 1;") == at + "1: unknown header rolle; did you mean role?");
  CHECK(mistake("-- pgtend: role\nSELECT 1;") == at + "1: header role has no value; write role=…");
  CHECK(mistake("-- pgtend: role=a role=b\nSELECT 1;") == at + "1: header role stands twice");
  CHECK(mistake("-- pgtend: lock_timeout=2h\nSELECT 1;").find("at most 1m") != std::string::npos);
  CHECK(mistake("-- pgtend: requires=V0007\nSELECT 1;").find("does not come before V0007") != std::string::npos);
  CHECK(mistake("SELECT 1;\n-- pgtend: tx=none\n").find(at + "2: the header") == 0);
  CHECK(mistake("-- @upp\nSELECT 1;").find(at + "1: there is no section @upp; did you mean up?") == 0);
  CHECK(mistake("-- @up\nSELECT 1;\n-- @up\nSELECT 2;").find(at + "3: section @up began on line 1") == 0);
  CHECK(mistake("SELECT 1;\n-- @up\nSELECT 2;") == at + "1: the statement stands before section @up");
  CHECK(mistake("-- @up\nSELECT 1\n-- @down\n+ 2;") == at + "2: the statement has no semicolon before section @down");
  CHECK(mistake("CREATE TABLE a ();\nCREATE INDEX CONCURRENTLY b ON a (c);")
            .find(at + "2: the statement cannot run inside a transaction") == 0);
  CHECK(mistake("VACUUM;").find("cannot run inside a transaction") != std::string::npos);
  CHECK(mistake("BEGIN;\nSELECT 1;\nCOMMIT;").find(at + "1: transactions are begun and ended by pgtend") == 0);
  CHECK(mistake("COPY a FROM STDIN;").find("no data in a migration file") != std::string::npos);
  CHECK(mistake("-- pgtend: tx=none\nCREATE INDEX CONCURRENTLY ON a (c);").find("needs a name") != std::string::npos);
  CHECK(mistake("-- pgtend: tx=none\nCREATE INDEX CONCURRENTLY IF NOT EXISTS b ON a (c);").find("INVALID index") !=
        std::string::npos);
  CHECK(mistake("-- @pre\nDELETE FROM a;\n-- @up\nSELECT 1;").find(at + "2: a check of @pre is a SELECT") == 0);
  CHECK(mistake("-- nothing\n") == at + "1: there is no statement to apply; write one under -- @up");
  CHECK(mistake("-- @up\nSELECT 1;\n-- @down\nSELECT 2;", "R__v.sql").find("R__v.sql:4: a repeatable file has no") ==
        0);
  CHECK(mistake("SELECT 1;", "V7-orders.sql").find("rename the file") != std::string::npos);
}

TEST_CASE("a folder is read in the order of its versions, and what no file shows alone is told") {
  const test::TempDir dir("migrations");
  const auto put = [&](const std::string& name, const std::string& text) { test::write_file(dir.path() / name, text); };
  put("V0010__b.sql", "SELECT 1;");
  put("V9__a.sql", "SELECT 1;");
  put("R__view.sql", "SELECT 1;");
  put("README.md", "no SQL");
  auto files = read_folder(dir.path().string());
  REQUIRE(files);
  REQUIRE(files->size() == 3);
  CHECK((*files)[0].id == "V9");
  CHECK((*files)[1].id == "V0010");
  CHECK((*files)[2].id == "R__view");
  put("V09__again.sql", "SELECT 1;");
  put("V11__c.sql", "-- pgtend: requires=V3\nSELECT 1;");
  const auto wrong = read_folder(dir.path().string());
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message.find("version 9 is that of") != std::string::npos);
  CHECK(wrong.error().message.find("requires version 3, of which there is no file") != std::string::npos);
  CHECK(read_folder("/nope").error().code == Errc::not_found);
}
