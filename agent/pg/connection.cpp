#include "agent/pg/connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "agent/base/strings.hpp"
#include "agent/net/wait.hpp"
#include "agent/pg/error.hpp"

namespace pgtend::pg {
namespace {

// After the cancel request, how long the server may take to end the statement before the session is given up.
constexpr Millis kDrain{2'000};

Deadline after(Millis delay) {
  return std::chrono::steady_clock::now() + delay;
}

// Behind those of the same statement that came before.
void add_rows(RowSet& out, const PGresult* result) {
  const int columns = PQnfields(result);
  const int rows = PQntuples(result);
  if (out.columns.empty())
    for (int c = 0; c < columns; ++c) out.columns.emplace_back(PQfname(result, c));
  if (rows > 1) out.rows.reserve(static_cast<std::size_t>(rows));
  for (int r = 0; r < rows; ++r) {
    auto& row = out.rows.emplace_back();
    row.reserve(static_cast<std::size_t>(columns));
    for (int c = 0; c < columns; ++c) {
      if (PQgetisnull(result, r, c))
        row.emplace_back(std::nullopt);
      else
        row.emplace_back(std::in_place, PQgetvalue(result, r, c), static_cast<std::size_t>(PQgetlength(result, r, c)));
    }
  }
  out.affected = std::atoll(PQcmdTuples(const_cast<PGresult*>(result)));
}

// The server has not the plan any more (DISCARD), or what it reads has changed its columns (ALTER EXTENSION UPDATE).
bool is_stale_plan(const Error& error) {
  return error.sqlstate == "26000" || error.sqlstate == "0A000";
}

Error result_error(const PGresult* result) {
  const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  // libpq's own failures (a closed socket) come without a code.
  if (sqlstate == nullptr) return make_error("08006", "the session was lost");
  return make_error(sqlstate, primary != nullptr ? primary : "the server gave no message");
}

// Only what cannot end the comment or confuse a log reader.
std::string clean_marker(std::string_view marker) {
  std::string out;
  for (const char c : marker.substr(0, 48))
    out += std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '/' || c == '-' ? c : '_';
  return out;
}

}  // namespace

Connection::~Connection() = default;

bool Connection::healthy() const {
  return conn_ && !broken_ && !busy_ && PQstatus(conn_.get()) == CONNECTION_OK;
}

bool Connection::hung_up() const {
  if (!conn_ || busy_) return false;
  pollfd socket{PQsocket(conn_.get()), POLLIN | POLLRDHUP, 0};
  if (socket.fd < 0) return true;
  return ::poll(&socket, 1, 0) > 0 && (socket.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

bool Connection::in_transaction() const {
  return conn_ && PQtransactionStatus(conn_.get()) != PQTRANS_IDLE;
}

Error Connection::lost() {
  broken_ = true;
  if (answer_.failure && answer_.failure->code != Errc::server) return *answer_.failure;
  return make_error("08006", "the session was lost");
}

net::TaskResult<RowSet> Connection::query(std::string sql, Params params, Deadline deadline) {
  return run({Protocol::extended, comment_ + sql, std::move(params), {}}, deadline);
}

net::TaskResult<RowSet> Connection::repeat(std::string sql, Params params, Deadline deadline) {
  auto known = repeated_.try_emplace(comment_).first;
  const auto hash = std::hash<std::string>()(sql);
  if (!direct_ || known->second.hash != hash || known->second.plain) {
    if (known->second.hash != hash) known->second = {hash, {}, false};
    co_return co_await query(std::move(sql), std::move(params), deadline);
  }
  if (known->second.name.empty()) {
    const std::string name = "pgtend_" + std::to_string(++prepared_);
    Message prepare{Protocol::prepare, comment_ + sql, {}, name};
    auto prepared = co_await run(std::move(prepare), deadline);
    if (!prepared) co_return prepared;
    known->second.name = name;
  }
  Message message{Protocol::prepared, {}, params, known->second.name};
  auto answer = co_await run(std::move(message), deadline);
  if (answer || !healthy() || !is_stale_plan(answer.error())) co_return answer;
  // Not prepared again in this session: a statement that fails so each time would leave one more plan each time.
  known->second.plain = true;
  co_return co_await query(std::move(sql), std::move(params), deadline);
}

net::TaskResult<std::vector<std::optional<RowSet>>> Connection::repeat_all(std::vector<Recurring> statements,
                                                                           Millis statement_timeout,
                                                                           Deadline deadline) {
  std::vector<std::optional<RowSet>> out(statements.size());
  std::vector<Message> messages;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    mark_next(statements[i].marker, statement_timeout);
    const auto known = repeated_.find(comment_);
    if (known == repeated_.end() || known->second.name.empty() || known->second.plain ||
        known->second.hash != std::hash<std::string>()(statements[i].sql))
      continue;
    messages.push_back({Protocol::prepared, {}, {}, known->second.name});
    places.push_back(i);
  }
  if (messages.size() < 2) co_return out;
  auto answer = co_await run_all(std::move(messages), deadline);
  if (!healthy()) co_return fail(answer ? lost() : std::move(answer.error()));
  auto each = std::move(answer_.each);
  for (std::size_t i = 0; i < each.size() && i < places.size(); ++i) out[places[i]] = std::move(each[i]);
  co_return out;
}

net::TaskResult<RowSet> Connection::execute(std::string sql, Deadline deadline) {
  return run({Protocol::simple, comment_ + sql, {}, {}}, deadline);
}

bool Connection::send(const Message& message) {
  auto* const conn = conn_.get();
  const char* const text = message.text.c_str();
  const char* const name = message.name.c_str();
  std::vector<const char*> values;
  values.reserve(message.params.size());
  for (const auto& param : message.params) values.push_back(param ? param->c_str() : nullptr);
  const int count = static_cast<int>(values.size());
  switch (message.protocol) {
    case Protocol::simple:
      return PQsendQuery(conn, text) == 1;
    case Protocol::extended:
      return PQsendQueryParams(conn, text, count, nullptr, values.data(), nullptr, nullptr, 0) == 1;
    case Protocol::prepare:
      return PQsendPrepare(conn, name, text, 0, nullptr) == 1;
    case Protocol::prepared:
      return PQsendQueryPrepared(conn, name, count, values.data(), nullptr, nullptr, 0) == 1;
  }
  return false;
}

bool Connection::send_behind(const std::vector<std::string>& before, const std::vector<Message>& messages) {
  auto* const conn = conn_.get();
  if (PQenterPipelineMode(conn) == 0) return false;
  pipelined_ = true;
  for (const auto& sql : before)
    if (PQsendQueryParams(conn, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 0) return false;
  for (const auto& message : messages)
    if (!send(message)) return false;
  return PQpipelineSync(conn) == 1;
}

net::TaskResult<RowSet> Connection::run(Message message, Deadline deadline) {
  std::vector<Message> messages;
  messages.push_back(std::move(message));
  return run_all(std::move(messages), deadline);
}

net::TaskResult<RowSet> Connection::run_all(std::vector<Message> messages, Deadline deadline) {
  if (busy_) co_return fail(Errc::internal, "two statements at once in one session");
  if (!healthy()) co_return fail(lost());
  busy_ = true;
  answer_ = Answer();
  several_ = messages.size() > 1;
  const auto protocol = messages.front().protocol;
  const auto before = protocol == Protocol::simple ? std::vector<std::string>() : untold();
  const bool alone = before.empty() && !several_;
  if (!(alone ? send(messages.front()) : send_behind(before, messages))) {
    busy_ = false;
    co_return fail(lost());
  }
  // What recurs is small, or cheaper to get in one go; what is asked once may have a row per column of the database,
  // and two copies of that at a time would be the most memory that the agent ever takes.
  if (protocol == Protocol::extended && alone) PQsetSingleRowMode(conn_.get());
  auto progress = co_await flush(deadline);
  if (progress == Progress::done) progress = co_await collect(deadline);
  const bool late = progress == Progress::late;
  if (late) {
    co_await cancel();
    auto drain = after(kDrain);
    progress = co_await flush(drain);
    if (progress == Progress::done) progress = co_await collect(drain);
  }
  if (progress == Progress::late) {
    // Nobody knows what still runs there; ending the session is the only certain end of the statement.
    broken_ = true;
    conn_.reset();
    co_return fail(Errc::timeout, "the statement did not end after its cancellation; the session was closed");
  }
  busy_ = false;
  auto& each = answer_.each;
  each.erase(each.begin(), each.begin() + static_cast<std::ptrdiff_t>(std::min(before.size(), each.size())));
  if (progress == Progress::lost) co_return fail(lost());
  if (answer_.failure) {
    if (PQstatus(conn_.get()) != CONNECTION_OK) broken_ = true;
    if (late && answer_.failure->sqlstate == "57014")
      answer_.failure->message = "the deadline passed; the statement was cancelled";
    co_return fail(std::move(*answer_.failure));
  }
  if (!before.empty()) note_told();
  // A statement that finished in the race with its cancellation did happen, and the caller must know.
  co_return std::move(answer_.rows);
}

net::Task<Connection::Progress> Connection::flush(Deadline deadline) {
  while (true) {
    const int left = PQflush(conn_.get());
    if (left == 0) co_return Progress::done;
    if (left < 0) co_return Progress::lost;
    const int socket = PQsocket(conn_.get());
    auto ready = co_await net::wait_descriptor(socket, net::Until::either, deadline);
    if (ready == net::Ready::none) co_return Progress::late;
    if (ready == net::Ready::read && PQconsumeInput(conn_.get()) == 0) co_return Progress::lost;
  }
}

net::Task<Connection::Progress> Connection::collect(Deadline deadline) {
  // After its deadline a statement may have given some already.
  bool row_by_row = !answer_.rows.rows.empty();
  while (true) {
    while (PQisBusy(conn_.get()) != 0) {
      const int socket = PQsocket(conn_.get());
      if (socket < 0) co_return Progress::lost;
      auto ready = co_await net::wait_descriptor(socket, net::Until::read, deadline);
      if (ready == net::Ready::none) co_return Progress::late;
      // When the server said why before it hung up, its message is still to be read.
      if (PQconsumeInput(conn_.get()) == 0) break;
    }
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(conn_.get()), &PQclear);
    // In a pipeline that only ends one of its statements.
    if (!result && pipelined_ && PQstatus(conn_.get()) == CONNECTION_OK) continue;
    if (!result) co_return PQstatus(conn_.get()) == CONNECTION_OK || answer_.failure ? Progress::done : Progress::lost;
    if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) {
      pipelined_ = false;
      if (PQexitPipelineMode(conn_.get()) == 1) co_return Progress::done;
      broken_ = true;
    } else if (PQresultStatus(result.get()) == PGRES_SINGLE_TUPLE) {
      add_rows(answer_.rows, result.get());
      row_by_row = true;
    } else {
      // libpq gives the first of a pipeline so, too, where the statement before it came row by row.
      if (!std::exchange(row_by_row, false) && !answer_.failure) answer_.rows = RowSet();
      take(result.get());
    }
    if (broken_) co_return Progress::lost;
  }
}

void Connection::take(pg_result* result) {
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
      if (answer_.failure) return;
      add_rows(answer_.rows, result);
      if (several_) answer_.each.push_back(std::exchange(answer_.rows, RowSet()));
      return;
    // What came before it failed, and said why.
    case PGRES_PIPELINE_ABORTED:
      return;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH: {
      Error error;
      error.code = Errc::unsupported;
      error.message = "COPY is not spoken here; the session was closed";
      answer_.failure = std::move(error);
      broken_ = true;
      return;
    }
    default:
      // The first failure is the cause; "session lost" after it is only its echo.
      if (!answer_.failure) answer_.failure = result_error(result);
  }
}

net::Task<void> Connection::cancel() {
  if (!conn_) co_return;
  std::shared_ptr<PGcancel> request(PQgetCancel(conn_.get()), &PQfreeCancel);
  if (!request) co_return;
  auto send_request = [request] {
    char reason[256];
    return PQcancel(request.get(), reason, sizeof(reason)) == 1;
  };
  auto limit = after(kDrain);
  co_await net::run_until(blocking_, send_request, limit);
}

void Connection::mark_next(std::string_view marker, Millis statement_timeout) {
  statement_timeout_ = statement_timeout;
  comment_ = "/* pgtend:" + clean_marker(marker) + " */ ";
}

std::vector<std::string> Connection::untold() const {
  std::vector<std::string> out;
  if (!direct_) return out;
  if (marker_ != told_.marker) out.push_back("SET application_name TO " + quote_literal("pgtend/" + marker_));
  if (statement_timeout_ != told_.statement_timeout)
    out.push_back("SET statement_timeout TO " + std::to_string(statement_timeout_.count()));
  return out;
}

net::TaskResult<RowSet> Connection::mark(std::string marker, Millis statement_timeout, Deadline deadline) {
  mark_next(marker, statement_timeout);
  marker_ = clean_marker(marker);
  const auto settings = untold();
  if (settings.empty()) co_return RowSet();
  auto set = co_await execute(join(settings, ";"), deadline);
  if (!set) co_return set;
  note_told();
  co_return RowSet();
}

}  // namespace pgtend::pg
