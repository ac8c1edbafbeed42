#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/pg_session.hpp"
#include "tests/support/process.hpp"

namespace pgtend::test {

struct PgClusterOptions {
  int major = 0;  // 13 to 18 as ./dev setup installs them; 0: Debian's
  // postgresql.conf; by default fsync=off, listen_addresses=127.0.0.1 and shared_preload_libraries=pg_stat_statements.
  std::map<std::string, std::string> settings{};
  // pg_hba.conf lines that come before the default "trust for everyone local and on 127.0.0.1".
  std::vector<std::string> hba{};
  bool tls = false;  // ssl=on with a certificate for localhost and 127.0.0.1 signed by certificates().ca
  bool start = true;
  bool fresh_initdb = false;  // its own system identifier instead of a copy of the cached template
  int certificate_days = 30;
};

struct Certificates {
  std::filesystem::path ca, server_certificate, server_key;
  std::filesystem::path other_ca;  // a valid authority that signed nothing here
};

// A private PostgreSQL server that owns its data directory, port, socket folder and certificates; stopped and removed
// with this object. Superuser: postgres. Failures throw std::runtime_error.
// REQUIRES: the thread that starts it lives as long as it does (the server dies with that thread).
class PgCluster {
 public:
  explicit PgCluster(PgClusterOptions options = {});
  ~PgCluster();
  PgCluster(const PgCluster&) = delete;
  PgCluster& operator=(const PgCluster&) = delete;

  void start();
  void stop(const std::string& mode = "fast");  // smart, fast, immediate
  void restart();
  // SIGKILL to the postmaster and its backends, as a crash of the machine would look.
  void kill();
  // Re-reads postgresql.conf and pg_hba.conf.
  void reload();
  // Adds or replaces a setting (written to postgresql.conf; takes effect at reload or restart).
  void set(const std::string& name, const std::string& value);
  // Replaces the leading lines of pg_hba.conf and reloads.
  void set_hba(const std::vector<std::string>& lines);

  // True when it accepts connections now.
  [[nodiscard]] bool is_up() const;
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string host() const { return "127.0.0.1"; }
  [[nodiscard]] std::string socket_dir() const { return (dir_.path() / "socket").string(); }
  [[nodiscard]] std::filesystem::path data_dir() const { return dir_.path() / "data"; }
  [[nodiscard]] std::string log() const { return read_file(dir_.path() / "server.log"); }
  [[nodiscard]] const Certificates& certificates() const { return certificates_; }
  [[nodiscard]] pid_t postmaster_pid() const { return server_.pid(); }
  // Over the unix socket, as libpq reads it.
  [[nodiscard]] std::string conninfo(const std::string& database = "postgres",
                                     const std::string& user = "postgres") const;
  // libpq keywords for pg::ConnectSpec over the unix socket; `tcp` goes to 127.0.0.1 instead.
  [[nodiscard]] std::map<std::string, std::string> parameters(const std::string& database = "postgres",
                                                              const std::string& user = "postgres",
                                                              bool tcp = false) const;

  // A superuser session.
  [[nodiscard]] PgSession session(const std::string& database = "postgres", const std::string& user = "postgres") const;
  // One-shot superuser statements; exec() returns the first field of the last result.
  std::string exec(const std::string& database, const std::string& sql) const;
  RowSet rows(const std::string& database, const std::string& sql) const;
  // Runs a file with the real psql, ON_ERROR_STOP on; `variables` become -v name=value. Returns what it printed.
  std::string psql_file(const std::string& database, const std::filesystem::path& file,
                        const std::map<std::string, std::string>& variables = {}) const;
  // A streaming standby of this server and of its version, started and following. No tablespaces.
  [[nodiscard]] std::unique_ptr<PgCluster> make_standby();

 private:
  struct FromDirectory {};
  PgCluster(FromDirectory, PgClusterOptions options);
  void initialise();
  void write_configuration();
  void make_certificates();

  PgClusterOptions options_;
  TempDir dir_;
  int port_ = 0;
  Certificates certificates_;
  ChildProcess server_;
};

struct PgBouncerOptions {
  std::string pool_mode = "transaction";
  std::map<std::string, std::string> settings;  // [pgbouncer] section
  bool newer = false;                           // Debian 13's 1.24 instead of the installed one
};

// A real PgBouncer in front of a cluster; every database and user is let through.
class PgBouncerProcess {
 public:
  explicit PgBouncerProcess(const PgCluster& cluster, PgBouncerOptions options = {});
  // On the same port; stop() leaves nobody there.
  void start();
  void stop() { process_.stop(); }
  // Replaces the users and their passwords (auth_file), and reloads.
  void set_users(const std::map<std::string, std::string>& passwords);
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string conninfo(const std::string& database = "postgres",
                                     const std::string& user = "postgres") const;
  [[nodiscard]] std::map<std::string, std::string> parameters(const std::string& database = "postgres",
                                                              const std::string& user = "postgres") const;
  [[nodiscard]] std::filesystem::path ini_file() const { return dir_.path() / "pgbouncer.ini"; }
  [[nodiscard]] std::string log() const { return read_file(dir_.path() / "pgbouncer.log"); }
  ChildProcess& process() { return process_; }

 private:
  TempDir dir_;
  int port_ = 0;
  bool newer_ = false;
  ChildProcess process_;
  void write_users(const std::map<std::string, std::string>& passwords);
};

}  // namespace pgtend::test
