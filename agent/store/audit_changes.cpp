#include <unordered_map>

#include "agent/store/ledger_impl.hpp"
#include "agent/store/proof_rows.hpp"

namespace pgtend::store {

namespace {

constexpr const char* kColumns = "id, state, final, created_at, updated_at, body";

std::string digest_of(Statement& row) {
  return digest_of(ChangeRow{row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), row.text(5)});
}

// What the audit says last of each change.
struct Told {
  std::int64_t sequence = 0;
  std::string digest;  // empty: told of before digests were kept
};
using ToldOf = std::unordered_map<std::string, Told>;

Result<ToldOf> told(Database& db) {
  // A change's older rows have no digest and name it as their subject.
  auto query = db.prepare("SELECT sequence, subject, row_digest FROM audit ORDER BY sequence");
  if (!query) return fail(std::move(query).error());
  ToldOf out;
  PGTEND_STORE_TRY(each_row(*query, [&](Statement& row) -> Result<void> {
    const auto digest = row.text(2);
    auto& of = out[digest.empty() ? row.text(1) : digest.substr(0, digest.find(' '))];
    if (digest.empty() && !of.digest.empty()) return {};
    of = {row.integer(0), digest};
    return {};
  }));
  return out;
}

}  // namespace

Result<std::string> change_digest(Database& db, std::string_view id) {
  static const std::string sql = "SELECT " + std::string(kColumns) + " FROM changes WHERE id=?1";
  auto query = db.cached(sql.c_str());
  if (!query) return fail(std::move(query).error());
  std::string digest;
  PGTEND_STORE_TRY(each_row((*query)->bind(1, id), [&](Statement& row) -> Result<void> {
    digest = digest_of(row);
    return {};
  }));
  if (digest.empty()) return fail(Errc::not_found, "no change " + std::string(id));
  return digest;
}

Result<void> verify_changes(Database& db, AuditCheck& check) {
  auto audit = told(db);
  if (!audit) return fail(std::move(audit).error());
  const auto bad = [&check](std::int64_t sequence, std::string why) {
    if (!check.ok && check.first_bad <= sequence) return;
    check.ok = false;
    check.first_bad = sequence;
    check.why = std::move(why);
  };
  auto query = db.prepare("SELECT " + std::string(kColumns) + " FROM changes ORDER BY created_at, id");
  if (!query) return fail(std::move(query).error());
  PGTEND_STORE_TRY(each_row(*query, [&](Statement& row) -> Result<void> {
    const auto id = row.text(0);
    const auto known = audit->find(id);
    if (known == audit->end()) {
      bad(check.rows, "change " + id + " is in no row of the audit: it was put there from outside");
      return {};
    }
    if (!known->second.digest.empty() && known->second.digest != digest_of(row))
      bad(known->second.sequence, "change " + id + " is not as row " + std::to_string(known->second.sequence) +
                                      " left it: it was edited from outside");
    audit->erase(known);
    return {};
  }));
  for (const auto& [id, last] : *audit)
    if (!last.digest.empty())
      bad(last.sequence, "change " + id + ", which row " + std::to_string(last.sequence) + " wrote, was deleted");
  return {};
}

}  // namespace pgtend::store
