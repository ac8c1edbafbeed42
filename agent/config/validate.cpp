#include <algorithm>
#include <set>

#include "agent/base/strings.hpp"
#include "agent/config/config.hpp"
#include "agent/config/files.hpp"
#include "agent/config/origins.hpp"
#include "agent/config/places.hpp"
#include "agent/config/schema.hpp"

namespace pgtend::config {

namespace {

// Of collectors/postgres/statements.yaml: eleven metrics and five under postgres_exporter's names too.
constexpr int kSeriesOfStatement = 16;

// A name that is included and excluded is one of two mistakes; which one, only its author knows.
void check_databases(const Complaints& complain, const PostgresqlConfig& postgresql) {
  const auto& included = postgresql.include_databases;
  for (std::size_t i = 0; i < included.size(); ++i)
    for (std::size_t j = 0; j < postgresql.exclude_databases.size(); ++j) {
      const auto& pattern = postgresql.exclude_databases[j];
      const bool has_wildcard = included[i].find_first_of("*?") != std::string::npos;
      const bool covers =
          included[i] == pattern || pattern == "*" || (!has_wildcard && glob_match(pattern, included[i]));
      if (!covers) continue;
      complain.at("postgresql.include_databases[" + std::to_string(i) + "]",
                  "'" + included[i] + "' is also excluded, by '" + pattern + "': it would never be watched",
                  "take it out of include_databases or of exclude_databases");
      break;
    }
}

void check_sslmode(const Complaints& complain, const std::string& section, const std::string& host,
                   const std::string& sslmode, bool insecure_ok) {
  const auto mode = effective_sslmode(host, sslmode);
  if (!is_local_host(host) && mode != "verify-full" && !insecure_ok)
    complain.at(section + ".sslmode", "sslmode " + mode + " to another host does not prove who answers",
                "use verify-full, or set insecure_ok: true");
}

void check_logs(const Complaints& complain, const std::string& path) {
  if (path.empty()) return;
  const auto slash = path.rfind('/');
  const std::string at = "postgresql.logs.path";
  if (path.front() != '/') {
    complain.at(at, "'" + path + "' is no absolute path", "begin it with /");
  } else if (slash + 1 == path.size()) {
    complain.at(at, "'" + path + "' is a folder", "add the name of the file, or a pattern such as postgresql-*.csv");
  } else if (path.substr(0, slash).find_first_of("*?") != std::string::npos) {
    complain.at(at, "a pattern of folders is not followed", "use * and ? in the last part alone");
  }
}

void check_postgresql(const Complaints& complain, const PostgresqlConfig& postgresql) {
  check_sslmode(complain, "postgresql", postgresql.host, postgresql.sslmode, postgresql.insecure_ok);
  check_secret_file(complain, "postgresql.passfile", postgresql.passfile);
  check_secret_file(complain, "postgresql.sslkey", postgresql.sslkey);
  if (postgresql.operator_role)
    check_secret_file(complain, "postgresql.operator.passfile", postgresql.operator_role->passfile);
  if (postgresql.user.empty()) complain.at("postgresql.user", "'user' must not be empty");
  if (postgresql.database.empty()) complain.at("postgresql.database", "'database' must not be empty");
  check_databases(complain, postgresql);
  check_logs(complain, postgresql.logs.path);
}

// Two things of one kind are told apart by their names.
void check_peer_name(const Complaints& complain, const std::string& path, const std::string& what,
                     const std::string& name, std::size_t count, std::set<std::string>& names) {
  if (name.empty() && count > 1)
    complain.at(path, "each of several " + what + "s needs a 'name'", "give each its own name");
  if (!name.empty() && !names.insert(name).second)
    complain.at(path + ".name", "a second " + what + " is named '" + name + "'");
}

void check_pgbouncer(const Complaints& complain, const std::vector<PgbouncerConfig>& poolers) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < poolers.size(); ++i) {
    const auto& pooler = poolers[i];
    const std::string path = "pgbouncer[" + std::to_string(i) + "]";
    check_peer_name(complain, path, "pooler", pooler.name, poolers.size(), names);
    check_sslmode(complain, path, pooler.host, pooler.sslmode, pooler.insecure_ok);
    check_secret_file(complain, path + ".passfile", pooler.passfile);
    check_secret_file(complain, path + ".admin_passfile", pooler.admin_passfile);
    check_secret_file(complain, path + ".sslkey", pooler.sslkey);
    if (!pooler.ini_file.empty() && pooler.ini_file.front() != '/')
      complain.at(path + ".ini_file", "'ini_file' must be an absolute path");
    if (pooler.user.empty()) complain.at(path + ".user", "'user' must not be empty");
  }
}

