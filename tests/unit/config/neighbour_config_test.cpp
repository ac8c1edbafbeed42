#include "agent/config/config.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/config/folder.hpp"

using namespace pgtend;
using namespace pgtend::config;

namespace {

std::string errors_of(const std::string& text) {
  std::string out;
  for (const auto& error : load_text(text, "p.yaml").errors)
    out += std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.message +
           (error.hint.empty() ? "" : "; " + error.hint) + "\n";
  return out;
}

}  // namespace

TEST_CASE("poolers are read, each with its defaults") {
  const auto loaded = load_text(
      "pgbouncer:\n  - {name: edge, port: 7000, interval: 30s}\n  - {name: core, host: "
      "/run/core, user: stats}\n",
      "p.yaml");
  CHECK(format_errors(loaded.errors).empty());
  REQUIRE(loaded.config.pgbouncer.size() == 2);
  const auto& edge = loaded.config.pgbouncer[0];
  CHECK(edge.port == 7000);
  CHECK(edge.user == "pgtend_monitor");
  CHECK(edge.interval == Millis(30'000));
  CHECK(edge.timeout == Millis(3'000));
  CHECK(loaded.config.pgbouncer[1].port == 6432);
  CHECK(loaded.config.pgbouncer[1].user == "stats");
  CHECK(Config{}.pgbouncer.empty());
}

TEST_CASE("what would not work with a pooler is named at its place") {
  CHECK(errors_of("pgbouncer:\n  - {port: 6432}\n  - {name: b}\n") ==
        "2:5: each of several poolers needs a 'name'; give each its own name\n");
  CHECK(errors_of("pgbouncer:\n  - {name: a}\n  - {name: a}\n") == "3:12: a second pooler is named 'a'\n");
  CHECK(errors_of("pgbouncer:\n  - {user: ''}\n") == "2:12: 'user' must not be empty\n");
  CHECK(
      errors_of("pgbouncer:\n  - {host: db.example.org, sslmode: require}\n") ==
      "2:37: sslmode require to another host does not prove who answers; use verify-full, or set insecure_ok: true\n");
  CHECK(errors_of("pgbouncer:\n  - {host: db.example.org}\n").empty());
  CHECK(errors_of("pgbouncer:\n  - {passfile: /none/pass}\n") ==
        "2:16: '/none/pass' cannot be read: No such file or directory\n");
  CHECK(errors_of("pgbouncer: {port: 1}\n") == "1:12: 'pgbouncer' must be a list, not a map\n");
}

TEST_CASE("a password file that others may read is refused") {
  pgtend::test::Folder folder;
  const auto file = folder.write("pass", "*:*:*:*:x\n");
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  CHECK(errors_of("pgbouncer:\n  - {passfile: " + file + "}\n") ==
        "2:16: '" + file + "' is open to group or others; chmod 600 " + file + "\n");
}

TEST_CASE("caches are read, each with its defaults") {
  const auto loaded =
      load_text("redis:\n  - {name: a, port: 7000}\n  - {name: b, socket: /run/redis.sock}\n", "p.yaml");
  CHECK(format_errors(loaded.errors).empty());
  REQUIRE(loaded.config.redis.size() == 2);
  CHECK(loaded.config.redis[0].host == "127.0.0.1");
  CHECK(loaded.config.redis[0].port == 7000);
  CHECK(loaded.config.redis[1].socket == "/run/redis.sock");
  CHECK_FALSE(loaded.config.redis[1].tls);
}

TEST_CASE("what would not work with a cache is named at its place") {
  CHECK(errors_of("redis:\n  - {port: 1}\n  - {name: b}\n") ==
        "2:5: each of several Redis servers needs a 'name'; give each its own name\n");
  CHECK(errors_of("redis:\n  - {name: a}\n  - {name: a}\n") == "3:12: a second Redis server is named 'a'\n");
  CHECK(errors_of("redis: [{user: watcher}]\n") == "1:16: 'user' is set but 'password_file' is not\n");
  CHECK(errors_of("redis: [{socket: /s, tls: true}]\n") == "1:27: 'tls' is not spoken on a unix socket\n");
  CHECK(errors_of("redis: [{cert_file: /c, tls: true}]\n") ==
        "1:9: 'cert_file' and 'key_file' go together; set both, or none\n");
  CHECK(errors_of("redis: [{host: cache.example}]\n") ==
        "1:16: without TLS nothing proves who answers on another host, and the password is in clear; set tls: true, or "
        "insecure_ok: true\n");
  CHECK(errors_of("redis: [{host: cache.example, tls: true}]\n").empty());
  CHECK(errors_of("redis: [{password_file: /none/p}]\n") ==
        "1:25: '/none/p' cannot be read: No such file or directory\n");
}

TEST_CASE("the path of the server's log is one file or a pattern of names in one folder") {
  CHECK(errors_of("postgresql:\n  logs: {path: /var/log/pg/postgresql-*.csv, max_bytes_per_second: 64kB}\n").empty());
  CHECK(errors_of("postgresql:\n  logs: {path: log/x.csv}\n") ==
        "2:16: 'log/x.csv' is no absolute path; begin it with /\n");
  CHECK(errors_of("postgresql:\n  logs: {path: /var/log/}\n") ==
        "2:16: '/var/log/' is a folder; add the name of the file, or a pattern such as postgresql-*.csv\n");
  CHECK(errors_of("postgresql:\n  logs: {path: /var/*/x.log}\n") ==
        "2:16: a pattern of folders is not followed; use * and ? in the last part alone\n");
  CHECK_FALSE(errors_of("postgresql:\n  logs: {max_bytes_per_second: 1kB}\n").empty());
}
