#include "agent/config/config.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::config;

namespace {

struct Case {
  std::string text;
  std::string expected;  // without "p.yaml:"
};

std::string errors_of(const std::string& text) {
  std::string out;
  for (const auto& error : load_text(text, "p.yaml").errors) {
    CHECK(error.file == "p.yaml");
    out += std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.message +
           (error.hint.empty() ? "" : "; " + error.hint) + "\n";
  }
  return out;
}

void check(const std::vector<Case>& cases) {
  for (const auto& each : cases) {
    INFO(each.text);
    CHECK(errors_of(each.text) == each.expected + "\n");
  }
}

}  // namespace

TEST_CASE("an unknown key is named with the nearest valid one") {
  check({
      {"collection:\n  default_intervall: 5s\n",
       "2:3: unknown key 'default_intervall'; did you mean 'default_interval'?"},
      {"polcy: {}\n", "1:1: unknown key 'polcy'; did you mean 'policy'?"},
      {"log:\n  verbose: true\n", "2:3: unknown key 'verbose'; known here: level"},
      {"collection:\n  budget:\n    cpu: 0.1\n", "3:5: unknown key 'cpu'; known here: cpu_ratio, rss_bytes"},
      {"policy: {rules: [{name: a, mode: never, acions: []}]}\n",
       "1:41: unknown key 'acions'; did you mean 'actions'?"},
      {"policy: {defaults: {create_indexes: auto}}\n",
       "1:21: unknown key 'create_indexes'; did you mean 'create_index'?"},
      {"alerting:\n  webhooks:\n    - {name: a, uri: 'http://h', url: 'http://h'}\n",
       "3:17: unknown key 'uri'; did you mean 'url'?"},
  });
}

TEST_CASE("a value of the wrong type is named with its place") {
  check({
      {"postgresql: 5\n", "1:13: 'postgresql' must be a map, not a single value"},
      {"postgresql:\n  port: [1]\n", "2:9: 'port' must be a whole number, not a list"},
      {"postgresql:\n  port: '5432'\n", "2:9: 'port' must be a whole number, not '5432'"},
      {"postgresql: {port: 5432.5}\n", "1:20: 'port' must be a whole number, not '5432.5'"},
      {"postgresql: {port: 70000}\n", "1:20: 'port' must be from 1 to 65535, not 70000"},
      {"postgresql: {insecure_ok: yes}\n", "1:27: 'insecure_ok' must be true or false, not 'yes'; write true"},
      {"postgresql: {include_databases: shop}\n", "1:33: 'include_databases' must be a list, not a single value"},
      {"postgresql: {include_databases: [a, {b: c}]}\n", "1:37: 'include_databases' must be text, not a map"},
      {"collection: {intervals: [1s]}\n", "1:25: 'intervals' must be a map, not a list"},
      {"verify: {p_value: small}\n", "1:19: 'p_value' must be a number, not 'small'"},
      {"verify: {p_value: 0.9}\n", "1:19: 'p_value' must be from 1e-09 to 0.5, not 0.9"},
      {"log: {level: inof}\n",
       "1:14: 'level' must be one of debug, info, warn, error, not 'inof'; did you mean 'info'?"},
      {"- a\n- b\n", "1:1: 'the file' must be a map, not a list"},
      {"just text\n", "1:1: 'the file' must be a map, not a single value"},
  });
}

TEST_CASE("a bad unit is named with the spelling that is wanted") {
  const std::string duration = "must be a duration like 500ms, 30s, 5m, 1h30m or 7d, not ";
  const std::string size = "must be a size like 8192, 64kB, 512MB or 10GB, not ";
  check({
      {"postgresql: {connect_timeout: 5}\n", "1:31: 'connect_timeout' " + duration + "'5'; add a unit, for example 5s"},
      {"postgresql: {connect_timeout: 5 sec}\n", "1:31: 'connect_timeout' " + duration + "'5 sec'"},
      {"postgresql: {connect_timeout: 2h}\n", "1:31: 'connect_timeout' must be from 100ms to 1m, not 2h"},
      {"postgresql: {connect_timeout: -5s}\n", "1:31: 'connect_timeout' " + duration + "'-5s'"},
      {"collection: {intervals: {statements: 1M}}\n", "1:38: 'statements' " + duration + "'1M'"},
      {"history:\n  max_bytes: 512mb\n", "2:14: 'max_bytes' " + size + "'512mb'; units are B, kB, MB, GB, TB"},
      {"history:\n  max_bytes: 12\n", "2:14: 'max_bytes' must be from 4.0 MB to 4.0 TB, not 12 B"},
  });
}

