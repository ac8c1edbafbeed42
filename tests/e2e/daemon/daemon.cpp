#include "tests/e2e/daemon/daemon.hpp"

#include <csignal>

#include "agent/http/client.hpp"

namespace pgtend::test {

namespace {

std::string percent_encoded(const std::string& text) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
      out += c;
      continue;
    }
    out += '%';
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::map<std::string, std::string> defaults(const PgCluster& cluster, const std::filesystem::path& dir) {
  const std::string d = dir.string();
  return {
      {"postgresql", "  host: " + cluster.socket_dir() + "\n  port: " + std::to_string(cluster.port()) +
                         "\n  user: postgres\n  connect_timeout: 2s\n"},
      {"collection", "  directory: " + d +
                         "/collectors.d\n  intervals: {identity: 500ms, self: 1s, transactions: 500ms}\n"
                         "  budget: {cpu_ratio: 1.0}\n"},
      {"history", "  path: " + d + "/history.db\n  commit_interval: 200ms\n"},
      {"ledger", "  path: " + d + "/ledger.db\n"},
      {"rules", "  shipped: false\n  files: [" + d + "/rules/*.yaml]\n  evaluation_interval: 500ms\n"},
      {"change", "  freeze_file: " + d + "/freeze\n"},
      {"http", "  listen: \"127.0.0.1:0\"\n  socket: " + d + "/pgtend.sock\n"},
  };
}

}  // namespace

std::string Daemon::binary() {
  return std::string(PGTEND_BINARY);
}

Daemon::Daemon(const PgCluster& cluster, std::map<std::string, std::string> sections) : dir_("pgtend-e2e") {
  sections_ = defaults(cluster, dir_.path());
  for (auto& [name, yaml] : sections) sections_[name] = yaml;
  std::filesystem::create_directories(dir_.path() / "rules");
  write();
}

void Daemon::write() {
  std::string text;
  for (const auto& [name, yaml] : sections_) text += name + ":\n" + yaml;
  write_raw(text);
}

void Daemon::write_raw(const std::string& text) {
  write_file(config_file(), text);
}

void Daemon::set(const std::string& section, const std::string& yaml) {
  sections_[section] = yaml;
  write();
}

void Daemon::start() {
  SpawnOptions options;
  options.log = dir_.path() / "agent.log";
  options.environment = environment_;
  process_ = ChildProcess({binary(), "run", "--config", config_file().string()}, options);
  if (!eventually([this] { return get("/v1/status").has_value(); }, std::chrono::seconds(30)))
    throw std::runtime_error("the agent does not answer:\n" + log());
}

void Daemon::kill() {
  process_.signal(SIGKILL);
  process_.wait(std::chrono::seconds(5));
}

std::optional<Json> Daemon::get(const std::string& path) const {
  http::ClientRequest request;
  request.url = "http://localhost" + path;
  request.unix_socket = (dir_.path() / "pgtend.sock").string();
  const auto answer = http::send_blocking(request);
  if (!answer || answer->status / 100 != 2) return std::nullopt;
  auto json = Json::parse(answer->body, nullptr, false);
  return json.is_discarded() ? std::nullopt : std::optional<Json>(std::move(json));
}

std::optional<Json> Daemon::query_answer(const std::string& expr) const {
  const auto answer = get("/api/v1/query?query=" + percent_encoded(expr));
  if (!answer) return std::nullopt;
  return answer->at("data").at("result");
}

Daemon::Answer Daemon::post(const std::string& path, const Json& body, const std::string& key) const {
  http::ClientRequest request;
  request.method = "POST";
  request.url = "http://localhost" + path;
  request.unix_socket = (dir_.path() / "pgtend.sock").string();
  request.headers.emplace_back("Content-Type", "application/json");
  if (!key.empty()) request.headers.emplace_back("Idempotency-Key", key);
  request.body = body.dump();
  const auto answer = http::send_blocking(request);
  if (!answer) return {};
  return {answer->status, Json::parse(answer->body, nullptr, false)};
}

std::string Daemon::metrics() const {
  http::ClientRequest request;
  request.url = "http://localhost/metrics";
  request.unix_socket = (dir_.path() / "pgtend.sock").string();
  const auto answer = http::send_blocking(request);
  return answer ? answer->body : std::string();
}

CommandResult Daemon::cli(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), binary());
  arguments.insert(arguments.end(), {"--config", config_file().string()});
  return run_command(arguments);
}

}  // namespace pgtend::test