void check_redis(const Complaints& complain, const std::vector<RedisConfig>& caches) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < caches.size(); ++i) {
    const auto& cache = caches[i];
    const std::string path = "redis[" + std::to_string(i) + "]";
    check_peer_name(complain, path, "Redis server", cache.name, caches.size(), names);
    check_secret_file(complain, path + ".password_file", cache.password_file);
    check_secret_file(complain, path + ".key_file", cache.key_file);
    if (cache.socket.empty() && cache.host.empty()) complain.at(path + ".host", "'host' must not be empty");
    if (!cache.user.empty() && cache.password_file.empty())
      complain.at(path + ".user", "'user' is set but 'password_file' is not");
    if (cache.tls && !cache.socket.empty()) complain.at(path + ".tls", "'tls' is not spoken on a unix socket");
    if (cache.cert_file.empty() != cache.key_file.empty())
      complain.at(path, "'cert_file' and 'key_file' go together", "set both, or none");
    if (cache.socket.empty() && !is_local_host(cache.host) && !cache.tls && !cache.insecure_ok)
      complain.at(path + ".host",
                  "without TLS nothing proves who answers on another host, and the password is in clear",
                  "set tls: true, or insecure_ok: true");
  }
}

// A coarser copy that goes before the finer one answers nothing: `fine` is written by the user or the default.
void check_tiers(const Complaints& complain, const std::string& fine_key, Millis fine, const std::string& coarse_key,
                 Millis coarse) {
  if (fine <= coarse || complain.is_broken("history." + fine_key) || complain.is_broken("history." + coarse_key))
    return;
  const bool coarse_is_set = complain.is_set("history." + coarse_key);
  complain.at("history." + (coarse_is_set ? coarse_key : fine_key),
              "'" + coarse_key + "' (" + format_duration(coarse) + ") is shorter than '" + fine_key + "' (" +
                  format_duration(fine) + "): the coarser copy would go before the finer one",
              "set " + coarse_key + " to " + format_duration(fine) + " or more");
}

void check_files(const Complaints& complain, const Config& config) {
  if (config.history.path.empty()) complain.at("history.path", "'path' must not be empty");
  if (config.ledger.path.empty()) complain.at("ledger.path", "'path' must not be empty");
  if (!config.ledger.path.empty() && config.ledger.path == config.history.path)
    complain.at("ledger.path", "the ledger and the history must be different files");
  if (config.host.enabled && config.host.proc.empty()) complain.at("host.proc", "'proc' must not be empty");
  if (config.instance.name.empty()) complain.at("instance.name", "'name' must not be empty");
  if (config.collection.max_series_per_collector > config.collection.max_series)
    complain.at("collection.max_series_per_collector", "'max_series_per_collector' is above 'max_series'");
  const auto& collection = config.collection;
  if (complain.is_set("collection.statements_top") &&
      std::int64_t{collection.statements_top} * kSeriesOfStatement > collection.max_series_per_collector)
    complain.at("collection.statements_top",
                std::to_string(collection.statements_top) + " statements make " +
                    std::to_string(collection.statements_top * kSeriesOfStatement) +
                    " series, above max_series_per_collector (" + std::to_string(collection.max_series_per_collector) +
                    ")",
                "raise that and max_series too, or follow fewer statements");
  const auto& history = config.history;
  check_tiers(complain, "retention", history.retention, "retention_5m", history.retention_5m);
  check_tiers(complain, "retention_5m", history.retention_5m, "retention_1h", history.retention_1h);
}

// Source: RFC 9110, 5.6.2: a field's name is a token.
bool is_header_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7f &&
           std::string_view("\"(),/:;<=>?@[\\]{}").find(static_cast<char>(c)) == std::string::npos;
  });
}
bool is_own_header(const std::string& name) {
  static const std::set<std::string> kOwn = {"authorization",
                                             "content-encoding",
                                             "content-length",
                                             "content-type",
                                             "host",
                                             "transfer-encoding",
                                             "x-prometheus-remote-write-version"};
  return kOwn.contains(to_lower(name));
}

void check_remote_write(const Complaints& complain, const std::vector<RemoteWriteConfig>& receivers) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < receivers.size(); ++i) {
    const auto& receiver = receivers[i];
    const std::string path = "remote_write[" + std::to_string(i) + "]";
    if (!receiver.name.empty() && !names.insert(receiver.name).second)
      complain.at(path + ".name", "a second receiver is named '" + receiver.name + "'");
    if (receiver.url.empty() == receiver.url_file.empty())
      complain.at(path, "a receiver needs one of 'url' and 'url_file'");
    check_url(complain, path + ".url", receiver.url);
    check_secret_file(complain, path + ".url_file", receiver.url_file);
    check_secret_file(complain, path + ".bearer_token_file", receiver.bearer_token_file);
    check_secret_file(complain, path + ".password_file", receiver.password_file);
    if (receiver.username.empty() != receiver.password_file.empty())
      complain.at(path, "basic authentication needs both 'username' and 'password_file'");
    if (!receiver.username.empty() && !receiver.bearer_token_file.empty())
      complain.at(path + ".bearer_token_file", "a receiver has one of 'bearer_token_file' and 'username'");
    for (const auto& [name, value] : receiver.headers)
      if (!is_header_name(name) || is_own_header(name))
        complain.at(path + ".headers", is_header_name(name) ? "the agent sets the header '" + name + "' itself"
                                                            : "'" + name + "' is no name of an HTTP header");
  }
}