TEST_CASE("a duplicate key is named with the line of the first") {
  check({
      {"log: {level: info}\nhost: {}\nlog: {level: warn}\n", "3:1: duplicate key 'log'; it is already set in line 1"},
      {"postgresql:\n  port: 1\n  port: 2\n", "3:3: duplicate key 'port'; it is already set in line 2"},
      {"policy: {defaults: {analyze: never, analyze: auto}}\n",
       "1:37: duplicate key 'analyze'; it is already set in line 1"},
  });
}

TEST_CASE("a missing key is named at the thing that lacks it") {
  check({
      {"policy:\n  rules:\n    - mode: never\n",
       "3:7: 'name' is missing; Name of the rule, once; it is kept in the audit."},
      {"policy:\n  rules:\n    - name: a\n", "3:7: 'mode' is missing; What may happen."},
      {"policy:\n  windows:\n    - {name: n, start: 01:00}\n",
       "3:7: 'end' is missing; End; before the start it is on the next day."},
      {"alerting:\n  webhooks:\n    - name: a\n", "3:7: a webhook needs one of 'url' and 'url_file'"},
  });
}

TEST_CASE("a policy that contradicts itself is refused") {
  const std::string night = "policy:\n  windows: [{name: night, start: 01:00, end: 02:00}]\n";
  check({
      {night + "  rules:\n    - {name: a, mode: auto, window: day}\n",
       "4:37: window 'day' is not defined; define it under policy.windows"},
      {night + "  rules:\n    - {name: a, mode: approve, window: night}\n",
       "4:40: a window binds only auto, not approve"},
      {"policy:\n  rules:\n    - {name: a, mode: never, budget: {changes: 1}}\n",
       "3:38: a budget binds only auto, not never"},
      {"policy:\n  rules:\n    - {name: a, mode: approve, cool_down: 1h}\n",
       "3:43: a cool_down binds only auto, not approve"},
      {"policy:\n  rules:\n    - {name: a, mode: auto, budget: {bytes: 0}}\n",
       "3:37: mode auto with a budget of 0 never acts; use recommend"},
      {"policy:\n  rules:\n    - {name: a, actions: [analyze, restart_setting], mode: auto}\n",
       "3:60: restart_setting cannot be auto: a person restarts the server; use approve, recommend or never"},
      {"policy:\n  rules:\n    - {name: a, actions: [analyze, terminate_session], mode: auto}\n",
       "3:62: terminate_session cannot be auto: a person approves each; use approve, recommend or never"},
      {"policy:\n  defaults:\n    row_security: auto\n",
       "3:19: row_security cannot be auto: a person approves each; use approve, recommend or never"},
      {"policy:\n  defaults:\n    restart_setting: auto\n",
       "3:22: restart_setting cannot be auto: a person restarts the server; use approve, recommend or never"},
      {"policy:\n  rules:\n    - {name: a, mode: never}\n    - {name: b, actions: [vacuum], mode: auto}\n",
       "4:7: rule 'b' never decides: rule 'a' before it matches everything it matches; put the narrower rule first"},
      {"policy:\n  windows: [{name: n, time_zone: Europe/Berlim, start: 01:00, end: 02:00}]\n",
       "2:34: time zone 'Europe/Berlim' is not known on this host; write an IANA name such as Europe/Berlin"},
      {"policy:\n  windows: [{name: n, time_zone: zone.tab, start: 01:00, end: 02:00}]\n",
       "2:34: time zone 'zone.tab' is not known on this host; write an IANA name such as Europe/Berlin"},
      {"policy:\n  windows: [{name: n, time_zone: Europe/../UTC, start: 01:00, end: 02:00}]\n",
       "2:34: time zone 'Europe/../UTC' is not known on this host; write an IANA name such as Europe/Berlin"},
      {"policy:\n  windows: [{name: n, start: 02:00, end: 02:00}]\n",
       "2:42: the window ends when it starts; a whole day is 00:00 to 24:00"},
      {"policy:\n  windows: [{name: n, start: 2:00, end: 03:00}]\n",
       "2:30: 'start' must be a time of day from 00:00 to 24:00; two digits each, such as 02:30"},
      {"policy:\n  windows: [{name: n, start: 01:00, end: 24:01}]\n",
       "2:42: 'end' must be a time of day from 00:00 to 24:00; two digits each, such as 02:30"},
      {"policy:\n  windows: [{name: n, days: [monday], start: 01:00, end: 24:00}]\n",
       "2:30: 'days' must be one of sun, mon, tue, wed, thu, fri, sat, not 'monday'"},
      {"policy:\n  default_budget: {seconds: 0}\n",
       "2:19: a default budget of 0 stops every auto; set the classes to recommend"},
      {"policy:\n  approval_ttl: 0s\n", "2:17: an approval that holds for 0s can never be used"},
      {night + "  rules:\n    - {name: a, actions: [vacuum], mode: auto, window: night}\n"
               "    - {name: a, mode: never}\n",
       "5:14: a second policy rule is named 'a'"},
  });
}

