#include "agent/cli/demo/tended.hpp"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <sstream>

#include "agent/cli/demo/cluster.hpp"
#include "agent/cli/demo/sink.hpp"
#include "agent/http/auth.hpp"

namespace pgtend::cli::demo {

namespace {

namespace fs = std::filesystem;

// The port that was free a moment ago; 0: none.
int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int port = 0;
  if (fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0)
    port = ntohs(address.sin_port);
  if (fd >= 0) close(fd);
  return port;
}

std::string make_token() {
  std::random_device source;
  std::ostringstream out;
  out << std::hex;
  for (int i = 0; i < 8; ++i) out << source();
  return out.str();
}

// What packaging/demo.yaml leaves open.
std::string places(const fs::path& folder, const Cluster& cluster, const Sink& sink, const std::string& listen,
                   const fs::path& socket, const std::string& token) {
  std::ostringstream out;
  out << "postgresql: {host: " << cluster.socket_folder() << ", port: " << cluster.port() << "}\n"
      << "collection: {directory: " << (folder / "collectors.d").string() << "}\n"
      << "history: {path: " << (folder / "history.db").string() << "}\n"
      << "ledger: {path: " << (folder / "ledger.db").string() << "}\n"
      << "rules: {files: [" << (folder / "rules.yaml").string() << "]}\n"
      << "alerting:\n  webhooks:\n    - {name: demo, url: \"" << sink.url() << "\"}\n"
      << "change: {freeze_file: " << (folder / "freeze").string() << "}\n"
      << "http:\n  listen: \"" << listen << "\"\n  socket: " << socket.string() << "\n"
      << "  tokens:\n    - {name: demo, right: approver, sha256: " << http::sha256_hex(token) << "}\n";
  return out.str();
}

}  // namespace

Result<Tended> Tended::start(const fs::path& folder, const Cluster& cluster, const Sink& sink) {
  Tended out;
  const fs::path own = folder / "agent";
  std::error_code error;
  if (!fs::create_directories(own / "conf.d", error)) return fail(Errc::io, "cannot make " + own.string());
  const int port = free_port();
  if (port == 0) return fail(Errc::io, "no free port on 127.0.0.1");
  const std::string listen = "127.0.0.1:" + std::to_string(port), token = make_token();
  out.socket_ = own / "pgtend.sock";
  out.config_ = own / "pgtend.yaml";
  out.log_ = own / "agent.log";
  out.context_.host = "http://" + listen;
  out.context_.token_file = (own / "token").string();
  const std::pair<fs::path, std::string> files[] = {
      {own / "token", token},
      {own / "rules.yaml", std::string(embedded_text("packaging/demo/rules.yaml"))},
      {out.config_, std::string(embedded_text("packaging/demo.yaml"))},
      {own / "conf.d" / "places.yaml", places(own, cluster, sink, listen, out.socket_, token)}};
  for (const auto& [path, text] : files) {
    if (auto written = write_text(path, text); !written) return fail(std::move(written.error()));
    if (chmod(path.c_str(), 0600) != 0) return fail(Errc::io, "cannot close " + path.string() + " to others");
  }
  auto child = Child::start({"/proc/self/exe", "run", "-c", out.config_.string()},
                            {.log = out.log_, .user = "", .stop_signal = SIGTERM});
  if (!child) return fail(std::move(child.error()), "start the agent");
  out.child_ = std::move(*child);
  return out;
}

Result<cli::Json> Tended::get(const std::string& path) const {
  return ask(context_, "GET", path);
}

Result<cli::Json> Tended::post(const std::string& path, const cli::Json& body) const {
  return ask(context_, "POST", path, body);
}

double Tended::peak_rss_bytes() const {
  std::istringstream in(read_text("/proc/" + std::to_string(pid()) + "/status"));
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) * 1024;
  return 0;
}

double Tended::cpu_seconds() const {
  const std::string stat = read_text("/proc/" + std::to_string(pid()) + "/stat");
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream in(stat.substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) in >> skipped;
  double user = 0, system = 0;
  in >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace pgtend::cli::demo
