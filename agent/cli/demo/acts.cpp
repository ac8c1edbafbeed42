#include "agent/cli/demo/acts.hpp"

#include <array>

#include "agent/base/strings.hpp"

namespace pgtend::cli::demo {

namespace {

constexpr std::array kFinal{"kept", "reverted", "failed", "lost", "rejected", "expired"};

bool is_final(const std::string& state) {
  for (const auto* each : kFinal)
    if (state == each) return true;
  return false;
}

}  // namespace

Result<IndexSeen> look_at_index(Stage& stage, const std::string& schema, const std::string& name) {
  auto rows = stage.eye->run(R"(
    SELECT i.indisvalid AND i.indisready AS valid, pg_relation_size(c.oid) AS bytes, s.idx_scan AS scans
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i ON i.indexrelid = c.oid
    LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = c.oid
    WHERE n.nspname = $1 AND c.relname = $2)",
                             {schema, name});
  if (!rows) return fail(std::move(rows.error()));
  IndexSeen out;
  out.exists = rows->size() == 1;
  out.valid = out.exists && rows->boolean(0, "valid");
  out.bytes = rows->number(0, "bytes").value_or(0);
  out.scans = rows->number(0, "scans").value_or(0);
  return out;
}

Result<cli::Json> await_state(Stage& stage, const std::string& id, const std::string& wanted, const std::string& what,
                              Millis limit) {
  cli::Json change;
  const auto reached = [&]() -> Result<bool> {
    auto answer = stage.agent->get("/v1/changes/" + id);
    if (!answer) return fail(std::move(answer.error()));
    change = (*answer)["item"];
    const auto state = cell(change, "state");
    if (state == wanted) return true;
    if (is_final(state))
      return fail(Errc::server, "the change is " + state + " instead of " + wanted + ": " + cell(change, "last_error") +
                                    " " + verdict_text(change));
    return false;
  };
  if (auto ok = wait_for(stage, what, limit, reached); !ok) {
    if (ok.error().code != Errc::timeout) return fail(std::move(ok.error()));
    return fail(std::move(ok.error()),
                "state " + cell(change, "state") + " " + cell(change, "last_error") + " " + verdict_text(change));
  }
  return change;
}

Result<HotCounts> stock_updates(Stage& stage) {
  auto rows = stage.eye->run("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'stock'");
  if (!rows) return fail(std::move(rows.error()));
  return HotCounts{rows->number(0, "n_tup_upd").value_or(0), rows->number(0, "n_tup_hot_upd").value_or(0)};
}

Result<CallCounts> customer_lookups(Stage& stage) {
  auto rows = stage.eye->run(R"(
    SELECT sum(calls) AS calls, sum(shared_blks_hit + shared_blks_read) AS blocks, sum(total_exec_time) AS ms
    FROM pg_stat_statements WHERE query LIKE 'SELECT id, status, total FROM orders WHERE customer_id%')");
  if (!rows) return fail(std::move(rows.error()));
  return CallCounts{rows->number(0, "calls").value_or(0), rows->number(0, "blocks").value_or(0),
                    rows->number(0, "ms").value_or(0)};
}

std::string verdict_text(const cli::Json& change) {
  if (!change.is_object() || !change.contains("verdict") || change["verdict"].is_null()) return "no verdict yet";
  const auto& verdict = change["verdict"];
  return cell(verdict, "kind") + ": " + cell(verdict, "explanation");
}

}  // namespace pgtend::cli::demo