TEST_CASE("rules of which the earlier is narrower are no contradiction") {
  CHECK(errors_of("policy:\n  rules:\n    - {name: a, actions: [vacuum], mode: never}\n"
                  "    - {name: b, object: 'public.*', mode: never}\n    - {name: c, mode: approve}\n")
            .empty());
}

TEST_CASE("other contradictions are refused") {
  check({
      {"postgresql: {host: db.example.org, sslmode: require}\n",
       "1:45: sslmode require to another host does not prove who answers; use verify-full, or set insecure_ok: true"},
      {"history: {path: /a/b.db}\nledger: {path: /a/b.db}\n",
       "2:16: the ledger and the history must be different files"},
      {"change: {lock_timeout: 5s, lock_budget: 1s}\n", "1:24: 'lock_timeout' is longer than 'lock_budget'"},
      {"verify: {window: 5m, block: 5m, before: 4m}\n", "1:41: 'before' is shorter than one 'window'"},
      {"verify: {window: 5m, block: 1m}\n", "1:29: 'block' is shorter than one 'window'"},
      {"verify: {min_windows: 9999}\n", "1:23: 'min_windows' windows do not fit into 'max_observe'"},
      {"http: {listen: 9187}\n", "1:16: 'listen' must be host:port, such as 127.0.0.1:9187 or [::1]:9187"},
      {"http: {listen: '::1:9187'}\n", "1:16: 'listen' must be host:port, such as 127.0.0.1:9187 or [::1]:9187"},
      {"http: {tokens: [{name: a, sha256: abc}]}\n",
       "1:35: 'sha256' must be 64 hex digits; printf %s TOKEN | sha256sum"},
      {"http: {socket_admins: [no_such_user_here]}\n", "1:23: there is no user 'no_such_user_here' on this host"},
      {"alerting: {external_url: pgtend.example.org}\n",
       "1:26: an address must start with http:// or https:// and name a host"},
      {"alerting: {external_url: 'https://pgtend.example.org/?db=1'}\n",
       "1:26: links are made by adding a path to it: it cannot have a query, a fragment or spaces; give scheme, host "
       "and path only, like https://pgtend.example.org/db1"},
      {"alerting: {external_url: 'https://ann:word@pgtend.example.org/a@b'}\n",
       "1:26: it is written into messages: it cannot hold a user or a password; leave out what ends in @"},
      {"alerting: {alertmanagers: [{url: 'http:///x'}]}\n",
       "1:34: an address must start with http:// or https:// and name a host"},
      {"rules: {external_labels: {'a-b': c}}\n",
       "1:27: 'a-b' is not a label name; letters, digits and _ only, no digit first"},
      {"collection: {statements_top: 200}\n",
       "1:30: 200 statements make 3200 series, above max_series_per_collector (2000); raise that and max_series too, "
       "or "
       "follow fewer statements"},
      {"collection: {max_series: 100, max_series_per_collector: 200}\n",
       "1:57: 'max_series_per_collector' is above 'max_series'"},
      {"remote_write: [{name: a, url: 'http://h/w', username: me}]\n",
       "1:16: basic authentication needs both 'username' and 'password_file'"},
      {"remote_write: [{name: a, url: 'http://h/w', headers: {Authorization: x}}]\n",
       "1:54: the agent sets the header 'Authorization' itself"},
      {"remote_write: [{name: a, url: 'http://h/w', headers: {'a b': x}}]\n",
       "1:54: 'a b' is no name of an HTTP header"},
      {"postgresql: {operator: {passfile: /x}}\n", "1:24: 'passfile' of the operator is set but 'user' is not"},
  });
}

