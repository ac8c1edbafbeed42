#pragma once

#include <string>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "agent/net/task.hpp"

namespace pgtend::http {

enum class MailTls { none, starttls, implicit };

// One mail to one address. Whoever is refused has no part in what others get, so each address has a mail of its own.
struct MailRequest {
  std::string server;  // host:port
  MailTls tls = MailTls::starttls;
  std::string ca_file;             // certificates that may sign the server's; empty: the system's
  std::string username, password;  // empty: no AUTH
  std::string from, to;            // bare addresses
  std::string text;                // headers, an empty line, the body; lines end with CRLF
  Millis timeout{10'000};
};

// Sends a mail and waits for the server's last word. STARTTLS is required where it is asked for: without it nothing is
// sent. Result: the server's reply code (250 when it took the mail; 4yz: try again, 5yz: never).
// Errors: timeout, unavailable (both retryable), invalid_argument (server name). Their text holds no address and no
// password. REQUIRES: a thread that may block.
Result<int> send_mail_blocking(const MailRequest& request);

// The same from a coroutine, on the blocking pool.
net::TaskResult<int> send_mail(net::asio::any_io_executor blocking, MailRequest request);

}  // namespace pgtend::http
