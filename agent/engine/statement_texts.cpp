#include "agent/engine/statement_texts.hpp"

#include <sys/stat.h>

#include "agent/base/log.hpp"
#include "agent/base/units.hpp"
#include "agent/engine/cure.hpp"
#include "collectors/postgres/statements.hpp"

namespace pgtend::engine {

namespace {

// Source: reference decision: texts only for unseen ids, every 10 minutes; the first time at once.
constexpr std::chrono::minutes kInterval{10};
// After a reading that did not end in time, of a file whose size is not known.
constexpr std::chrono::hours kRest{24};
// Ids of texts that are remembered as seen; pg_stat_statements.max defaults to 5,000.
constexpr std::size_t kMaxSeen = 20'000;
// The largest file of texts that is read. Source: reference catalogue, statement_texts; 700 MB took 80 s (reference,
// performance section 1).
constexpr std::int64_t kMostTextBytes = 64LL << 20;
// One reading may take this many times the configured statement_timeout.
constexpr int kPatience = 10;

std::optional<std::int64_t> size_of(const std::string& file) {
  struct stat status{};
  if (stat(file.c_str(), &status) != 0) return std::nullopt;
  return status.st_size;
}

}  // namespace

net::TaskResult<RowSet> StatementTexts::ask(std::string database, std::string sql, pg::Params params) {
  cost_.count_query();
  co_return co_await parts_.lanes.query(pg::Lane::sample, database, "statement_texts", sql, params,
                                        parts_.config->postgresql.statement_timeout * kPatience);
}

net::Task<std::optional<std::int64_t>> StatementTexts::bytes(std::string database, std::string data_directory) {
  if (!data_directory.empty()) {
    auto job = [file = data_directory + "/" + collectors::kStatementTextsFile] { return size_of(file); };
    if (auto size = co_await net::run_on(parts_.blocking, job)) co_return size;
  }
  auto may = co_await ask(database, collectors::may_ask_text_bytes_sql(), {});
  if (!may || !may->boolean(0, "may")) co_return std::nullopt;
  auto told = co_await ask(database, collectors::text_bytes_sql(), {});
  if (!told) co_return std::nullopt;
  co_return told->integer(0, "bytes");
}

net::Task<std::string> StatementTexts::read(RowSet numbers, std::string database,
                                            std::shared_ptr<const collectors::ServerShape> shape,
                                            std::string data_directory) {
  const Deadline now = parts_.clock.steady_now();
  if (parts_.ledger == nullptr || now < due_) co_return withheld_;
  due_ = now + kInterval;
  if (seen_.size() > kMaxSeen) seen_.clear();
  const auto ids = collectors::unseen_query_ids(numbers, seen_);
  if (ids.empty()) co_return withheld_;
  const auto size = co_await bytes(database, data_directory);
  const bool before = !withheld_.empty();
  withheld_.clear();
  if (size && *size > kMostTextBytes) {
    withheld_ = "texts of new statements are not read: the server would read " +
                format_bytes(static_cast<double>(*size)) + " of texts for it (at most " +
                format_bytes(static_cast<double>(kMostTextBytes)) +
                "); pg_stat_statements_reset() or a lower pg_stat_statements.max makes the file smaller";
    if (!before) log::warn("statement texts withheld", {{"bytes", std::to_string(*size)}});
    co_return withheld_;
  }
  co_await fetch(ids, database, shape);
  co_return withheld_;
}

net::Task<void> StatementTexts::fetch(std::vector<std::int64_t> ids, std::string database,
                                      std::shared_ptr<const collectors::ServerShape> shape) {
  auto sql = collectors::statement_texts_sql(*shape);
  if (!sql) co_return;
  pg::Params params;
  params.emplace_back(collectors::bigint_array(ids));
  auto rows = co_await ask(database, *sql, std::move(params));
  if (!rows) {
    log::warn("statement texts not read", {{"error", rows.error().describe()}});
    if (rows.error().code != Errc::timeout) co_return;
    due_ = parts_.clock.steady_now() + kRest;
    withheld_ =
        "texts of new statements are not read for a day: it took the server too long; cure: " +
        cure_for("GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO {role}", parts_.config->postgresql.user) +
        "; then a file of texts that is too large is left alone;";
    co_return;
  }
  const auto texts = collectors::statement_texts(*rows);
  auto save = [texts](store::Ledger& ledger) { return ledger.put_texts(texts); };
  auto saved = co_await parts_.with_ledger(save);
  if (!saved) {
    log::warn("statement texts not kept", {{"error", saved.error().describe()}});
    co_return;
  }
  seen_.insert(ids.begin(), ids.end());
}

}  // namespace pgtend::engine