TEST_CASE("settings that cancel each other are refused") {
  check({
      {"history:\n  retention: 30d\n  retention_5m: 2d\n",
       "3:17: 'retention_5m' (2d) is shorter than 'retention' (30d): the coarser copy would go before the finer one; "
       "set retention_5m to 30d or more"},
      {"history: {retention_5m: 10d, retention_1h: 9d}\n",
       "1:44: 'retention_1h' (9d) is shorter than 'retention_5m' (10d): the coarser copy would go before the finer "
       "one; "
       "set retention_1h to 10d or more"},
      {"history: {retention: 100d}\n",
       "1:22: 'retention_5m' (90d) is shorter than 'retention' (100d): the coarser copy would go before the finer one; "
       "set retention_5m to 100d or more"},
      {"history: {retention: 1 month}\n",
       "1:22: 'retention' must be a duration like 500ms, 30s, 5m, 1h30m or 7d, not '1 month'"},
      {"postgresql:\n  include_databases: [a, shop]\n  exclude_databases: [shop]\n",
       "2:26: 'shop' is also excluded, by 'shop': it would never be watched; take it out of include_databases or of "
       "exclude_databases"},
      {"postgresql: {include_databases: [shop], exclude_databases: ['s*']}\n",
       "1:34: 'shop' is also excluded, by 's*': it would never be watched; take it out of include_databases or of "
       "exclude_databases"},
      {"http:\n  listen: ''\n  socket: ''\n",
       "2:11: 'listen' and 'socket' are both empty: nobody could reach the agent; set http.socket, for example "
       "/run/pgtend/pgtend.sock"},
  });
  CHECK(errors_of("postgresql: {include_databases: ['shop*'], exclude_databases: [shop_old]}\n").empty());
  CHECK(errors_of("http: {listen: '0.0.0.0:9187'}\n").find("beyond loopback needs TLS and a token") !=
        std::string::npos);
  CHECK(errors_of("http: {tls_key_file: /k.pem}\n").find("a key needs its certificate") != std::string::npos);
  const std::string open =
      "http: {listen: '0.0.0.0:9187', tls_certificate_file: /c.pem, tls_key_file: /k.pem, tokens: [{name: a, right: "
      "viewer, sha256: " +
      std::string(64, 'a') + "}]}\n";
  CHECK(errors_of(open).empty());
  CHECK(errors_of("http: {listen: ''}\n").empty());
}

TEST_CASE("what only follows from a misspelt value or key is not told") {
  const std::string night = "policy:\n  windows: [{name: night, start: 01:00, end: 02:00}]\n";
  check({
      {night + "  rules:\n    - {name: a, mode: automatic, window: night, budget: {changes: 1}, cool_down: 1h}\n",
       "4:23: 'mode' must be one of never, recommend, approve, auto, not 'automatic'"},
      {"policy:\n  rules:\n    - {name: a, actions: [vacum], mode: auto}\n    - {name: b, mode: never}\n",
       "3:27: 'actions' must be one of create_index, drop_index, reindex, refresh_matview, analyze, vacuum, "
       "table_setting, role_setting, system_setting, restart_setting, database_setting, column_setting, "
       "create_statistics, drop_statistics, cancel_session, terminate_session, row_security, create_partition, "
       "detach_partition, drop_partition, drain_default, pgbouncer_setting, not 'vacum'; did you mean 'vacuum'?"},
      {night + "  rules:\n    - {name: a, mod: auto, window: night}\n",
       "4:17: unknown key 'mod'; did you mean 'mode'?"},
      {"policy:\n  windows: [{nam: night, start: 01:00, end: 02:00}]\n  rules:\n"
       "    - {name: a, mode: auto, window: night}\n",
       "2:14: unknown key 'nam'; did you mean 'name'?"},
      {"postgresql: {sslmode: verify_full}\n",
       "1:23: 'sslmode' must be one of disable, allow, prefer, require, verify-ca, verify-full or empty, not "
       "'verify_full'; did you mean 'verify-full'?"},
  });
}