void check_change(const Complaints& complain, const ChangeConfig& change, const VerifyConfig& verify) {
  if (change.lock_timeout > change.lock_budget)
    complain.at("change.lock_timeout", "'lock_timeout' is longer than 'lock_budget'");
  if (verify.before < verify.window) complain.at("verify.before", "'before' is shorter than one 'window'");
  if (verify.block < verify.window) complain.at("verify.block", "'block' is shorter than one 'window'");
  if (verify.warm_up >= verify.max_observe)
    complain.at("verify.warm_up", "'warm_up' leaves nothing of 'max_observe' to look at");
  if (verify.after > verify.max_observe) complain.at("verify.after", "'after' is longer than 'max_observe'");
  if (verify.window * verify.min_windows > verify.max_observe)
    complain.at("verify.min_windows", "'min_windows' windows do not fit into 'max_observe'");
}

bool is_hex64(const std::string& text) {
  if (text.size() != 64) return false;
  for (const char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) return false;
  return true;
}

bool is_listen_address(const std::string& listen) {
  const auto colon = listen.find_last_of(':');
  if (colon == std::string::npos || colon == 0 || listen.size() - colon > 6) return false;
  const std::string host = listen.substr(0, colon);
  if (host.find(':') != std::string::npos && !(host.front() == '[' && host.back() == ']')) return false;
  int port = 0;
  for (std::size_t i = colon + 1; i < listen.size(); ++i) {
    if (listen[i] < '0' || listen[i] > '9') return false;
    port = port * 10 + (listen[i] - '0');
  }
  return colon + 1 < listen.size() && port <= 65535;
}

void check_users(const Complaints& complain, const std::string& key, const std::vector<std::string>& users) {
  for (const auto& user : users) {
    const auto uid = uid_of(user);
    if (!uid) complain.at(key, uid.error().message);
  }
}

bool is_loopback_address(const std::string& listen) {
  auto host = listen.substr(0, listen.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return !host.empty() && is_local_host(host);
}

// Nobody may read figures, or approve changes, over an open network.
void check_exposure(const Complaints& complain, const HttpConfig& http) {
  const bool certificate = !http.tls_certificate_file.empty(), key = !http.tls_key_file.empty();
  if (certificate != key)
    complain.at(certificate ? "http.tls_certificate_file" : "http.tls_key_file",
                certificate ? "a certificate needs its key" : "a key needs its certificate",
                certificate ? "set http.tls_key_file" : "set http.tls_certificate_file");
  if (http.listen.empty() || !is_listen_address(http.listen) || is_loopback_address(http.listen)) return;
  if (!certificate || !key || http.tokens.empty())
    complain.at("http.listen", "an address beyond loopback needs TLS and a token",
                "set http.tls_certificate_file, http.tls_key_file and http.tokens, or listen on 127.0.0.1");
}

void check_http(const Complaints& complain, const HttpConfig& http) {
  // sun_path of a unix socket address holds 107 characters and a NUL.
  constexpr std::size_t kMaxSocketPath = 107;
  if (!http.listen.empty() && !is_listen_address(http.listen))
    complain.at("http.listen", "'listen' must be host:port, such as 127.0.0.1:9187 or [::1]:9187");
  check_exposure(complain, http);
  if (http.socket.size() > kMaxSocketPath) complain.at("http.socket", "a socket's path has at most 107 characters");
  if (http.listen.empty() && http.socket.empty())
    complain.at(complain.is_set("http.listen") ? "http.listen" : "http.socket",
                "'listen' and 'socket' are both empty: nobody could reach the agent",
                "set http.socket, for example /run/pgtend/pgtend.sock");
  std::set<std::string> names;
  for (std::size_t i = 0; i < http.tokens.size(); ++i) {
    const auto& token = http.tokens[i];
    const std::string path = "http.tokens[" + std::to_string(i) + "]";
    if (!token.name.empty() && !names.insert(token.name).second)
      complain.at(path + ".name", "a second token is named '" + token.name + "'");
    if (!token.sha256.empty() && !is_hex64(token.sha256))
      complain.at(path + ".sha256", "'sha256' must be 64 hex digits", "printf %s TOKEN | sha256sum");
  }
  check_users(complain, "http.socket_viewers", http.socket_viewers);
  check_users(complain, "http.socket_approvers", http.socket_approvers);
  check_users(complain, "http.socket_admins", http.socket_admins);
}

}  // namespace

void validate(const Config& config, const Origins& origins, std::vector<ConfigError>& errors) {
  const Complaints complain(origins, errors);
  check_postgresql(complain, config.postgresql);
  check_pgbouncer(complain, config.pgbouncer);
  check_redis(complain, config.redis);
  check_files(complain, config);
  check_remote_write(complain, config.remote_write);
  check_change(complain, config.change, config.verify);
  check_http(complain, config.http);
  validate_alerting(config.alerting, origins, errors);
  validate_policy(config.policy, origins, errors);
}

}  // namespace pgtend::config
