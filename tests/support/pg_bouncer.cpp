#include <libpq-fe.h>

#include <csignal>
#include <stdexcept>

#include "tests/support/pg_cluster.hpp"
#include "tests/support/pg_programs.hpp"

namespace pgtend::test {

namespace {

// Debian 13's is started by the loader and with the libraries of that release.
std::vector<std::string> program(bool newer) {
  if (!newer) return {"pgbouncer"};
  const auto root = test_cache() / "pgbouncer", libraries = root / "usr/lib/x86_64-linux-gnu";
  if (!std::filesystem::exists(root / "usr/sbin/pgbouncer"))
    throw std::runtime_error("there is no PgBouncer at " + root.string() + ": ./dev setup");
  return {(libraries / "ld-linux-x86-64.so.2").string(), "--library-path", libraries.string(),
          (root / "usr/sbin/pgbouncer").string()};
}

}  // namespace

PgBouncerProcess::PgBouncerProcess(const PgCluster& cluster, PgBouncerOptions options)
    : dir_("pgtend-bouncer-"), port_(free_port()), newer_(options.newer) {
  std::map<std::string, std::string> settings{
      {"listen_addr", "127.0.0.1"},
      {"listen_port", std::to_string(port_)},
      {"unix_socket_dir", dir_.path().string()},
      {"auth_type", "trust"},
      {"auth_file", (dir_.path() / "users.txt").string()},
      {"admin_users", "postgres"},
      {"stats_users", "pgtend_monitor"},
      {"pool_mode", options.pool_mode},
      {"ignore_startup_parameters", "extra_float_digits"},
  };
  for (const auto& [name, value] : options.settings) settings[name] = value;
  std::string ini = "[databases]\n* = host=" + cluster.socket_dir() + " port=" + std::to_string(cluster.port()) + "\n";
  ini += "[pgbouncer]\n";
  for (const auto& [name, value] : settings) ini += name + " = " + value + "\n";
  write_file(ini_file(), ini);
  write_users({{"postgres", ""}, {"pgtend_monitor", ""}, {"pgtend_operator", ""}, {"app", ""}});
  start();
}

void PgBouncerProcess::write_users(const std::map<std::string, std::string>& passwords) {
  std::string users;
  for (const auto& [name, password] : passwords) users += "\"" + name + "\" \"" + password + "\"\n";
  write_file(dir_.path() / "users.txt", users);
}

void PgBouncerProcess::set_users(const std::map<std::string, std::string>& passwords) {
  write_users(passwords);
  const auto before = count_of(log(), "got SIGHUP");
  process_.signal(SIGHUP);
  if (!eventually([&] { return count_of(log(), "got SIGHUP") > before; }))
    throw std::runtime_error("PgBouncer did not reload: " + log());
}

void PgBouncerProcess::start() {
  SpawnOptions spawn;
  spawn.as_postgres = true;
  spawn.log = dir_.path() / "pgbouncer.log";
  auto command = program(newer_);
  command.push_back(ini_file().string());
  process_ = ChildProcess(command, spawn);
  const auto target = conninfo();
  if (!eventually([&] { return PQping(target.c_str()) == PQPING_OK; }))
    throw std::runtime_error("PgBouncer did not start: " + log());
}

std::string PgBouncerProcess::conninfo(const std::string& database, const std::string& user) const {
  return "host=127.0.0.1 port=" + std::to_string(port_) + " dbname=" + database + " user=" + user;
}

std::map<std::string, std::string> PgBouncerProcess::parameters(const std::string& database,
                                                                const std::string& user) const {
  return {{"host", "127.0.0.1"}, {"port", std::to_string(port_)}, {"dbname", database}, {"user", user}};
}

}  // namespace pgtend::test
