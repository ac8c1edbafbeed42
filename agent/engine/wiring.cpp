#include "agent/engine/wiring.hpp"

#include <unistd.h>

#include <filesystem>

#include "agent/config/files.hpp"

namespace pgtend::engine {

namespace {

// Debian's and Fedora's build of PostgreSQL puts its socket there; libpq's own default may be /tmp.
constexpr const char* kSocketDirectory = "/var/run/postgresql";

// What the sections of a server and of a pooler have in common.
template <class Section>
pg::ConnectSpec session_spec(const Section& section, const std::string& user, const std::string& passfile,
                             const std::string& database) {
  pg::ConnectSpec spec;
  auto& p = spec.parameters;
  p["host"] = section.host.empty() ? kSocketDirectory : section.host;
  p["port"] = std::to_string(section.port);
  p["user"] = user;
  p["dbname"] = database;
  p["sslmode"] = config::effective_sslmode(section.host, section.sslmode);
  const auto set = [&](const char* key, const std::string& value) {
    if (!value.empty()) p[key] = value;
  };
  set("passfile", passfile);
  set("sslrootcert", section.sslrootcert);
  set("sslcert", section.sslcert);
  set("sslkey", section.sslkey);
  spec.insecure_ok = section.insecure_ok;
  return spec;
}

pg::ConnectSpec connect_spec(const config::PostgresqlConfig& config, const std::string& user,
                             const std::string& passfile) {
  auto spec = session_spec(config, user, passfile, config.database);
  if (!config.sslcrl.empty()) spec.parameters["sslcrl"] = config.sslcrl;
  return spec;
}

http::Right right_of(const std::string& name) {
  if (name == "admin") return http::Right::admin;
  if (name == "approver") return http::Right::approver;
  return http::Right::viewer;
}

}  // namespace

pg::ConnectSpec console_spec(const config::PgbouncerConfig& config) {
  auto spec = session_spec(config, config.user, config.passfile, "pgbouncer");
  spec.admin_console = true;
  return spec;
}

std::vector<change::Pooler> poolers(const config::Config& config, net::asio::any_io_executor blocking) {
  std::vector<change::Pooler> out;
  for (auto section : config.pgbouncer) {
    if (section.ini_file.empty()) continue;
    if (!section.admin_user.empty()) section.user = section.admin_user;
    if (!section.admin_passfile.empty()) section.passfile = section.admin_passfile;
    out.push_back({section.name, section.ini_file, console_spec(section), blocking});
  }
  return out;
}

pg::LaneOptions lane_options(const config::PostgresqlConfig& config) {
  pg::LaneOptions out;
  out.monitor = connect_spec(config, config.user, config.passfile);
  if (config.operator_role) {
    const auto& role = *config.operator_role;
    out.operator_ = connect_spec(config, role.user, role.passfile.empty() ? config.passfile : role.passfile);
  }
  out.connect_timeout = config.connect_timeout;
  return out;
}

store::HistoryOptions history_options(const config::HistoryConfig& config) {
  store::HistoryOptions out;
  out.path = config.path;
  out.retention = config.retention;
  out.retention_five_minutes = config.retention_5m;
  out.retention_one_hour = config.retention_1h;
  out.max_bytes = config.max_bytes;
  out.min_free_bytes = config.min_free_bytes;
  out.min_free_ratio = config.min_free_ratio;
  out.max_series_per_collector = static_cast<std::size_t>(config.max_series_per_collector);
  return out;
}

change::PipelineOptions pipeline_options(const config::Config& config) {
  change::PipelineOptions out;
  const auto& c = config.change;
  out.lock_timeout = c.lock_timeout;
  out.lock_attempts = c.lock_attempts;
  out.lock_budget = c.lock_budget;
  out.wait_budget = c.wait_budget;
  out.disk_factor = c.disk_factor;
  out.max_xact_age = c.max_xact_age;
  out.statement_budget = c.index_timeout;
  out.refresh_budget = c.refresh_timeout;
  out.maintenance_budget = c.maintenance_timeout;
  out.setting_budget = c.setting_timeout;
  out.home_database = config.postgresql.database;
  out.freeze_file = c.freeze_file;
  out.approval_ttl = config.policy.approval_ttl;
  const auto& v = config.verify;
  out.verify.window = v.window;
  out.verify.block = v.block;
  out.verify.min_windows = v.min_windows;
  out.verify.min_calls = v.min_calls;
  out.verify.before = v.before;
  out.verify.after = v.after;
  out.verify.warm_up = v.warm_up;
  out.verify.max_observe = v.max_observe;
  out.verify.effect_blocks = v.effect_blocks;
  out.verify.effect_time = v.effect_time;
  out.verify.p_value = v.p_value;
  out.verify.min_control = v.min_control;
  out.verify.undo_no_effect = v.undo_no_effect;
  out.verify.trip_replica_lag = v.trip_replica_lag;
  out.verify.trip_disk_free = v.trip_disk_free;
  out.verify.trip_lock_waiters = v.trip_lock_waiters;
  out.verify.trip_rollbacks = v.trip_rollbacks;
  return out;
}

Labels instance_labels(const config::Config& config) {
  Labels out = config.rules.external_labels;
  if (!out.has("instance")) out.set("instance", config.instance.name);
  return out;
}

http::ServerOptions server_options(const config::HttpConfig& config) {
  http::ServerOptions out;
  out.listen = config.listen;
  out.unix_path = config.socket;
  out.tls_certificate_file = config.tls_certificate_file;
  out.tls_key_file = config.tls_key_file;
  return out;
}

Result<http::Authenticator> authenticator(const config::HttpConfig& config) {
  http::AuthOptions options;
  for (const auto& token : config.tokens) options.tokens.push_back({token.name, token.sha256, right_of(token.right)});
  const auto add = [&](const std::vector<std::string>& users, http::Right right) -> Result<void> {
    for (const auto& user : users) {
      const auto uid = config::uid_of(user);
      if (!uid) return fail(Errc::config, "http: there is no user " + user + " on this host");
      options.uids[*uid] = right;
    }
    return {};
  };
  if (auto ok = add(config.socket_viewers, http::Right::viewer); !ok) return fail(std::move(ok.error()));
  if (auto ok = add(config.socket_approvers, http::Right::approver); !ok) return fail(std::move(ok.error()));
  if (auto ok = add(config.socket_admins, http::Right::admin); !ok) return fail(std::move(ok.error()));
  options.uids[0] = http::Right::admin;
  options.uids[::getuid()] = http::Right::admin;
  return http::Authenticator::make(std::move(options));
}

Result<void> make_directory_of(const std::string& path) {
  const auto directory = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (directory.empty() || std::filesystem::is_directory(directory, error)) return {};
  if (!std::filesystem::create_directories(directory, error))
    return fail(Errc::io, "cannot make directory " + directory.string() + ": " + error.message());
  std::filesystem::permissions(directory, std::filesystem::perms(0750), error);
  return {};
}

}  // namespace pgtend::engine
