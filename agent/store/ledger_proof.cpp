#include "agent/store/ledger_impl.hpp"
#include "agent/store/ledger_json.hpp"
#include "agent/store/proof_rows.hpp"
#include "agent/store/sha256.hpp"

namespace pgtend::store {

namespace {

// One change spans a few dozen rows, and those of others in between; the whole answer stays within some 20 MB.
constexpr std::int64_t kMostRows = 50'000;

Result<std::pair<std::int64_t, std::int64_t>> rows_of(Database& db, const std::string& id) {
  auto query = db.cached(
      "SELECT coalesce(min(sequence), 0), coalesce(max(sequence), 0) FROM audit"
      " WHERE subject=?1 OR substr(row_digest, 1, length(?1) + 1) = ?1 || ' '");
  if (!query) return fail(std::move(query).error());
  std::pair<std::int64_t, std::int64_t> out;
  PGTEND_STORE_TRY(each_row((*query)->bind(1, id), [&](Statement& row) -> Result<void> {
    out = {row.integer(0), row.integer(1)};
    return {};
  }));
  return out;
}

Result<void> read_audit(Database& db, std::int64_t from, std::int64_t to, std::vector<AuditRow>& out) {
  auto query = db.cached(
      "SELECT sequence, at_ms, actor, action, subject, before, after, result, previous_hash, hash, row_digest"
      " FROM audit WHERE sequence BETWEEN ?1 AND ?2 ORDER BY sequence");
  if (!query) return fail(std::move(query).error());
  return each_row((*query)->bind(1, from).bind(2, to), [&](Statement& row) -> Result<void> {
    AuditRow one;
    one.entry = {row.integer(0), row.time(1), row.text(2), row.text(3), row.text(4),
                 row.text(5),    row.text(6), row.text(7), row.text(8), row.text(9)};
    one.row_digest = row.text(10);
    out.push_back(std::move(one));
    return {};
  });
}

}  // namespace

std::string digest_of(const ChangeRow& row) {
  std::string bytes = "pgtend-change-1\n";
  for (const auto* text : {&row.id, &row.state, &row.final, &row.created_at, &row.updated_at, &row.body})
    bytes += std::to_string(text->size()) + ":" + *text + "\n";
  return row.id + " " + sha256_hex(bytes);
}

std::string hash_of(const AuditRow& row) {
  return audit_hash(row.entry, row.row_digest);
}

Result<Change> change_of(const ChangeRow& row) {
  return parse_stored<Change>(row.body);
}

std::string sha256_of(const std::string& text) {
  return sha256_hex(text);
}

Result<void> Ledger::put_evidence(const std::string& change_id, const std::string& text) {
  if (text.size() > kMostEvidence)
    return fail(Errc::resource_exhausted, "the evidence has " + std::to_string(text.size()) + " bytes; at most " +
                                              std::to_string(kMostEvidence) + " are kept");
  return impl_->together(nullptr, [&]() -> Result<void> {
    auto put = impl_->db->cached(
        "INSERT INTO evidence (change_id, at_ms, bytes, body) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (change_id) DO UPDATE SET at_ms=?2, bytes=?3, body=?4");
    if (!put) return fail(std::move(put).error());
    (*put)->bind(1, change_id).bind(2, impl_->clock.now()).bind(3, static_cast<std::int64_t>(text.size()));
    PGTEND_STORE_TRY((*put)->bind(4, text).run());
    // The oldest make room.
    auto prune = impl_->db->cached(
        "DELETE FROM evidence WHERE change_id IN (SELECT change_id FROM"
        " (SELECT change_id, sum(bytes) OVER (ORDER BY at_ms DESC, change_id) AS kept FROM evidence) WHERE kept > ?1)");
    if (!prune) return fail(std::move(prune).error());
    return (*prune)->bind(1, static_cast<std::int64_t>(kMostEvidenceOfAll)).run();
  });
}

Result<ProofRows> Ledger::proof_rows(std::string_view id_or_prefix) {
  auto& db = *impl_->db;
  auto id = impl_->whole_id("changes", id_or_prefix);
  if (!id) return fail(std::move(id).error(), "change");
  ProofRows out;
  auto query = db.cached("SELECT id, state, final, created_at, updated_at, body FROM changes WHERE id=?1");
  if (!query) return fail(std::move(query).error(), "ledger");
  PGTEND_STORE_TRY(each_row((*query)->bind(1, *id), [&](Statement& row) -> Result<void> {
    out.change = {row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), row.text(5)};
    return {};
  }));
  auto kept = db.cached("SELECT body FROM evidence WHERE change_id=?1");
  if (!kept) return fail(std::move(kept).error(), "ledger");
  PGTEND_STORE_TRY(each_row((*kept)->bind(1, *id), [&](Statement& row) -> Result<void> {
    out.evidence = row.text(0);
    return {};
  }));
  auto range = rows_of(db, *id);
  if (!range) return fail(std::move(range).error(), "ledger");
  const auto [first, last] = *range;
  if (last - first >= kMostRows)
    return fail(Errc::resource_exhausted, "the audit has " + std::to_string(last - first + 1) +
                                              " rows between the first and the last that tell of the change; at most " +
                                              std::to_string(kMostRows) + " go into one proof");
  PGTEND_STORE_TRY(read_audit(db, first, last, out.audit));
  auto head = db.cached("SELECT sequence, hash FROM audit_head WHERE one=1");
  if (!head) return fail(std::move(head).error(), "ledger");
  PGTEND_STORE_TRY(each_row(**head, [&](Statement& row) -> Result<void> {
    out.head_sequence = row.integer(0);
    out.head_hash = row.text(1);
    return {};
  }));
  return out;
}

}  // namespace pgtend::store
