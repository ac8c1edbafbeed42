#include "tests/support/ntfy_server.hpp"

#include <sstream>
#include <stdexcept>

#include "tests/support/pg_programs.hpp"

namespace pgtend::test {

namespace {

// Debian has it from 13 on; on Debian 12 ./dev setup unpacks that package.
std::string program() {
  const auto unpacked = test_cache() / "ntfy/usr/bin/ntfy";
  for (const std::filesystem::path path : {std::filesystem::path("/usr/bin/ntfy"), unpacked})
    if (std::filesystem::exists(path)) return path.string();
  throw std::runtime_error("there is no ntfy at " + unpacked.string() + ": ./dev setup");
}

}  // namespace

NtfyServer::NtfyServer(int burst, const std::string& replenish) : port_(free_port()) {
  const auto folder = dir_.path().string();
  write_file(dir_.path() / "server.yml",
             "listen-http: \"127.0.0.1:" + std::to_string(port_) + "\"\nbase-url: \"" + url() +
                 "\"\ncache-file: " + folder + "/cache.db\nauth-file: " + folder +
                 "/auth.db\nauth-default-access: deny-all\nweb-root: disable\n" +
                 "behind-proxy: true\nvisitor-request-limit-burst: " + std::to_string(burst) +
                 "\nvisitor-request-limit-replenish: " + replenish + "\n");
  SpawnOptions spawn;
  spawn.log = dir_.path() / "ntfy.log";
  process_ = ChildProcess({program(), "serve", "--config", folder + "/server.yml"}, spawn);
  const auto listens = [this] { return read_file(dir_.path() / "ntfy.log").find("Listening") != std::string::npos; };
  if (!eventually(listens, std::chrono::seconds(30)))
    throw std::runtime_error("ntfy did not start: " + read_file(dir_.path() / "ntfy.log"));
  (void)tool({"user", "add", "agent"});
  (void)tool({"access", "agent", "alerts", "rw"});
  const auto said = tool({"token", "add", "agent"});
  const auto start = said.find("tk_");
  if (start == std::string::npos) throw std::runtime_error("ntfy made no token: " + said);
  token_ = said.substr(start, said.find(' ', start) - start);
}

std::string NtfyServer::tool(std::vector<std::string> words) const {
  words.insert(words.begin() + 1, {"--config", (dir_.path() / "server.yml").string()});
  words.insert(words.begin(), program());
  SpawnOptions options;
  options.environment["NTFY_PASSWORD"] = "only of this test";
  return must_run(words, options);
}

std::vector<std::string> NtfyServer::messages() {
  const auto visitor = "X-Forwarded-For: 192.0.2." + std::to_string(++asked_ % 250 + 1);
  std::istringstream lines(
      must_run({"curl", "-sS", "-H", visitor, "-H", "Authorization: Bearer " + token_, url() + "/alerts/json?poll=1"}));
  std::vector<std::string> out;
  for (std::string line; std::getline(lines, line);)
    if (!line.empty()) out.push_back(line);
  return out;
}

}  // namespace pgtend::test
