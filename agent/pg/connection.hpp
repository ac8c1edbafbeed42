#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/rows.hpp"
#include "agent/model/snapshot.hpp"
#include "agent/net/task.hpp"

struct pg_conn;
struct pg_result;

namespace pgtend::pg {

using Params = std::vector<std::optional<std::string>>;

struct ConnectSpec {
  // libpq keywords: host, hostaddr, port, user, dbname, sslmode, sslrootcert, passfile, password, ...
  std::map<std::string, std::string> parameters;
  // SET after connect (never startup `options`, which PgBouncer rejects); skipped when the session is not direct,
  // because behind a transaction pooler they would leak to other clients.
  std::vector<std::pair<std::string, std::string>> settings;
  // As settings, but each is left out silently when this role may not set it or the server does not know it.
  std::vector<std::pair<std::string, std::string>> optional_settings;
  // Allows less than sslmode=verify-full to a host that is not loopback.
  bool insecure_ok = false;
  // For PgBouncer's admin console: no SET, no identity, no statement comment; only execute() works there.
  bool admin_console = false;
};

// Facts of a session's encryption, read from the live session without file rights.
struct TlsFacts {
  bool in_use = false;
  std::string protocol;  // "TLSv1.3"
  std::string cipher;
  std::optional<UtcTime> certificate_not_after;  // of the server's certificate
  // Days until the server's certificate expires, negative afterwards; nullopt without TLS.
  [[nodiscard]] std::optional<double> days_left(UtcTime now) const;
};

// One PostgreSQL session over asynchronous libpq. A descriptor is registered with the reactor only while it waits.
// REQUIRES: used from the one I/O thread, by one coroutine at a time; `blocking` outlives it.
class Connection {
 public:
  // Opens a session, applies its settings and reads the server's identity.
  // Errors: config (weak sslmode to a remote host, missing certificate file), permission (28*, 42501), refused
  // (tls_verify_failed), resource_exhausted (53300), unavailable (also when it is not open by `deadline`); classify()
  // tells how to retry.
  static net::TaskResult<std::unique_ptr<Connection>> connect(ConnectSpec spec, net::asio::any_io_executor blocking,
                                                              Deadline deadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs one statement (extended protocol, text results, $1 parameters). At the deadline the statement is cancelled on
  // the server; the session stays usable when it drains within two seconds, else healthy() becomes false.
  // Errors: timeout, unavailable (session lost), permission and server errors with their SQLSTATE.
  net::TaskResult<RowSet> query(std::string sql, Params params, Deadline deadline);
  // As query(), for a statement that comes again and again: from its second time in this session on, the server keeps
  // its plan. Through a pooler it is query().
  net::TaskResult<RowSet> repeat(std::string sql, Params params, Deadline deadline);
  // What comes again and again together with others.
  struct Recurring {
    std::string marker, sql;
  };
  // As repeat() of each with its marker, of those whose plan the server keeps by now, in one go and one transaction.
  // Result: the answer of each; nothing where the plan is not there yet, where the statement failed or was not done by
  // the deadline, and where one before it was so: what is wrong repeat() tells. Errors: unavailable (session lost).
  net::TaskResult<std::vector<std::optional<RowSet>>> repeat_all(std::vector<Recurring> statements,
                                                                 Millis statement_timeout, Deadline deadline);
  // The same by the simple protocol: utility statements, several statements, PgBouncer's console; the last result.
  net::TaskResult<RowSet> execute(std::string sql, Deadline deadline);

  // Sets application_name to pgtend/<marker>, statement_timeout (0 ms = none), and the comment that leads each later
  // statement. What is as it was costs the server nothing. Errors: as execute().
  net::TaskResult<RowSet> mark(std::string marker, Millis statement_timeout, Deadline deadline);
  // Comment and statement_timeout for the next statement of repeat() or query(), with which the server is told of the
  // latter in one go; when that statement fails, the next one tells it again. The application_name stays: to set it
  // would be a third of what a cheap statement costs the server.
  void mark_next(std::string_view marker, Millis statement_timeout);
  // Asks the server to cancel what runs now; its query() then ends with SQLSTATE 57014.
  net::Task<void> cancel();

  [[nodiscard]] const ServerIdentity& identity() const { return identity_; }
  // The server process of this session (pg_backend_pid()); 0 on an admin console.
  [[nodiscard]] int backend_pid() const { return server_pid_; }
  // False through a pooler: PQbackendPID() is not pg_backend_pid().
  [[nodiscard]] bool is_direct() const { return direct_; }
  // False when the session is lost, or a statement was abandoned in it.
  [[nodiscard]] bool healthy() const;
  // True when the server ended a session that nobody uses now; asks the socket, not the server.
  [[nodiscard]] bool hung_up() const;
  [[nodiscard]] bool in_transaction() const;
  [[nodiscard]] const std::string& database() const { return database_; }
  [[nodiscard]] const std::string& user() const { return user_; }
  // True for a unix socket or a loopback address: the server's processes may be in our /proc.
  [[nodiscard]] bool is_local() const { return local_; }
  [[nodiscard]] const TlsFacts& tls() const { return tls_; }
  [[nodiscard]] Deadline opened_at() const { return opened_at_; }
  [[nodiscard]] Millis connect_time() const { return connect_time_; }

 private:
  enum class Protocol { simple, extended, prepare, prepared };
  enum class Progress { done, late, lost };
  // What the running statement gave so far; a failure wins over rows.
  struct Answer {
    RowSet rows;
    std::optional<Error> failure;
    std::vector<RowSet> each;  // of several, those that came to their end
  };

  Connection() = default;
  net::TaskResult<bool> open(ConnectSpec spec, Deadline deadline);
  net::TaskResult<bool> handshake(std::map<std::string, std::string> parameters, Deadline deadline);
  net::TaskResult<bool> prepare_session(ConnectSpec spec, Deadline deadline);
  net::TaskResult<bool> read_identity(Deadline deadline);
  void read_tls();
  // What goes to the server once: `name` is the prepared statement's, `text` is empty when it is there already.
  struct Message {
    Protocol protocol = Protocol::simple;
    std::string text;
    Params params;
    std::string name;
  };
  // A statement of repeat(); `name` is empty until it is prepared.
  struct Repeated {
    std::size_t hash = 0;
    std::string name;
    bool plain = false;  // its plan was of no use once
  };
  net::TaskResult<RowSet> run(Message message, Deadline deadline);
  // Of several, which are of one transaction, the answers are kept in answer_.each.
  net::TaskResult<RowSet> run_all(std::vector<Message> messages, Deadline deadline);
  bool send(const Message& message);
  // Sends utility statements before them, of one transaction with them.
  bool send_behind(const std::vector<std::string>& before, const std::vector<Message>& messages);
  // The settings of the marker that the session does not have yet.
  [[nodiscard]] std::vector<std::string> untold() const;
  void note_told() { told_ = {marker_, statement_timeout_}; }
  net::Task<Progress> flush(Deadline deadline);
  net::Task<Progress> collect(Deadline deadline);
  void take(pg_result* result);
  Error lost();

  std::shared_ptr<pg_conn> conn_;
  net::asio::any_io_executor blocking_;
  Answer answer_;
  ServerIdentity identity_;
  TlsFacts tls_;
  std::string database_, user_, marker_, comment_;
  Millis statement_timeout_{-1};
  struct Told {
    std::string marker;
    Millis statement_timeout{-1};
  };
  Told told_;
  std::map<std::string, Repeated> repeated_;  // by comment
  int prepared_ = 0;                          // names given so far
  int server_pid_ = 0;
  bool direct_ = false, local_ = false, busy_ = false, broken_ = false;
  bool pipelined_ = false;  // until the result that ends it
  bool several_ = false;    // the answer of each is wanted
  Deadline opened_at_{};
  Millis connect_time_{0};
};

}  // namespace pgtend::pg
