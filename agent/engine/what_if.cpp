#include "agent/engine/what_if.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "agent/base/strings.hpp"
#include "agent/pg/connection.hpp"
#include "agent/pg/generic_plan.hpp"

namespace pgtend::engine {

namespace {

using advisors::WhatIfAnswer;
using advisors::WhatIfQuestion;
using Json = nlohmann::json;

// Source: reference tuning.md 2.5 (session hygiene).
constexpr Millis kStatementTimeout{2'000};
const std::vector<std::string> kSettings{
    "default_transaction_read_only", "lock_timeout",     "jit", "plan_cache_mode", "search_path",
    "standard_conforming_strings",   "statement_timeout"};
constexpr auto kHygiene = "SET default_transaction_read_only = on; SET lock_timeout = '100ms'; SET jit = off; ";

struct Plan {
  double cost = 0;
  std::vector<std::string> indexes;
};

void collect_indexes(const Json& node, std::vector<std::string>& out) {
  if (!node.is_structured()) return;
  if (node.is_object())
    if (const auto it = node.find("Index Name"); it != node.end() && it->is_string())
      out.push_back(it->get<std::string>());
  for (const auto& part : node) collect_indexes(part, out);
}

Result<Plan> read_plan(const RowSet& rows) {
  if (rows.rows.empty() || rows.rows[0].empty() || !rows.rows[0][0])
    return fail(Errc::internal, "EXPLAIN gave no plan");
  const Json tree = Json::parse(*rows.rows[0][0], nullptr, false);
  if (tree.is_discarded() || !tree.is_array() || tree.empty() || !tree[0].is_object() || !tree[0].contains("Plan"))
    return fail(Errc::internal, "EXPLAIN's plan cannot be read");
  const Json& plan = tree[0]["Plan"];
  const auto cost = plan.is_object() ? plan.find("Total Cost") : plan.end();
  if (!plan.is_object() || cost == plan.end() || !cost->is_number())
    return fail(Errc::internal, "EXPLAIN's plan has no cost");
  Plan out;
  out.cost = cost->get<double>();
  collect_indexes(plan, out.indexes);
  return out;
}

// One session that asks what-if questions; everything it sets it takes back in close().
class Session {
 public:
  Session(pg::Connection& connection, Deadline deadline) : connection_(connection), deadline_(deadline) {}

  net::TaskResult<bool> open();
  net::Task<WhatIfAnswer> ask(WhatIfQuestion question);
  net::TaskResult<bool> close();

 private:
  net::TaskResult<bool> prepare(const WhatIfQuestion* question);
  net::TaskResult<Plan> explain(const WhatIfQuestion* question);
  net::TaskResult<bool> with_index(const WhatIfQuestion* question, std::string definition, WhatIfAnswer* answer);
  [[nodiscard]] std::string function(const std::string& name) const { return quote_qualified(schema_, name); }

  pg::Connection& connection_;
  Deadline deadline_;
  std::string schema_;  // of HypoPG
  std::vector<std::optional<std::string>> previous_;
};

net::TaskResult<bool> Session::open() {
  const std::string marker = "what_if";
  auto marked = co_await connection_.mark(marker, kStatementTimeout, deadline_);
  if (!marked) co_return fail(std::move(marked.error()));
  const pg::Params none;
  const std::string find =
      "SELECT n.nspname AS schema FROM pg_catalog.pg_extension e "
      "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'hypopg'";
  auto extension = co_await connection_.query(find, none, deadline_);
  if (!extension) co_return fail(std::move(extension.error()));
  if (extension->size() == 0)
    co_return fail(Errc::unsupported, "HypoPG is not installed here (CREATE EXTENSION hypopg)");
  schema_ = extension->text(0, "schema");
  std::string read = "SELECT ";
  for (std::size_t i = 0; i < kSettings.size(); ++i)
    read += (i > 0 ? ", " : "") + ("pg_catalog.current_setting(" + quote_literal(kSettings[i]) + ")");
  auto settings = co_await connection_.query(read, none, deadline_);
  if (!settings) co_return fail(std::move(settings.error()));
  if (settings->size() == 1) previous_ = settings->rows[0];
  const std::string hygiene = std::string(kHygiene) + pg::kGenericPlanSettings;
  auto set = co_await connection_.execute(hygiene, deadline_);
  if (!set) co_return fail(std::move(set.error()));
  const std::string reset = "SELECT " + function("hypopg_reset") + "()";
  auto cleared = co_await connection_.query(reset, none, deadline_);
  if (!cleared) co_return fail(std::move(cleared.error()));
  co_return true;
}

net::TaskResult<bool> Session::close() {
  if (!connection_.healthy()) co_return true;
  // The caller's deadline may be over; taking things back must still happen.
  const Deadline deadline = std::max(deadline_, std::chrono::steady_clock::now() + kStatementTimeout);
  const std::string clear = "SELECT " + function("hypopg_reset") + "()";
  const pg::Params none;
  auto cleared = co_await connection_.query(clear, none, deadline);
  if (!cleared) co_return fail(std::move(cleared.error()));
  // Plans over hypothetical indexes must not outlive them.
  const std::string discard = "DISCARD PLANS";
  auto discarded = co_await connection_.execute(discard, deadline);
  if (!discarded) co_return fail(std::move(discarded.error()));
  if (previous_.size() != kSettings.size()) co_return true;
  std::string restore = "SELECT ";
  for (std::size_t i = 0; i < kSettings.size(); ++i)
    restore += (i > 0 ? ", " : "") +
               ("pg_catalog.set_config(" + quote_literal(kSettings[i]) + ", $" + std::to_string(i + 1) + ", false)");
  auto restored = co_await connection_.query(restore, previous_, deadline);
  if (!restored) co_return fail(std::move(restored.error()));
  co_return true;
}

net::TaskResult<bool> Session::prepare(const WhatIfQuestion* question) {
  std::vector<std::string> path;
  for (const auto& schema : question->search_path) path.push_back(quote_identifier(schema));
  if (path.empty()) path.push_back(quote_identifier("public"));
  const std::string set = "SET search_path = " + join(path, ", ");
  auto done = co_await connection_.execute(set, deadline_);
  if (!done) co_return fail(std::move(done.error()));
  auto prepared = co_await pg::open_generic_plan(&connection_, question->text, deadline_);
  co_return prepared;
}

net::TaskResult<Plan> Session::explain(const WhatIfQuestion* question) {
  auto rows = co_await pg::explain_generic_plan(&connection_, question->text, question->parameters, deadline_);
  if (!rows) co_return fail(std::move(rows.error()));
  co_return read_plan(*rows);
}

net::TaskResult<bool> Session::with_index(const WhatIfQuestion* question, std::string definition,
                                          WhatIfAnswer* answer) {
  const std::string create = "SELECT h.indexrelid, h.indexname, " + function("hypopg_relation_size") +
                             "(h.indexrelid) AS bytes FROM " + function("hypopg_create_index") + "($1) h";
  const pg::Params parameters{std::move(definition)};
  auto created = co_await connection_.query(create, parameters, deadline_);
  if (!created) co_return fail(std::move(created.error()));
  const std::string name = created->text(0, "indexname");
  // A cached generic plan notices neither the new index nor its end.
  const std::string discard = "DISCARD PLANS";
  auto discarded = co_await connection_.execute(discard, deadline_);
  if (!discarded) co_return fail(std::move(discarded.error()));
  auto plan = co_await explain(question);
  const std::string drop = "SELECT " + function("hypopg_drop_index") + "($1::oid)";
  const pg::Params oid{created->text(0, "indexrelid")};
  auto dropped = co_await connection_.query(drop, oid, deadline_);
  if (!plan) co_return fail(std::move(plan.error()));
  if (!dropped) co_return fail(std::move(dropped.error()));
  answer->cost_with.push_back(plan->cost);
  answer->used.push_back(std::find(plan->indexes.begin(), plan->indexes.end(), name) != plan->indexes.end());
  answer->bytes.push_back(created->integer(0, "bytes").value_or(0));
  co_return true;
}

net::Task<WhatIfAnswer> Session::ask(WhatIfQuestion question) {
  WhatIfAnswer answer;
  answer.query_id = question.query_id;
  auto prepared = co_await prepare(&question);
  if (!prepared) {
    answer.error = prepared.error().message;
    co_return answer;
  }
  auto now = co_await explain(&question);
  if (now) {
    answer.cost_before = now->cost;
    for (const auto& definition : question.hypothetical) {
      auto priced = co_await with_index(&question, definition, &answer);
      if (!priced) {
        answer.error = priced.error().message;
        break;
      }
    }
  } else {
    answer.error = now.error().message;
  }
  if (!answer.error.empty()) {
    answer.cost_with.clear();
    answer.used.clear();
    answer.bytes.clear();
    // A failure in the middle may have left its hypothetical index behind.
    const std::string reset = "SELECT " + function("hypopg_reset") + "()";
    const pg::Params none;
    auto cleared = co_await connection_.query(reset, none, deadline_);
    (void)cleared;
  }
  auto gone = co_await pg::close_generic_plan(&connection_, deadline_);
  (void)gone;
  co_return answer;
}

}  // namespace

net::TaskResult<std::vector<WhatIfAnswer>> ask_what_if(pg::Connection* connection,
                                                       std::vector<WhatIfQuestion> questions, Deadline deadline) {
  Session session(*connection, deadline);
  auto opened = co_await session.open();
  if (!opened) co_return fail(std::move(opened.error()), "what-if session");
  std::vector<WhatIfAnswer> answers;
  for (auto& question : questions) {
    if (std::chrono::steady_clock::now() >= deadline) {
      WhatIfAnswer late;
      late.query_id = question.query_id;
      late.error = "not asked: the advisor's time was up";
      answers.push_back(std::move(late));
      continue;
    }
    auto answer = co_await session.ask(std::move(question));
    if (!connection->healthy()) co_return fail(Errc::unavailable, "the what-if session was lost", true);
    answers.push_back(std::move(answer));
  }
  auto closed = co_await session.close();
  if (!closed) co_return fail(std::move(closed.error()), "what-if session");
  co_return answers;
}

}  // namespace pgtend::engine
