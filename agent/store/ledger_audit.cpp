#include "agent/store/ledger_impl.hpp"
#include "agent/store/sha256.hpp"

namespace pgtend::store {

namespace {

constexpr const char* kColumns = "sequence, at_ms, actor, action, subject, before, after, result, previous_hash, hash";

AuditEntry entry_of(Statement& row) {
  AuditEntry entry;
  entry.sequence = row.integer(0);
  entry.at = row.time(1);
  entry.actor = row.text(2);
  entry.action = row.text(3);
  entry.subject = row.text(4);
  entry.before = row.text(5);
  entry.after = row.text(6);
  entry.result = row.text(7);
  entry.previous_hash = row.text(8);
  entry.hash = row.text(9);
  return entry;
}

struct Head {
  std::int64_t sequence = 0;
  std::string hash;
};

Result<Head> read_head(Database& db) {
  auto query = db.cached("SELECT sequence, hash FROM audit_head WHERE one=1");
  if (!query) return fail(std::move(query).error());
  Head head;
  PGTEND_STORE_TRY(each_row(**query, [&](Statement& row) -> Result<void> {
    head = {row.integer(0), row.text(1)};
    return {};
  }));
  return head;
}

}  // namespace

std::string audit_hash(const AuditEntry& entry, const std::string& row) {
  // Each field carries its length, so that no two entries have one spelling.
  std::string bytes = "pgtend-audit-1\n";
  const auto add = [&](std::string_view field) {
    bytes += std::to_string(field.size());
    bytes += ':';
    bytes += field;
    bytes += '\n';
  };
  add(std::to_string(entry.sequence));
  add(std::to_string(to_ms(entry.at)));
  for (const auto* field :
       {&entry.actor, &entry.action, &entry.subject, &entry.before, &entry.after, &entry.result, &entry.previous_hash})
    add(*field);
  if (!row.empty()) add(row);
  return sha256_hex(bytes);
}

Result<AuditEntry> Ledger::Impl::append_audit(const AuditDraft& draft, const std::string& row) {
  auto head = read_head(*db);
  if (!head) return fail(std::move(head).error());
  AuditEntry entry;
  entry.sequence = head->sequence + 1;
  entry.at = clock.now();
  entry.actor = draft.actor;
  entry.action = draft.action;
  entry.subject = draft.subject;
  entry.before = draft.before;
  entry.after = draft.after;
  entry.result = draft.result;
  entry.previous_hash = head->sequence == 0 ? std::string(kAuditGenesis) : head->hash;
  entry.hash = audit_hash(entry, row);

  auto insert = db->cached(
      "INSERT INTO audit (sequence, at_ms, actor, action, subject, before, after, result, previous_hash, hash,"
      " row_digest) VALUES (?,?,?,?,?,?,?,?,?,?,?)");
  if (!insert) return fail(std::move(insert).error());
  (*insert)->bind(1, entry.sequence).bind(2, entry.at).bind(3, entry.actor).bind(4, entry.action);
  (*insert)->bind(5, entry.subject).bind(6, entry.before).bind(7, entry.after).bind(8, entry.result);
  PGTEND_STORE_TRY((*insert)->bind(9, entry.previous_hash).bind(10, entry.hash).bind(11, row).run());
  auto move = db->cached("UPDATE audit_head SET sequence=?1, hash=?2 WHERE one=1");
  if (!move) return fail(std::move(move).error());
  PGTEND_STORE_TRY((*move)->bind(1, entry.sequence).bind(2, entry.hash).run());
  return entry;
}

Result<AuditEntry> Ledger::audit(const AuditDraft& draft) {
  AuditEntry entry;
  PGTEND_STORE_TRY(impl_->together(nullptr, [&]() -> Result<void> {
    auto appended = impl_->append_audit(draft);
    if (!appended) return fail(std::move(appended).error());
    entry = std::move(*appended);
    return {};
  }));
  return entry;
}

Result<std::vector<AuditEntry>> Ledger::audit_list(std::int64_t from_sequence, std::size_t limit) {
  static const std::string sql =
      "SELECT " + std::string(kColumns) + " FROM audit WHERE sequence>=?1 ORDER BY sequence LIMIT ?2";
  auto query = impl_->db->cached(sql.c_str());
  if (!query) return fail(std::move(query).error(), "ledger");
  std::vector<AuditEntry> out;
  (*query)->bind(1, from_sequence).bind(2, static_cast<std::int64_t>(limit));
  PGTEND_STORE_TRY(each_row(**query, [&](Statement& row) -> Result<void> {
    out.push_back(entry_of(row));
    return {};
  }));
  return out;
}

Result<std::vector<AuditEntry>> Ledger::audit_tail(std::size_t limit) {
  auto newest = impl_->db->number("SELECT max(sequence) FROM audit");
  if (!newest) return fail(std::move(newest).error(), "ledger");
  return audit_list(*newest - static_cast<std::int64_t>(limit) + 1, limit);
}

Result<AuditCheck> Ledger::audit_verify() {
  return verify_audit(*impl_->db);
}

Result<AuditCheck> verify_audit(Database& db) {
  auto head = read_head(db);
  if (!head) return fail(std::move(head).error(), "ledger");
  auto version = db.number("PRAGMA user_version");
  if (!version) return fail(std::move(version).error(), "ledger");
  const bool has_digests = *version >= 3;
  auto query = db.prepare("SELECT " + std::string(kColumns) + (has_digests ? ", row_digest" : ", ''") +
                          " FROM audit ORDER BY sequence");
  if (!query) return fail(std::move(query).error(), "ledger");
  AuditCheck check;
  const auto bad = [&](std::int64_t sequence, std::string why) {
    if (!check.ok) return;
    check.ok = false;
    check.first_bad = sequence;
    check.why = "row " + std::to_string(sequence) + " " + why;
  };
  std::string previous(kAuditGenesis);
  std::int64_t expected = 1;
  PGTEND_STORE_TRY(each_row(*query, [&](Statement& row) -> Result<void> {
    const auto entry = entry_of(row);
    ++check.rows;
    if (entry.sequence != expected) {
      bad(entry.sequence < expected ? entry.sequence : expected,
          entry.sequence < expected ? "does not belong there" : "is missing");
    } else if (audit_hash(entry, row.text(10)) != entry.hash) {
      bad(entry.sequence, "was changed: its content does not give its hash");
    } else if (entry.previous_hash != previous) {
      bad(entry.sequence, "does not follow the row before it: one of the two was replaced");
    }
    previous = entry.hash;
    expected = entry.sequence + 1;
    return {};
  }));
  if (check.rows > 0) check.head_hash = previous;
  const auto last = expected - 1;
  if (last < head->sequence) {
    bad(last + 1, "is missing: the audit ends before its recorded head " + std::to_string(head->sequence));
  } else if (last > head->sequence) {
    bad(head->sequence + 1, "was added behind the recorded head");
  } else if (last > 0 && head->hash != previous) {
    bad(last, "was replaced: the recorded head has another hash");
  }
  if (check.ok && has_digests) PGTEND_STORE_TRY(verify_changes(db, check));
  return check;
}

}  // namespace pgtend::store
