#include "agent/cli/demo/cluster.hpp"

#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>

#include "agent/base/embedded.hpp"

namespace pgtend::embedded {
std::span<const EmbeddedFile> demo_files();
std::span<const EmbeddedFile> setup_files();
}  // namespace pgtend::embedded

namespace pgtend::cli::demo {

namespace {

namespace fs = std::filesystem;

constexpr Millis kStartTime{30'000};
// The demo is about 15; newer ones do as well, and what they lack the agent names.
constexpr int kMajors[] = {15, 16, 17, 18, 14, 13};

// What an administrator would set on a small server; nothing that the agent could not live without.
constexpr const char* kSettings = R"(
listen_addresses = ''
shared_preload_libraries = 'pg_stat_statements'
track_io_timing = on
shared_buffers = 128MB
max_connections = 50
checkpoint_timeout = 15min
log_line_prefix = '%m [%p] %q%u@%d %a '
timezone = 'UTC'
log_timezone = 'UTC'
)";

Result<fs::path> find_programs() {
  for (const int major : kMajors) {
    const fs::path folder = "/usr/lib/postgresql/" + std::to_string(major) + "/bin";
    if (fs::exists(folder / "initdb")) return folder;
  }
  return fail(Errc::not_found,
              "no PostgreSQL server below /usr/lib/postgresql: apt-get install postgresql-15 postgresql-15-hypopg");
}

std::string server_user() {
  return geteuid() == 0 ? "postgres" : "";
}

Result<void> give_to_server_user(const fs::path& folder) {
  if (geteuid() != 0) return {};
  const passwd* entry = getpwnam("postgres");
  if (entry == nullptr) return fail(Errc::not_found, "there is no user postgres on this machine");
  if (chown(folder.c_str(), entry->pw_uid, entry->pw_gid) != 0)
    return fail(Errc::io, "chown " + folder.string() + ": " + std::strerror(errno));
  return {};
}

}  // namespace

std::string_view embedded_text(std::string_view name) {
  for (const auto& file : embedded::demo_files())
    if (file.name == name) return file.text;
  return {};
}

Result<Folder> Folder::make() {
  std::string name = (fs::temp_directory_path() / "pgtend-demo-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return fail(Errc::io, "cannot make " + name + ": " + std::strerror(errno));
  Folder folder{fs::path(name)};
  // The server's user passes through to its own part.
  if (chmod(name.c_str(), 0711) != 0) return fail(Errc::io, "chmod " + name + ": " + std::strerror(errno));
  return folder;
}

Folder::Folder(Folder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

Folder::~Folder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<Cluster> Cluster::start(const fs::path& folder) {
  Cluster out;
  auto programs = find_programs();
  if (!programs) return fail(std::move(programs.error()));
  out.programs_ = *programs;
  out.folder_ = folder / "postgresql";
  out.log_ = out.folder_ / "server.log";
  std::error_code error;
  for (const auto& each : {out.folder_, out.folder_ / "socket"}) {
    if (!fs::create_directory(each, error)) return fail(Errc::io, "cannot make " + each.string());
    if (auto given = give_to_server_user(each); !given) return fail(std::move(given.error()));
  }
  const fs::path data = out.folder_ / "data";
  auto made = run_to_end({out.programs_ / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                          "--locale=C.UTF-8", "--no-sync", "--no-instructions"},
                         {.log = folder / "initdb.log", .user = server_user()});
  if (!made) return fail(std::move(made.error()), "initdb");
  const std::string places =
      "port = " + std::to_string(kPort) + "\nunix_socket_directories = '" + out.socket_folder() + "'\n";
  const auto file = data / "postgresql.conf";
  if (auto written = write_text(file, read_text(file) + kSettings + places); !written)
    return fail(std::move(written.error()));
  // SIGINT is PostgreSQL's fast shutdown: sessions are ended, files are left clean.
  auto server = Child::start({out.programs_ / "postgres", "-D", data},
                             {.log = folder / "server.log", .user = server_user(), .stop_signal = SIGINT});
  if (!server) return fail(std::move(server.error()), "start PostgreSQL");
  out.server_ = std::move(*server);
  out.log_ = folder / "server.log";
  const Deadline until = std::chrono::steady_clock::now() + kStartTime;
  while (!out.superuser("postgres")) {
    if (!out.server_.running() || std::chrono::steady_clock::now() > until)
      return fail(Errc::unavailable, "PostgreSQL did not start: " + read_text(out.log_));
    std::this_thread::sleep_for(Millis(100));
  }
  return out;
}

std::string Cluster::conninfo(const std::string& user, const std::string& application) const {
  return "host=" + socket_folder() + " port=" + std::to_string(kPort) + " dbname=" + kDatabase + " user=" + user +
         " application_name=" + application;
}

Result<Session> Cluster::superuser(const std::string& database) const {
  return Session::open("host=" + socket_folder() + " port=" + std::to_string(kPort) + " dbname=" + database +
                       " user=postgres application_name=demo-check");
}

Result<void> Cluster::fill() {
  auto postgres = superuser("postgres");
  if (!postgres) return fail(std::move(postgres.error()));
  if (auto made = postgres->run(std::string("CREATE DATABASE ") + kDatabase); !made)
    return fail(std::move(made.error()), "create database");
  auto shop = superuser();
  if (!shop) return fail(std::move(shop.error()));
  if (auto filled = shop->run(std::string(embedded_text("packaging/demo/shop.sql"))); !filled)
    return fail(std::move(filled.error()), "packaging/demo/shop.sql");
  if (auto analysed = shop->run("VACUUM (ANALYZE)"); !analysed) return fail(std::move(analysed.error()), "vacuum");
  // A psql script, as an administrator runs it.
  const auto roles = folder_ / "sql" / "roles.sql";
  std::error_code error;
  if (!fs::create_directories(folder_ / "sql" / "setup", error))
    return fail(Errc::io, "cannot make " + (folder_ / "sql").string());
  for (const auto& file : embedded::setup_files())
    if (auto written = write_text(folder_ / fs::path(file.name).lexically_relative("packaging"), file.text); !written)
      return fail(std::move(written.error()));
  auto granted =
      run_to_end({programs_ / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "owner=shop_owner", "-h",
                  socket_folder(), "-p", std::to_string(kPort), "-U", "postgres", "-d", kDatabase, "-f", roles},
                 {.log = folder_ / "roles.log", .user = ""});
  if (!granted) return fail(std::move(granted.error()), "packaging/sql/roles.sql");
  return {};
}

}  // namespace pgtend::cli::demo
