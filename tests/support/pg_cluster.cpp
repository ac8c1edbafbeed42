#include "tests/support/pg_cluster.hpp"

#include <libpq-fe.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "tests/support/pg_programs.hpp"

namespace pgtend::test {
namespace fs = std::filesystem;
using std::chrono::milliseconds;

namespace {

SpawnOptions as_postgres() {
  SpawnOptions options;
  options.as_postgres = true;
  options.environment["TZ"] = "UTC";
  return options;
}

// Small WAL segments: most of a copied data directory would be its one 16 MB segment.
std::vector<std::string> initdb_command(int major, const fs::path& data) {
  return {pg_program(major, "initdb"), "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8",
          "--wal-segsize=1",           "-D", data};
}

// initdb takes seconds, a copy of its result a tenth of one. Each program version has its own template.
fs::path template_dir(int major) {
  std::string recipe = must_run({pg_program(major, "postgres"), "--version"}, as_postgres());
  for (const auto& word : initdb_command(major, "")) recipe += word + " ";
  const auto tag = std::to_string(std::hash<std::string>{}(recipe) % 1'000'000);
  const fs::path wanted = fs::temp_directory_path() / ("pgtend-test-initdb-" + std::to_string(geteuid()) + "-" + tag);
  if (fs::exists(wanted / "PG_VERSION")) return wanted;
  TempDir work("pgtend-initdb-");
  must_run(initdb_command(major, work.path() / "data"), as_postgres());
  std::error_code ignored;  // another test run may have won the race: its template is as good
  fs::rename(work.path() / "data", wanted, ignored);
  return wanted;
}

std::string configuration_line(const std::string& name, const std::string& value) {
  std::string quoted;
  for (const char c : value) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return name + " = '" + quoted + "'\n";
}

// A base backup by the server's own functions, because Debian's pg_basebackup takes none of a newer server. What is
// written meanwhile is made whole by the WAL, which the standby streams from here.
void copy_running(const PgCluster& primary, const fs::path& from, const fs::path& to) {
  auto session = primary.session();
  const bool renamed = std::stoi(session.value("SHOW server_version_num")) >= 150000;
  session.exec(renamed ? "SELECT pg_backup_start('standby', true)" : "SELECT pg_start_backup('standby', true, false)");
  // A file that goes away while the folder is read is allowed in a base backup, all other trouble is not.
  const auto copied = run_command({"cp", "-a", "--reflink=auto", from, to}, as_postgres());
  if (count_of(copied.output, "\n") != count_of(copied.output, ": No such file or directory\n"))
    throw std::runtime_error("the copy for a standby failed: " + copied.output);
  must_run({"bash", "-c", "rm -rf \"$0\"/postmaster.pid \"$0\"/pg_replslot/*", to}, as_postgres());
  const std::string label = session.value(renamed ? "SELECT labelfile FROM pg_backup_stop(false)"
                                                  : "SELECT labelfile FROM pg_stop_backup(false, false)");
  // The server syncs it, for which it must be its own.
  must_run({"bash", "-c", "printf '%s' \"$1\" >\"$0\"", to / "backup_label", label}, as_postgres());
}

}  // namespace

PgCluster::PgCluster(PgClusterOptions options) : options_(std::move(options)), dir_("pgtend-pg-"), port_(free_port()) {
  initialise();
  if (options_.tls) make_certificates();
  write_configuration();
  if (options_.start) start();
}

PgCluster::PgCluster(FromDirectory, PgClusterOptions options)
    : options_(std::move(options)), dir_("pgtend-pg-"), port_(free_port()) {
  must_run({"mkdir", socket_dir()}, as_postgres());
}

PgCluster::~PgCluster() {
  if (server_.pid() > 0) server_.signal(SIGQUIT);
  server_.wait(milliseconds(10'000));
}

void PgCluster::initialise() {
  must_run({"mkdir", socket_dir()}, as_postgres());
  if (options_.fresh_initdb)
    must_run(initdb_command(options_.major, data_dir()), as_postgres());
  else
    must_run({"cp", "-a", "--reflink=auto", template_dir(options_.major), data_dir()}, as_postgres());
}

void PgCluster::write_configuration() {
  std::map<std::string, std::string> settings{
      {"listen_addresses", "127.0.0.1"},
      {"port", std::to_string(port_)},
      {"unix_socket_directories", socket_dir()},
      {"fsync", "off"},
      {"max_connections", "40"},
      {"shared_buffers", "32MB"},
      {"shared_preload_libraries", "pg_stat_statements"},
      {"max_wal_senders", "4"},
      {"log_line_prefix", "%m [%p] %a %u@%d "},
      {"log_connections", "on"},
      {"log_timezone", "UTC"},
      {"timezone", "UTC"},
  };
  if (options_.tls) {
    settings["ssl"] = "on";
    settings["ssl_cert_file"] = certificates_.server_certificate;
    settings["ssl_key_file"] = certificates_.server_key;
  }
  for (const auto& [name, value] : options_.settings) settings[name] = value;
  std::string text;
  for (const auto& [name, value] : settings) text += configuration_line(name, value);
  write_file(data_dir() / "postgresql.conf", text);
  std::string hba;
  for (const auto& line : options_.hba) hba += line + "\n";
  hba +=
      "local all all trust\nhost all all 127.0.0.1/32 trust\nlocal replication all trust\n"
      "host replication all 127.0.0.1/32 trust\n";
  write_file(data_dir() / "pg_hba.conf", hba);
}

void PgCluster::make_certificates() {
  const auto folder = dir_.path() / "tls";
  must_run({"mkdir", folder}, as_postgres());
  auto options = as_postgres();
  options.directory = folder;
  const auto authority = [&](const std::string& name) {
    must_run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "60", "-subj", "/CN=" + name,
              "-keyout", name + ".key", "-out", name + ".crt"},
             options);
  };
  authority("ca");
  authority("other");
  must_run({"openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "server.key", "-out", "server.csr"},
           options);
  write_file(folder / "names", "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
  must_run({"openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", std::to_string(options_.certificate_days), "-extfile", "names", "-out", "server.crt"},
           options);
  must_run({"chmod", "600", "server.key"}, options);
  certificates_ = {folder / "ca.crt", folder / "server.crt", folder / "server.key", folder / "other.crt"};
}

void PgCluster::start() {
  auto options = as_postgres();
  options.log = dir_.path() / "server.log";
  options.death_signal = SIGQUIT;
  server_ = ChildProcess({pg_program(options_.major, "postgres"), "-D", data_dir()}, options);
  const bool up = eventually([&] { return !server_.running() || is_up(); }, milliseconds(30'000));
  if (!up || !server_.running()) throw std::runtime_error("PostgreSQL did not start: " + log());
}

bool PgCluster::is_up() const {
  return PQping(conninfo().c_str()) == PQPING_OK;
}

void PgCluster::stop(const std::string& mode) {
  server_.signal(mode == "immediate" ? SIGQUIT : mode == "smart" ? SIGTERM : SIGINT);
  if (server_.wait(milliseconds(30'000)) < 0 && server_.pid() > 0)
    throw std::runtime_error("PostgreSQL did not stop: " + log());
}

void PgCluster::restart() {
  stop();
  start();
}

void PgCluster::kill() {
  // Stopped, it starts no backend that the list would lack; nobody reaps those that it leaves, so that they may stay
  // as zombies. Before the last one is gone a server refuses to start, for the shared memory that they hold.
  server_.signal(SIGSTOP);
  std::vector<pid_t> backends;
  std::istringstream children(run_command({"pgrep", "-P", std::to_string(server_.pid())}).output);
  for (pid_t pid = 0; children >> pid;) backends.push_back(pid);
  server_.signal(SIGKILL);
  server_.wait(milliseconds(5'000));
  for (const pid_t pid : backends) ::kill(pid, SIGKILL);
  const auto gone = [](pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.empty() || text.find(") Z") != std::string::npos || text.find(") X") != std::string::npos;
  };
  if (!eventually([&] { return std::all_of(backends.begin(), backends.end(), gone); }))
    throw std::runtime_error("backends of the killed server live on");
}

void PgCluster::reload() {
  exec("postgres", "SELECT pg_reload_conf()");
}

void PgCluster::set(const std::string& name, const std::string& value) {
  options_.settings[name] = value;
  write_configuration();
}

void PgCluster::set_hba(const std::vector<std::string>& lines) {
  options_.hba = lines;
  write_configuration();
  server_.signal(SIGHUP);
  // The postmaster reads the file before the next session is accepted after its own log line.
  const auto loaded = [&] { return exec("postgres", "SELECT now() - pg_conf_load_time() < '2s'") == "t"; };
  if (!eventually(loaded, milliseconds(5'000))) throw std::runtime_error("pg_hba.conf was not reloaded");
}

std::string PgCluster::conninfo(const std::string& database, const std::string& user) const {
  return "host=" + socket_dir() + " port=" + std::to_string(port_) + " dbname=" + database + " user=" + user;
}

std::map<std::string, std::string> PgCluster::parameters(const std::string& database, const std::string& user,
                                                         bool tcp) const {
  return {{"host", tcp ? host() : socket_dir()}, {"port", std::to_string(port_)}, {"dbname", database}, {"user", user}};
}

PgSession PgCluster::session(const std::string& database, const std::string& user) const {
  return PgSession(conninfo(database, user));
}

std::string PgCluster::exec(const std::string& database, const std::string& sql) const {
  return session(database).value(sql);
}

RowSet PgCluster::rows(const std::string& database, const std::string& sql) const {
  return session(database).rows(sql);
}

std::string PgCluster::psql_file(const std::string& database, const fs::path& file,
                                 const std::map<std::string, std::string>& variables) const {
  std::vector<std::string> command{pg_program(0, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
                                   conninfo(database)};
  for (const auto& [name, value] : variables) {
    command.push_back("-v");
    command.push_back(name + "=" + value);
  }
  command.push_back("-f");
  command.push_back(file);
  return must_run(command);
}

std::unique_ptr<PgCluster> PgCluster::make_standby() {
  auto options = options_;
  options.tls = false;
  auto standby = std::unique_ptr<PgCluster>(new PgCluster(FromDirectory{}, options));
  copy_running(*this, data_dir(), standby->data_dir());
  standby->options_.settings["primary_conninfo"] = conninfo();
  standby->write_configuration();
  write_file(standby->data_dir() / "standby.signal", "");
  standby->start();
  return standby;
}

}  // namespace pgtend::test
