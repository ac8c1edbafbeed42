#include "agent/engine/neighbour.hpp"
#include "agent/engine/wiring.hpp"
#include "agent/pg/connection.hpp"
#include "collectors/pgbouncer/pgbouncer.hpp"

namespace pgtend::engine {

namespace {

struct Refusal {
  std::string_view words, cure;
};

// What PgBouncer says to who may not look, and what helps; {user} is the configured one.
constexpr Refusal kRefusals[] = {
    {"not allowed", "add {user} to stats_users in pgbouncer.ini and RELOAD"},
    {"no such user", "add {user} to PgBouncer's auth_file and RELOAD"},
    {"password authentication failed", "give the password of {user} in pgbouncer's passfile"},
    {"SASL authentication failed", "give the password of {user} in pgbouncer's passfile"},
};

// It has one code for nearly all it refuses; its words tell a right that is missing from a pooler that is away.
Error with_cure(Error error, const std::string& user) {
  if (error.sqlstate != "08P01") return error;
  for (const auto& refusal : kRefusals) {
    if (error.message.find(refusal.words) == std::string::npos) continue;
    error.code = Errc::permission;
    error.sqlstate = "28000";
    error.retryable = false;
    std::string cure(refusal.cure);
    error.message += "; cure: " + cure.replace(cure.find("{user}"), 6, user);
    break;
  }
  return error;
}

class Pgbouncer : public Neighbour {
 public:
  Pgbouncer(const config::PgbouncerConfig& config, net::asio::any_io_executor blocking, const Clock& clock)
      : config_(config), spec_(console_spec(config)), blocking_(std::move(blocking)), clock_(clock) {}

  net::TaskResult<NeighbourAnswer> ask(Deadline deadline) override {
    // A pooler that was started again meanwhile is no failure, only an old session.
    const bool old = console_ != nullptr;
    auto answer = co_await ask_once(deadline);
    if (!answer && old && answer.error().code == Errc::unavailable) {
      hang_up();
      auto again = co_await ask_once(deadline);
      co_return again;
    }
    co_return answer;
  }

  void hang_up() override { console_.reset(); }

 private:
  net::TaskResult<NeighbourAnswer> ask_once(Deadline deadline) {
    if (console_ == nullptr) {
      auto opened = co_await pg::Connection::connect(spec_, blocking_, deadline);
      if (!opened) co_return fail(with_cure(std::move(opened.error()), config_.user));
      console_ = std::move(*opened);
      // The console does not tell when the pooler was started, and no session outlives that.
      epoch_ = epoch_hash(ServerIdentity{}, std::to_string(to_ms(clock_.now())));
    }
    collectors::PgbouncerAnswers answers;
    for (const auto question : collectors::pgbouncer_questions()) {
      std::string statement(question);
      auto rows = co_await console_->execute(statement, deadline);
      if (rows) {
        answers.insert_or_assign(std::string(question), std::move(*rows));
      } else if (!console_->healthy() || rows.error().code == Errc::timeout || answers.empty()) {
        co_return fail(with_cure(std::move(rows.error()), config_.user), statement);
      }
    }
    auto run = collectors::pgbouncer_series(answers, config_.name, epoch_);
    co_return NeighbourAnswer{std::move(run.samples), std::move(run.version), std::move(run.lost),
                              console_->tls().certificate_not_after};
  }

  const config::PgbouncerConfig config_;
  const pg::ConnectSpec spec_;
  net::asio::any_io_executor blocking_;
  const Clock& clock_;
  std::unique_ptr<pg::Connection> console_;
  std::uint64_t epoch_ = 0;
};

}  // namespace

std::unique_ptr<Neighbour> make_pgbouncer(const config::PgbouncerConfig& config, net::asio::any_io_executor blocking,
                                          const Clock& clock) {
  return std::make_unique<Pgbouncer>(config, std::move(blocking), clock);
}

}  // namespace pgtend::engine
