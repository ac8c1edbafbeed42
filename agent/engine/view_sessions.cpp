#include "agent/engine/view.hpp"
#include "collectors/postgres/activity.hpp"

// Sessions of the server: what they waited for, and who blocks whom now.
namespace pgtend::engine {

namespace {

api::ChainSessionView as_view(collectors::ChainSession session) {
  return {session.pid,
          std::move(session.database),
          std::move(session.user),
          std::move(session.application),
          std::move(session.state),
          std::move(session.backend_type),
          std::move(session.query_id),
          std::move(session.lock_mode),
          std::move(session.lock_type),
          std::move(session.relation),
          session.wait_seconds,
          session.transaction_seconds};
}

}  // namespace

net::TaskResult<store::SessionReport> View::active_sessions(store::SessionQuestion question) {
  auto report = co_await collecting_.active_sessions().report(std::move(question));
  if (!report || report->by != std::vector{store::SessionTrait::query} || parts_.ledger == nullptr) co_return report;
  std::vector<std::int64_t> ids;
  for (const auto& row : report->rows)
    if (const auto id = store::query_id_of(row.names.front())) ids.push_back(*id);
  auto read = [ids](store::Ledger& ledger) { return ledger.texts(ids); };
  auto texts = co_await parts_.with_ledger(read);
  // The numbers are worth having without them.
  if (!texts) co_return report;
  for (auto& row : report->rows)
    if (const auto id = store::query_id_of(row.names.front()); id && texts->contains(*id)) row.text = texts->at(*id);
  co_return report;
}

net::TaskResult<api::BlockingView> View::blocking() {
  const std::string sql = collectors::blocking_sql();
  cost_.count_query();
  auto rows = co_await parts_.lanes.query(pg::Lane::sample, "", "blocking", sql, {},
                                          parts_.config->postgresql.statement_timeout);
  if (!rows) co_return fail(std::move(rows.error()), "look who blocks whom");
  api::BlockingView out;
  for (auto& tree : collectors::blocking_trees(*rows)) {
    api::BlockingTreeView view{as_view(std::move(tree.root)), {}, tree.depth, tree.wait_seconds};
    for (auto& victim : tree.victims)
      view.victims.push_back({as_view(std::move(victim.session)), victim.blocked_by, victim.depth});
    out.trees.push_back(std::move(view));
  }
  if (auto why = collecting_.active_sessions().hidden_detail(); !why.empty()) out.warnings.push_back(std::move(why));
  co_return out;
}

}  // namespace pgtend::engine
