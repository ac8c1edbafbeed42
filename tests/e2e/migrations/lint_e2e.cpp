#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

CommandResult lint(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {Daemon::binary(), "migrate", "lint"});
  return run_command(arguments);
}

}  // namespace

TEST_CASE("migrate lint exits by the worst that it finds and shows place, lock and safe form") {
  const TempDir dir("lint");
  const auto write = [&](const std::string& name, const std::string& text) {
    std::filesystem::create_directories((dir.path() / name).parent_path());
    write_file(dir.path() / name, text);
    return (dir.path() / name).string();
  };
  const auto good = write("a/1.sql", "CREATE TABLE t (id bigint PRIMARY KEY);\n");
  const auto note = write("b/2.sql", "CREATE TABLE t (id bigint PRIMARY KEY, body json);\n");
  const auto warning = write("c/3.sql", "ALTER TABLE t ADD COLUMN a text;\n");
  const auto critical = write("d/sub/4.sql", "SET lock_timeout = '1s';\n  CREATE INDEX i ON t (a);\n");
  CHECK(lint({good}).status == 0);
  CHECK(lint({note}).status == 0);
  CHECK(lint({warning}).status == 3);
  const auto told = lint({critical});
  INFO(told.output);
  CHECK(told.status == 4);
  CHECK(told.output.find(critical + ":2:3: critical create-index-blocking: CREATE INDEX on t\n    ShareLock: ") == 0);
  CHECK(told.output.find("      CREATE INDEX CONCURRENTLY i ON t (a);\n") != std::string::npos);

  const auto all = lint({dir.path().string(), "-o", "json"});
  CHECK(all.status == 4);
  const auto json = Json::parse(all.output);
  CHECK(json["files"] == 4);
  REQUIRE(json["items"].size() == 3);
  CHECK(json["items"][0]["rule"] == "json-column");
  CHECK(json["items"][2]["file"] == critical);
  CHECK(json["items"][2]["line"] == 2);
  CHECK(json["items"][2]["lock"] == "ShareLock");
}

TEST_CASE("migrate lint looks at the version and refuses what it cannot read") {
  const TempDir dir("lint");
  const auto file = (dir.path() / "1.sql").string();
  write_file(file, "SET lock_timeout = '1s';\nALTER TABLE t ADD COLUMN a int DEFAULT 1;\n");
  CHECK(lint({file}).status == 0);
  CHECK(lint({file, "--server-version", "10"}).status == 4);
  CHECK(lint({file, "--server-version", "9"}).status == 2);
  CHECK(lint({}).status == 2);
  const auto missing = lint({file + "x"});
  CHECK(missing.status == 1);
  CHECK(missing.output.find("cannot read " + file + "x") != std::string::npos);
  const TempDir empty("lint");
  CHECK(lint({empty.path().string()}).output.find("there is no *.sql in ") != std::string::npos);
}
