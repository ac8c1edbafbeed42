#include "agent/store/ledger_impl.hpp"

namespace pgtend::store {

Result<std::optional<KnownAnswer>> Ledger::known_answer(const std::string& key) {
  auto query = impl_->db->cached(
      "SELECT body_hash, status, location, body, until_ms FROM answers WHERE key=?1 AND until_ms > ?2");
  if (!query) return fail(std::move(query).error(), "ledger");
  std::optional<KnownAnswer> out;
  PGTEND_STORE_TRY(each_row((*query)->bind(1, key).bind(2, impl_->clock.now()), [&](Statement& row) -> Result<void> {
    out = KnownAnswer{key, row.text(0), std::nullopt, row.text(3), row.text(2), row.time(4)};
    if (!row.is_null(1)) out->status = static_cast<int>(row.integer(1));
    return {};
  }));
  return out;
}

Result<void> Ledger::put_answer(const KnownAnswer& answer) {
  const bool fits = answer.body.size() <= kLongestAnswer;
  const std::string body = fits ? answer.body : std::string();
  return impl_->together(nullptr, [&]() -> Result<void> {
    auto put = impl_->db->cached(
        "INSERT OR REPLACE INTO answers (key, put_at, until_ms, body_hash, status, location, bytes, body)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    if (!put) return fail(std::move(put).error());
    auto& row = (*put)->bind(1, answer.key).bind(2, impl_->clock.now()).bind(3, answer.until).bind(4, answer.body_hash);
    if (answer.status && fits)
      row.bind(5, static_cast<std::int64_t>(*answer.status));
    else
      row.bind_null(5);
    PGTEND_STORE_TRY(row.bind(6, answer.location).bind(7, static_cast<std::int64_t>(body.size())).bind(8, body).run());
    // The oldest make room.
    auto prune = impl_->db->cached(
        "DELETE FROM answers WHERE until_ms <= ?1 OR key IN (SELECT key FROM"
        " (SELECT key, sum(bytes) OVER newest AS kept, row_number() OVER newest AS place FROM answers"
        " WINDOW newest AS (ORDER BY put_at DESC, key)) WHERE kept > ?2 OR place > ?3)");
    if (!prune) return fail(std::move(prune).error());
    return (*prune)->bind(1, impl_->clock.now()).bind(2, kMostAnswerBytes).bind(3, kMostAnswers).run();
  });
}

Result<void> Ledger::forget_answer(const std::string& key) {
  return impl_->together(nullptr, [&]() -> Result<void> {
    auto gone = impl_->db->cached("DELETE FROM answers WHERE key=?1");
    if (!gone) return fail(std::move(gone).error());
    return (*gone)->bind(1, key).run();
  });
}

}  // namespace pgtend::store
