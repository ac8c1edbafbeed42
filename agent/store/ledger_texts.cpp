#include "agent/store/ledger_impl.hpp"
#include "agent/store/ledger_json.hpp"

namespace pgtend::store {

Result<void> Ledger::put_texts(const std::map<std::int64_t, std::string>& texts) {
  auto& db = *impl_->db;
  const auto now = impl_->clock.now();
  return impl_->together(nullptr, [&]() -> Result<void> {
    auto put = db.cached("INSERT OR REPLACE INTO texts (queryid, text, seen_at) VALUES (?1, ?2, ?3)");
    if (!put) return fail(std::move(put).error());
    for (const auto& [queryid, text] : texts)
      PGTEND_STORE_TRY((*put)->bind(1, queryid).bind(2, text).bind(3, now).run());
    auto forget = db.cached(
        "DELETE FROM texts WHERE queryid IN (SELECT queryid FROM texts ORDER BY seen_at DESC, queryid LIMIT -1 OFFSET "
        "?1)");
    if (!forget) return fail(std::move(forget).error());
    return (*forget)->bind(1, kMaxTexts).run();
  });
}

Result<std::map<std::int64_t, std::string>> Ledger::texts(const std::vector<std::int64_t>& queryids) {
  auto query = impl_->db->cached("SELECT text FROM texts WHERE queryid=?1");
  if (!query) return fail(std::move(query).error(), "ledger");
  std::map<std::int64_t, std::string> out;
  for (const auto queryid : queryids)
    PGTEND_STORE_TRY(each_row((*query)->bind(1, queryid), [&](Statement& row) -> Result<void> {
      out[queryid] = row.text(0);
      return {};
    }));
  return out;
}

Result<std::vector<std::int64_t>> Ledger::unknown_texts(const std::vector<std::int64_t>& queryids) {
  auto known = texts(queryids);
  if (!known) return fail(std::move(known).error());
  std::vector<std::int64_t> out;
  for (const auto queryid : queryids)
    if (!known->contains(queryid)) out.push_back(queryid);
  return out;
}

Result<void> Ledger::put_matviews(const std::string& database, const std::vector<MatviewMemory>& views) {
  auto& db = *impl_->db;
  return impl_->together(nullptr, [&]() -> Result<void> {
    auto clear = db.cached("DELETE FROM matviews WHERE database=?1");
    if (!clear) return fail(std::move(clear).error());
    PGTEND_STORE_TRY((*clear)->bind(1, database).run());
    auto put = db.cached("INSERT OR REPLACE INTO matviews (database, oid, body) VALUES (?1, ?2, ?3)");
    if (!put) return fail(std::move(put).error());
    for (const auto& view : views)
      PGTEND_STORE_TRY((*put)->bind(1, database).bind(2, view.oid).bind(3, dump(to_json(view))).run());
    return {};
  });
}

Result<std::vector<MatviewMemory>> Ledger::matviews(const std::string& database) {
  auto query = impl_->db->cached("SELECT body FROM matviews WHERE database=?1 ORDER BY oid");
  if (!query) return fail(std::move(query).error(), "ledger");
  std::vector<MatviewMemory> out;
  PGTEND_STORE_TRY(each_row((*query)->bind(1, database), [&](Statement& row) -> Result<void> {
    auto view = parse_stored<MatviewMemory>(row.view(0));
    if (!view) return fail(std::move(view).error(), "ledger");
    out.push_back(*view);
    return {};
  }));
  return out;
}

}  // namespace pgtend::store
