#pragma once

#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace pgtend::test {

// A real ntfy server on 127.0.0.1 that takes `burst` requests of a visitor and then one in `replenish`, as ntfy's
// configuration spells durations. Only the user behind token() may write and read the topic "alerts". Failures throw
// std::runtime_error.
class NtfyServer {
 public:
  NtfyServer(int burst, const std::string& replenish);

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] const std::string& token() const { return token_; }
  // What the topic holds, oldest first, as ntfy's JSON lines. Asked as another visitor each time: it costs the
  // publisher none of its requests.
  [[nodiscard]] std::vector<std::string> messages();

 private:
  [[nodiscard]] std::string tool(std::vector<std::string> words) const;

  TempDir dir_{"pgtend-ntfy"};
  int port_;
  int asked_ = 0;
  std::string token_;
  ChildProcess process_;
};

}  // namespace pgtend::test
