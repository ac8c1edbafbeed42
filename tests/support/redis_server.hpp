#pragma once

#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace pgtend::test {

struct RedisOptions {
  std::vector<std::string> arguments;  // of redis-server: {"--maxmemory", "2mb"}
  // Listens with TLS only, with a certificate for localhost and 127.0.0.1 that ca() signed.
  bool tls = false;
};

// A real Redis without persistence on 127.0.0.1 and on a unix socket. Failures throw std::runtime_error.
class RedisServer {
 public:
  explicit RedisServer(RedisOptions options = {});
  // On the same port; stop() leaves nobody there.
  void start();
  void stop() { process_.stop(); }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string socket() const { return (dir_.path() / "redis.sock").string(); }
  [[nodiscard]] std::string ca() const { return (dir_.path() / "ca.crt").string(); }
  [[nodiscard]] std::filesystem::path path(const std::string& name) const { return dir_.path() / name; }
  [[nodiscard]] std::string log() const { return read_file(dir_.path() / "redis.log"); }
  [[nodiscard]] ChildProcess& process() { return process_; }
  // What redis-cli prints, over the unix socket.
  std::string cli(std::vector<std::string> words) const;

 private:
  void make_certificates() const;

  RedisOptions options_;
  TempDir dir_;
  int port_ = 0;
  ChildProcess process_;
};

}  // namespace pgtend::test
