#include "tests/support/redis_server.hpp"

#include <stdexcept>

namespace pgtend::test {

RedisServer::RedisServer(RedisOptions options)
    : options_(std::move(options)), dir_("pgtend-redis-"), port_(free_port()) {
  if (options_.tls) make_certificates();
  start();
}

void RedisServer::make_certificates() const {
  SpawnOptions here;
  here.directory = dir_.path();
  must_run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ca", "-keyout",
            "ca.key", "-out", "ca.crt"},
           here);
  must_run({"openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "server.key", "-out", "server.csr"},
           here);
  must_run({"openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-copy_extensions", "copy", "-days", "2", "-out", "server.crt"},
           here);
}

void RedisServer::start() {
  const auto port = std::to_string(port_);
  std::vector<std::string> argv{
      "redis-server", "--bind", "127.0.0.1",          "--save",           "",   "--appendonly", "no", "--unixsocket",
      socket(),       "--dir",  dir_.path().string(), "--unixsocketperm", "777"};
  if (options_.tls) {
    argv.insert(argv.end(),
                {"--port", "0", "--tls-port", port, "--tls-cert-file", path("server.crt").string(), "--tls-key-file",
                 path("server.key").string(), "--tls-ca-cert-file", ca(), "--tls-auth-clients", "no"});
  } else {
    argv.insert(argv.end(), {"--port", port});
  }
  argv.insert(argv.end(), options_.arguments.begin(), options_.arguments.end());
  SpawnOptions spawn;
  spawn.log = dir_.path() / "redis.log";
  process_ = ChildProcess(argv, spawn);
  // Any answer will do: a server with a password refuses PING.
  if (!eventually([&] {
        const auto said = run_command({"redis-cli", "-s", socket(), "PING"}).output;
        return said.find("PONG") != std::string::npos || said.find("NOAUTH") != std::string::npos;
      }))
    throw std::runtime_error("Redis did not start: " + log());
}

std::string RedisServer::cli(std::vector<std::string> words) const {
  words.insert(words.begin(), {"redis-cli", "-s", socket()});
  return must_run(words);
}

}  // namespace pgtend::test
