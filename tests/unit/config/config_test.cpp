#include "agent/config/config.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/config/folder.hpp"

using namespace pgtend;
using namespace pgtend::config;
using pgtend::test::Folder;

namespace {

std::string errors_of(const std::string& text) {
  return format_errors(load_text(text, "p.yaml").errors);
}

}  // namespace

TEST_CASE("an empty configuration is the defaults, without errors") {
  const auto loaded = load_text("", "p.yaml");
  CHECK(format_errors(loaded.errors).empty());
  CHECK(dump(loaded.config) == dump(Config{}));
  CHECK(loaded.config.postgresql.port == 5432);
  CHECK(loaded.config.policy.defaults.at(ActionClass::create_index) == PolicyMode::approve);
  CHECK(loaded.config.policy.defaults.at(ActionClass::drop_index) == PolicyMode::recommend);
  CHECK(loaded.config.policy.defaults.at(ActionClass::refresh_matview) == PolicyMode::automatic);
  CHECK(loaded.config.policy.defaults.at(ActionClass::restart_setting) == PolicyMode::never);
  CHECK(loaded.config.policy.defaults.size() == all_action_classes().size());
}

TEST_CASE("every section reads into its field") {
  const auto loaded = load_text(R"(instance: {name: shop}
postgresql:
  host: /tmp/socket
  port: 6000
  operator: {user: pgtend_operator}
  include_databases: [shop, "app_*"]
  connect_timeout: 2s
collection:
  intervals: {statements: 1m, sizes: 1h}
  disabled: [archiver]
  budget: {cpu_ratio: 0.02, rss_bytes: 32MB}
history: {retention: 30d, max_bytes: 1GB}
ledger: {path: /tmp/l.db}
rules:
  files: ["/etc/pgtend/rules/*.yaml"]
  external_labels: {site: berlin}
promql: {range_boundary: closed, lookback: 1m, timeout: 2s, max_samples: 5000}
alerting:
  webhooks: [{name: chat, url: "http://127.0.0.1:9/hook", timeout: 3s}]
  alertmanagers: [{url: "https://am.example.org"}]
advisors: {min_saving: 0.5, matview_max_age: 15m, index_budget_bytes: 2GB}
policy:
  rules:
    - name: night indexes
      actions: [create_index, reindex]
      database: shop
      object: "public.*"
      mode: auto
      window: night
      budget: {changes: 3, bytes: 10GB, seconds: 600.5}
      cool_down: 1h
  defaults: {create_index: recommend}
  windows:
    - {name: night, time_zone: Europe/Berlin, days: [mon, fri], start: 02:00, end: 04:30}
  default_budget: {changes: 7}
  approval_ttl: 2d
  frozen: true
change: {lock_attempts: 5, disk_factor: 3}
verify: {window: 5s, block: 10s, min_windows: 4}
http:
  listen: "[::1]:9200"
  tokens:
    - {name: ci, right: approver, sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
  socket_admins: [root, "1"]
log: {level: debug}
host: {enabled: false, filesystems: [/]}
)",
                                "p.yaml");
  REQUIRE(format_errors(loaded.errors).empty());
  const auto& c = loaded.config;
  CHECK(c.instance.name == "shop");
  CHECK(c.postgresql.host == "/tmp/socket");
  CHECK(c.postgresql.port == 6000);
  REQUIRE(c.postgresql.operator_role);
  CHECK(c.postgresql.operator_role->user == "pgtend_operator");
  CHECK(c.postgresql.include_databases == std::vector<std::string>{"shop", "app_*"});
  CHECK(c.postgresql.connect_timeout == Millis(2'000));
  CHECK(c.collection.intervals.at("sizes") == Millis(3'600'000));
  CHECK(c.collection.disabled == std::vector<std::string>{"archiver"});
  CHECK(c.collection.budget.cpu_ratio == 0.02);
  CHECK(c.collection.budget.rss_bytes == 32LL << 20);
  CHECK(c.history.retention == Millis(30LL * 24 * 3'600'000));
  CHECK(c.history.max_bytes == 1LL << 30);
  CHECK(c.ledger.path == "/tmp/l.db");
  CHECK(c.rules.files == std::vector<std::string>{"/etc/pgtend/rules/*.yaml"});
  CHECK(c.promql.range_boundary == "closed");
  CHECK(c.promql.lookback == Millis(60'000));
  CHECK(c.promql.timeout == Millis(2'000));
  CHECK(c.promql.max_samples == 5'000);
  CHECK(c.rules.external_labels == Labels{{"site", "berlin"}});
  REQUIRE(c.alerting.webhooks.size() == 1);
  CHECK(c.alerting.webhooks[0].name == "chat");
  CHECK(c.alerting.webhooks[0].timeout == Millis(3'000));
  REQUIRE(c.alerting.alertmanagers.size() == 1);
  CHECK(c.advisors.min_saving == 0.5);
  CHECK(c.advisors.matview_max_age == Millis(900'000));
  CHECK(c.advisors.index_budget_bytes == 2LL << 30);
  REQUIRE(c.policy.rules.size() == 1);
  const auto& rule = c.policy.rules[0];
  CHECK(rule.name == "night indexes");
  CHECK(rule.actions == std::vector<ActionClass>{ActionClass::create_index, ActionClass::reindex});
  CHECK(rule.database == "shop");
  CHECK(rule.object == "public.*");
  CHECK(rule.mode == PolicyMode::automatic);
  CHECK(rule.window == "night");
  CHECK(rule.budget.changes == 3);
  CHECK(rule.budget.bytes == 10LL << 30);
  CHECK(rule.budget.seconds == 600.5);
  CHECK(rule.cool_down == Millis(3'600'000));
  CHECK(rule.file == "p.yaml");
  CHECK(rule.line == 24);
  CHECK(c.policy.defaults.at(ActionClass::create_index) == PolicyMode::recommend);
  CHECK(c.policy.defaults.at(ActionClass::analyze) == PolicyMode::automatic);
  REQUIRE(c.policy.windows.size() == 1);
  CHECK(c.policy.windows[0].time_zone == "Europe/Berlin");
  CHECK(c.policy.windows[0].days == std::vector<int>{1, 5});
  CHECK(c.policy.windows[0].start_minute == 120);
  CHECK(c.policy.windows[0].end_minute == 270);
  CHECK(c.policy.default_budget.changes == 7);
  CHECK(c.policy.default_budget.bytes == Config{}.policy.default_budget.bytes);
  CHECK(c.policy.approval_ttl == Millis(2LL * 24 * 3'600'000));
  CHECK(c.policy.frozen);
  CHECK(c.change.lock_attempts == 5);
  CHECK(c.change.disk_factor == 3);
  CHECK(c.verify.min_windows == 4);
  CHECK(c.http.listen == "[::1]:9200");
  REQUIRE(c.http.tokens.size() == 1);
  CHECK(c.http.tokens[0].right == "approver");
  CHECK(c.http.socket_admins == std::vector<std::string>{"root", "1"});
  CHECK(c.log.level == log::Level::debug);
  CHECK_FALSE(c.host.enabled);
  CHECK(c.host.filesystems == std::vector<std::string>{"/"});
  CHECK(dump(c).find("0123456789abcdef") == std::string::npos);
}

TEST_CASE("a later file overrides values, merges maps and appends to the lists of named things") {
  const Folder folder;
  const auto main_file = folder.write("pgtend.yaml", R"(postgresql: {port: 1111, user: a}
collection: {disabled: [x], intervals: {one: 1s, two: 2s}}
rules: {files: [/a.yaml]}
policy:
  rules: [{name: first, actions: [analyze], mode: never}]
alerting: {webhooks: [{name: a, url: "http://h"}]}
)");
  folder.write("conf.d/20-late.yaml", "postgresql: {port: 3333}\npolicy: {rules: [{name: third, mode: approve}]}\n");
  folder.write("conf.d/10-early.yaml", R"(postgresql: {port: 2222}
collection: {disabled: [y], intervals: {two: 3s}}
rules: {files: [/b.yaml]}
policy: {rules: [{name: second, actions: [vacuum], mode: never}]}
alerting: {webhooks: [{name: b, url: "http://h"}]}
)");
  folder.write("conf.d/README", "not: [read");
  const auto loaded = load(main_file);
  REQUIRE(format_errors(loaded.errors).empty());
  CHECK(loaded.files ==
        std::vector<std::string>{main_file, folder / "conf.d/10-early.yaml", folder / "conf.d/20-late.yaml"});
  CHECK(loaded.config.postgresql.port == 3333);
  CHECK(loaded.config.postgresql.user == "a");
  CHECK(loaded.config.collection.disabled == std::vector<std::string>{"y"});
  CHECK(loaded.config.rules.files == std::vector<std::string>{"/a.yaml", "/b.yaml"});
  CHECK(loaded.config.collection.intervals ==
        std::map<std::string, Millis>{{"one", Millis(1'000)}, {"two", Millis(3'000)}});
  REQUIRE(loaded.config.policy.rules.size() == 3);
  CHECK(loaded.config.policy.rules[0].name == "first");
  CHECK(loaded.config.policy.rules[1].name == "second");
  CHECK(loaded.config.policy.rules[2].name == "third");
  CHECK(loaded.config.policy.rules[2].file == folder / "conf.d/20-late.yaml");
  CHECK(loaded.config.alerting.webhooks.size() == 2);
}

TEST_CASE("errors of all files come at once, in the order of the files, each with its own place") {
  const Folder folder;
  const auto main_file = folder.write("pgtend.yaml", "policy:\n  rules:\n    - {name: a, mode: auto, window: nigt}\n");
  const auto drop_in = folder.write("conf.d/a.yaml",
                                    "htp: {}\npolicy:\n  windows:\n    - {name: night, start: 02:00, end: 03:00}\n"
                                    "  rules:\n    - {name: a, mode: never}\n");
  const auto loaded = load(main_file);
  CHECK(format_errors(loaded.errors) ==
        main_file + ":3:37: window 'nigt' is not defined; did you mean 'night'?\n" + drop_in +
            ":1:1: unknown key 'htp'; did you mean 'http'?\n" + drop_in +
            ":6:7: rule 'a' never decides: rule 'a' before it matches everything it matches; put the narrower rule "
            "first\n" +
            drop_in + ":6:14: a second policy rule is named 'a'\n");
}

TEST_CASE("a main file that is missing is an error, a missing conf.d is not") {
  const Folder folder;
  const auto missing = load(folder / "none.yaml");
  REQUIRE(missing.errors.size() == 1);
  CHECK(missing.errors[0].file == folder / "none.yaml");
  CHECK(missing.errors[0].message.find("No such file") != std::string::npos);
  CHECK(load(folder.write("pgtend.yaml", "log: {level: warn}\n")).errors.empty());
  CHECK(load(folder / "pgtend.yaml", "").errors.empty());
}

TEST_CASE("files with secrets must be closed to others") {
  const Folder folder;
  const auto open = folder.write("open", "x", std::filesystem::perms(0640));
  const auto closed = folder.write("closed", "x");
  CHECK(errors_of("postgresql:\n  passfile: " + closed + "\n").empty());
  CHECK(errors_of("postgresql:\n  passfile: " + open + "\n  operator: {user: o, passfile: " + open + "}\n") ==
        "p.yaml:2:13: '" + open + "' is open to group or others; chmod 600 " + open + "\np.yaml:3:33: '" + open +
            "' is open to group or others; chmod 600 " + open + "\n");
  CHECK(errors_of("alerting:\n  webhooks:\n    - {name: a, url_file: " + open + "}\n") ==
        "p.yaml:3:27: '" + open + "' is open to group or others; chmod 600 " + open + "\n");
  CHECK(errors_of("postgresql:\n  passfile: " + (folder / "none") + "\n") ==
        "p.yaml:2:13: '" + (folder / "none") + "' cannot be read: No such file or directory\n");
}

TEST_CASE("only keys that are read at start need a restart") {
  Config now;
  CHECK(reload_differences(Config{}, now).empty());
  now.policy.frozen = true;
  now.log.level = log::Level::debug;
  now.collection.default_interval = Millis(1);
  CHECK(reload_differences(Config{}, now).empty());
  now.http.listen = "127.0.0.1:1";
  now.http.socket = "/s";
  now.history.path = "/h";
  now.ledger.path = "/l";
  CHECK(reload_differences(Config{}, now) ==
        std::vector<std::string>{"history.path", "ledger.path", "http.listen", "http.socket"});
  now = Config{};
  now.http.tokens = {{"a", "viewer", "x"}};
  now.postgresql.operator_role = RoleConfig{"o", ""};
  CHECK(reload_differences(Config{}, now) == std::vector<std::string>{"postgresql.operator", "http.tokens"});
  CHECK(reload_differences(now, Config{}) == std::vector<std::string>{"postgresql.operator", "http.tokens"});
}

TEST_CASE("a reload keeps what runs until the restart, and takes over the rest") {
  Config running, loaded;
  loaded.instance.name = "other";
  loaded.postgresql = {"h",    1,       "u",       "d",       "p",       "require",
                       "r",    "c",     "k",       "l",       true,      RoleConfig{"o", "f"},
                       {"in"}, {"out"}, Millis(1), Millis(2), Millis(3), {"/log", 4}};
  loaded.history = {"/h", Millis(1), Millis(2), Millis(3), 4, 5, 0.1, 6, Millis(7)};
  loaded.ledger.path = "/l";
  loaded.http = {"l:1", "/s", "/c", "/k", {{"a", "viewer", "x"}}, {"v"}, {"a"}, {"d"}};
  loaded.host.proc = "/p";
  loaded.collection.max_series = 1;
  loaded.collection.default_interval = Millis(9);
  CHECK(reload_differences(running, loaded).size() == 33);
  const auto now = until_restart(running, loaded);
  CHECK(reload_differences(running, now).empty());
  CHECK(now.postgresql.include_databases == std::vector<std::string>{"in"});
  CHECK(now.postgresql.exclude_databases == std::vector<std::string>{"out"});
  CHECK(now.postgresql.statement_timeout == Millis(2));
  CHECK(now.postgresql.logs.path == "/log");
  CHECK(now.history.commit_interval == Millis(7));
  CHECK(now.collection.default_interval == Millis(9));
}

TEST_CASE("of a duplicate key the first value stays") {
  const auto loaded = load_text("postgresql: {port: 1}\npostgresql: {port: 2, user: u}\n", "p.yaml");
  CHECK(loaded.errors.size() == 1);
  CHECK(loaded.config.postgresql.port == 1);
  CHECK(loaded.config.postgresql.user == "pgtend_monitor");
}

TEST_CASE("an sslmode that proves nothing is taken when the file says so") {
  const std::string text = "postgresql: {host: db.example.org, sslmode: require, insecure_ok: ";
  CHECK(errors_of(text + "true}\n").empty());
  CHECK_FALSE(errors_of(text + "false}\n").empty());
}

TEST_CASE("TLS is verified by default towards another host only") {
  PostgresqlConfig postgresql;
  for (const auto* local : {"", "/var/run/postgresql", "localhost", "127.0.0.1", "::1"}) {
    postgresql.host = local;
    CHECK(effective_sslmode(postgresql) == "prefer");
  }
  postgresql.host = "db.example.org";
  CHECK(effective_sslmode(postgresql) == "verify-full");
  postgresql.sslmode = "require";
  CHECK(effective_sslmode(postgresql) == "require");
}