TEST_CASE("a NUL does not end the file in silence") {
  const std::string told =
      "the file holds a NUL character; a text file has none: was it cut off while it was written?\n";
  CHECK(errors_of(std::string("postgresql:\n  user: a\0b\n", 24)) == "2:10: " + told);
  CHECK(errors_of(std::string("\0", 1)) == "1:1: " + told);
}

TEST_CASE("text that is not UTF-8 is named once with its place") {
  CHECK(errors_of("log: {level: info}\ninstance: {name: 'b\xFCro'}\nhost: []\n") ==
        "2:20: this is not UTF-8; save the file as UTF-8\n3:7: 'host' must be a map, not a list\n");
  // Its unknown key is a consequence.
  CHECK(errors_of("b\xFCro: 1\n") == "1:2: this is not UTF-8; save the file as UTF-8\n");
  for (const auto* bad :
       {"\x80", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xC3", "\xFF"}) {
    INFO(bad);
    CHECK(errors_of("instance: {name: '" + std::string(bad) + "'}\n") ==
          "1:19: this is not UTF-8; save the file as UTF-8\n");
  }
  CHECK(errors_of("instance: {name: 'büro € 🐘'}\n").empty());
}

TEST_CASE("auto without an operator is a warning where it was written") {
  const auto warnings = [](const std::string& text) { return format_warnings(load_text(text, "p.yaml").warnings); };
  const std::string says =
      "warning: mode auto acts as 'watcher', the role that watches: no operator is configured; set "
      "postgresql.operator.user, or see: pgtend doctor\n";
  const std::string user = "postgresql: {user: watcher}\n";
  CHECK(warnings(user + "policy:\n  rules:\n    - {name: a, mode: auto}\n") == "p.yaml:4:23: " + says);
  CHECK(warnings(user + "policy: {defaults: {vacuum: auto, analyze: never}}\n") == "p.yaml:2:29: " + says);
  CHECK(warnings(user).empty());
  CHECK(warnings("postgresql: {operator: {user: o}}\npolicy: {rules: [{name: a, mode: auto}]}\n").empty());
}

TEST_CASE("links that nobody could open are a warning") {
  const auto warnings = [](const std::string& text) { return format_warnings(load_text(text, "p.yaml").warnings); };
  const std::string hook = "alerting:\n  webhooks: [{name: a, url: 'http://127.0.0.1/'}]\n";
  const std::string hint = "; give the address that people reach this agent by, like https://db1.example.org:9187\n";
  CHECK(warnings(hook) == "p.yaml:2:13: warning: messages have no links: alerting.external_url is empty" + hint);
  CHECK(warnings(hook + "  external_url: http://db1:9187/x\n") ==
        "p.yaml:3:17: warning: 'db1' has no dot: elsewhere it leads to nothing, or to another host" + hint);
  CHECK(warnings(hook + "  external_url: http://db1.example.org:9187\n").empty());
  CHECK(warnings(hook + "  external_url: 'http://[2001:db8::1]:9187'\n").empty());
  CHECK(warnings("instance: {name: a}\n").empty());
}

TEST_CASE("a secret pasted in the wrong place does not reach the message") {
  const std::string secret = "s3cr3t-s3cr3t-s3cr3t-s3cr3t";
  CHECK(errors_of("postgresql: {port: " + secret + "}\n").find(secret) == std::string::npos);
  CHECK(errors_of("http: {tokens: [{name: a, right: " + secret + ", sha256: " + secret + "}]}\n").find(secret) ==
        std::string::npos);
}

TEST_CASE("many mistakes in one file are all told at once") {
  CHECK(errors_of("log: {level: loud}\npostgresql:\n  prot: 1\n  port: x\nhost: []\n") ==
        "1:14: 'level' must be one of debug, info, warn, error, not 'loud'\n"
        "3:3: unknown key 'prot'; did you mean 'port'?\n"
        "4:9: 'port' must be a whole number, not 'x'\n"
        "5:7: 'host' must be a map, not a list\n");
}
