#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/result.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/change.hpp"
#include "agent/model/policy.hpp"
#include "agent/model/routing.hpp"
#include "agent/store/ledger_types.hpp"

namespace pgtend::store {

struct ProofRows;

// ledger.db: what must not be lost. Every write is one transaction with its audit row, flushed to disk
// (synchronous=FULL) before the call returns. The file (mode 0600) is never deleted or replaced: when it cannot be
// opened the agent only recommends. REQUIRES: every call on the store thread. Errors of every call besides those named:
// io (retryable), corrupt, resource_exhausted (disk full, retryable).
class Ledger {
 public:
  // Opens or creates the file and brings its schema up to this version. `clock` must outlive the object.
  // Errors: conflict (another process holds it), corrupt (not a sound database), unsupported (a newer pgtend wrote it),
  // io.
  static Result<std::unique_ptr<Ledger>> open(std::string path, const Clock& clock);
  ~Ledger();

  // --- audit: append-only, each row hashed together with the hash of the row before
  Result<AuditEntry> audit(const AuditDraft& draft);
  // Ascending from `from_sequence` (inclusive, from 1).
  Result<std::vector<AuditEntry>> audit_list(std::int64_t from_sequence, std::size_t limit);
  // The newest `limit` entries, ascending.
  Result<std::vector<AuditEntry>> audit_tail(std::size_t limit);
  // Recomputes the chain; a broken chain is a value, not an error.
  Result<AuditCheck> audit_verify();

  // --- findings
  // Upserts by id; those of `scope` (an advisor or check and its database) that are absent are closed.
  Result<void> put_findings(const std::vector<Finding>& findings, const std::string& scope);
  Result<std::vector<StoredFinding>> list_findings(bool open_only);

  // --- recommendations
  // Dedupes by id. A rejected one stays rejected until its ttl ends, one whose change failed rests for an hour; any
  // other that is closed opens anew. The audit row, when given, is written only if the recommendation opens or its
  // decision changes.
  Result<PutRecommendation> put_recommendation(const Recommendation& recommendation, const Decision& decision,
                                               Millis ttl = kRecommendationTtl,
                                               const std::optional<AuditDraft>& draft = std::nullopt);
  Result<std::vector<StoredRecommendation>> list_recommendations(bool open_only = true);
  // By id or unique prefix. Errors: not_found, conflict (prefix is ambiguous).
  Result<StoredRecommendation> get_recommendation(std::string_view id_or_prefix);
  // Errors: not_found.
  Result<void> set_recommendation_state(const std::string& id, RecommendationState state, const std::string& reason,
                                        const AuditDraft& draft);
  // Open ones whose ttl has ended, or whose finding has been closed for an hour and that no open change is made from,
  // become expired; long closed ones are forgotten. Returns how many expired.
  Result<std::int64_t> expire_recommendations();

  // --- changes
  // Errors: conflict (the id exists).
  Result<void> insert_change(const Change& change, const AuditDraft& draft);
  // Stores every field of `next` (updated_at included, as given) if the stored state is still `expected_from`. A final
  // state closes the recommendation that the change was made from.
  // Errors: conflict (it is not; nothing is written), not_found.
  Result<void> transition(const Change& next, ChangeState expected_from, const AuditDraft& draft);
  // By id or unique prefix. Errors: not_found, conflict (prefix is ambiguous).
  Result<Change> get_change(std::string_view id_or_prefix);
  // Newest first.
  Result<std::vector<Change>> list_changes(const ChangeFilter& filter, std::size_t limit);

  // Keeps what the verdict of a change was made of, in place of what was kept of it before. The oldest of others make
  // room. Errors: resource_exhausted (over kMostEvidence).
  Result<void> put_evidence(const std::string& change_id, const std::string& text);
  // All that is stored of a change, by id or unique prefix. Errors: not_found, conflict (prefix is ambiguous),
  // resource_exhausted (too many audit rows).
  Result<ProofRows> proof_rows(std::string_view id_or_prefix);

  // --- what policy looks at
  // Changes that were executed at or after `since` and the record of each class from them, and what is in flight (an
  // empty name: a change to the whole instance); `except_change` leaves one change out of both. `rule_of`
  // (policy::rule_for) names the rule an entry counts against; without it the rule is read from the stored decision.
  // role and ledger_writable keep their defaults: the engine knows.
  using RuleOf = std::function<std::string(const ProposedChange&)>;
  Result<PolicyPast> policy_past(UtcTime since, std::string_view except_change = {}, const RuleOf& rule_of = {});
  Result<void> set_freeze(bool frozen, const std::string& actor, const std::string& reason);
  Result<FreezeState> freeze_state();

  // --- answers of the API to requests that may be repeated
  // nullopt: none is known under that key, or its time has ended.
  Result<std::optional<KnownAnswer>> known_answer(const std::string& key);
  // In place of what was known under its key; the oldest make room. Of a body above kLongestAnswer only that the
  // request was begun is kept.
  Result<void> put_answer(const KnownAnswer& answer);
  Result<void> forget_answer(const std::string& key);

  // --- alerts and the outbox: one transaction
  // Stores alerts by (group, rule, labels); an inactive one is forgotten. A new message for the same (receiver,
  // group_key) supersedes an older one that is not being sent. Message ids and states are made here.
  Result<void> save_alerts(const std::vector<Alert>& changed, const std::vector<OutboxMessage>& outgoing,
                           const DispatchChange& dispatch = {});
  Result<std::vector<Alert>> load_alerts();
  // State changes, newest first.
  Result<std::vector<AlertEvent>> alert_history(std::size_t limit);
  // The newest form of the alert whose fingerprint begins with `id` and that had fired, or become active, by `at`;
  // nullopt: it is not remembered (kAlertHistoryRows).
  Result<std::optional<Alert>> past_alert(const std::string& id, UtcTime at);

  Result<DispatchState> load_dispatch();

  // Leases messages that are due: at most one in flight per (receiver, group_key), critical ones first, then oldest
  // first. `allowance`: how many of a receiver may leave now; one that is not named is not limited. attempts counts
  // this one. Messages past their expiry die here.
  Result<std::vector<OutboxMessage>> claim(UtcTime now, std::size_t limit,
                                           const std::map<std::string, int>& allowance = {});
  // Whether claim() may find a message, now or later; false only while none is queued. From any thread: whoever has to
  // ask often need not ask the store for it.
  [[nodiscard]] bool may_have_queued() const;
  // What ended with a message is stored with what the dispatcher makes of it. Errors of the three: not_found.
  Result<void> mark_sent(std::int64_t id, const DispatchChange& dispatch = {});
  Result<void> mark_failed(std::int64_t id, const std::string& error, UtcTime not_before);
  Result<void> mark_dead(std::int64_t id, const std::string& error, const std::vector<OutboxMessage>& instead = {},
                         const DispatchChange& dispatch = {});
  Result<OutboxStats> outbox_stats();
  // Messages of a state ("queued", "in_flight" of them, "dead", "sent", "superseded"), newest first.
  Result<std::vector<OutboxMessage>> outbox_list(const std::string& state, std::size_t limit);

  // --- silences; each write with its audit row
  Result<void> put_silence(const Silence& silence, const AuditDraft& draft);
  // All that have not ended long ago, newest first.
  Result<std::vector<Silence>> silences();

  // --- normalised statement texts
  Result<void> put_texts(const std::map<std::int64_t, std::string>& texts);
  // Those that are known.
  Result<std::map<std::int64_t, std::string>> texts(const std::vector<std::int64_t>& queryids);
  // Which of these have no text yet.
  Result<std::vector<std::int64_t>> unknown_texts(const std::vector<std::int64_t>& queryids);

  // --- small facts by key (agent identity, last collector times)
  Result<std::optional<std::string>> get_meta(const std::string& key);
  Result<void> set_meta(const std::string& key, const std::string& value);
  // Together with the audit rows that say what it means.
  Result<void> set_meta(const std::string& key, const std::string& value, const std::vector<AuditDraft>& drafts);
  Result<std::map<std::string, std::string>> list_meta(const std::string& prefix);

  // Replaces what is remembered of the views of one database.
  Result<void> put_matviews(const std::string& database, const std::vector<MatviewMemory>& views);
  Result<std::vector<MatviewMemory>> matviews(const std::string& database);

  // Bytes of file and write-ahead log.
  [[nodiscard]] std::int64_t bytes() const;

  struct Impl;

 private:
  explicit Ledger(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgtend::store
