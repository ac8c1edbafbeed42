#include <algorithm>
#include <cmath>

#include "agent/store/json_fields.hpp"
#include "agent/store/ledger_impl.hpp"
#include "agent/store/ledger_json.hpp"

namespace pgtend::store {

namespace {

// Whether anything may have been done to the server: what policy counts.
bool was_executed(const Change& change) {
  switch (change.state) {
    case ChangeState::applying:
    case ChangeState::post_validated:
    case ChangeState::observing:
    case ChangeState::kept:
    case ChangeState::reverting:
    case ChangeState::reverted:
    case ChangeState::needs_restart:
    case ChangeState::lost:
      return true;
    case ChangeState::failed:
      return change.attempt > 0 || change.applied_at.has_value();
    default:
      return false;
  }
}

bool is_in_flight(ChangeState state) {
  switch (state) {
    case ChangeState::approved:
    case ChangeState::pre_validated:
    case ChangeState::applying:
    case ChangeState::post_validated:
    case ChangeState::observing:
    case ChangeState::reverting:
      return true;
    default:
      return false;
  }
}

// The rule's name out of a decision "rule NAME", for a change that no caller can look up in the policy.
std::string rule_in(const std::string& limit) {
  constexpr std::string_view kRule = "rule ";
  return limit.starts_with(kRule) ? limit.substr(kRule.size()) : std::string();
}

std::string flight_of(const ProposedChange& plan) {
  const bool whole_instance = plan.action == ActionClass::system_setting || plan.action == ActionClass::restart_setting;
  return whole_instance ? std::string() : plan.database;
}

// The effect that was predicted when the change was proposed, as a ratio.
std::optional<double> predicted(const Change& change) {
  const auto notes = fields::Json::parse(change.evidence_before, nullptr, false);
  if (!notes.is_object()) return std::nullopt;
  const auto found = notes.find("predicted_effect");
  if (found == notes.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Adds up what became of the predictions of each class.
class Records {
 public:
  void add(const Change& change) {
    const bool undone = change.state == ChangeState::reverted;
    if (!change.verdict || !is_measured(*change.verdict) || (!undone && change.state != ChangeState::kept)) return;
    const auto action = change.plan.action;
    count_verdict(records_[action], action, change.verdict->kind, undone);
    const bool measured = change.verdict->kind != VerdictKind::insufficient;
    if (const auto promised = predicted(change); promised && measured)
      errors_[action].push_back(std::abs(change.verdict->effect - *promised));
  }

  std::map<ActionClass, TrackRecord> finish() {
    for (auto& [action, errors] : errors_) records_[action].median_error = median_of(std::move(errors));
    return std::move(records_);
  }

 private:
  std::map<ActionClass, TrackRecord> records_;
  std::map<ActionClass, std::vector<double>> errors_;
};

Result<void> each_change(Statement& query, const std::function<void(Change)>& take) {
  return each_row(query, [&](Statement& row) -> Result<void> {
    auto change = parse_stored<Change>(row.view(0));
    if (!change) return fail(std::move(change).error());
    take(std::move(*change));
    return {};
  });
}

}  // namespace

Result<void> Ledger::Impl::audit_change(const std::string& id, const AuditDraft& draft) {
  auto digest = change_digest(*db, id);
  if (!digest) return fail(std::move(digest).error());
  auto entry = append_audit(draft, *digest);
  if (!entry) return fail(std::move(entry).error(), "audit");
  return {};
}

Result<void> Ledger::insert_change(const Change& change, const AuditDraft& draft) {
  if (change.id.empty()) return fail(Errc::invalid_argument, "a change needs an id");
  return impl_->together(nullptr, [&]() -> Result<void> {
    auto insert =
        impl_->db->cached("INSERT INTO changes (id, state, final, created_at, updated_at, body) VALUES (?,?,?,?,?,?)");
    if (!insert) return fail(std::move(insert).error());
    (*insert)->bind(1, change.id).bind(2, to_string(change.state)).bind(3, is_final(change.state) ? 1 : 0);
    (*insert)->bind(4, change.created_at).bind(5, change.updated_at).bind(6, dump(to_json(change)));
    auto done = (*insert)->run();
    if (!done && done.error().code == Errc::conflict)
      return fail(Errc::conflict, "change " + change.id + " exists already");
    if (!done) return done;
    return impl_->audit_change(change.id, draft);
  });
}

Result<void> Ledger::transition(const Change& next, ChangeState expected_from, const AuditDraft& draft) {
  return impl_->together(nullptr, [&]() -> Result<void> {
    auto update = impl_->db->cached(
        "UPDATE changes SET state=?3, final=?4, created_at=?5, updated_at=?6, body=?7 WHERE id=?1 AND state=?2");
    if (!update) return fail(std::move(update).error());
    (*update)->bind(1, next.id).bind(2, to_string(expected_from)).bind(3, to_string(next.state));
    (*update)->bind(4, is_final(next.state) ? 1 : 0).bind(5, next.created_at).bind(6, next.updated_at);
    PGTEND_STORE_TRY((*update)->bind(7, dump(to_json(next))).run());
    if (impl_->db->changes() == 1) {
      if (is_final(next.state)) PGTEND_STORE_TRY(impl_->close_answered(next));
      return impl_->audit_change(next.id, draft);
    }
    auto stored = impl_->db->cached("SELECT state FROM changes WHERE id=?1");
    if (!stored) return fail(std::move(stored).error());
    std::string is;
    PGTEND_STORE_TRY(each_row((*stored)->bind(1, next.id), [&](Statement& row) -> Result<void> {
      is = row.text(0);
      return {};
    }));
    if (is.empty()) return fail(Errc::not_found, "no change " + next.id);
    return fail(Errc::conflict, "change " + next.id + " is " + is + ", not " + std::string(to_string(expected_from)));
  });
}

Result<Change> Ledger::get_change(std::string_view id_or_prefix) {
  auto id = impl_->whole_id("changes", id_or_prefix);
  if (!id) return fail(std::move(id).error(), "change");
  auto query = impl_->db->cached("SELECT body FROM changes WHERE id=?1");
  if (!query) return fail(std::move(query).error(), "ledger");
  std::optional<Change> found;
  PGTEND_STORE_TRY(each_change((*query)->bind(1, *id), [&](Change change) { found = std::move(change); }));
  if (!found) return fail(Errc::not_found, "no change " + *id);
  return std::move(*found);
}

Result<std::vector<Change>> Ledger::list_changes(const ChangeFilter& filter, std::size_t limit) {
  auto query = impl_->db->cached(
      "SELECT body FROM changes WHERE (?1 = '' OR state=?1) AND (NOT ?2 OR final=0)"
      " ORDER BY created_at DESC, rowid DESC LIMIT ?3");
  if (!query) return fail(std::move(query).error(), "ledger");
  (*query)->bind(1, filter.state ? to_string(*filter.state) : std::string_view("")).bind(2, filter.open_only ? 1 : 0);
  (*query)->bind(3, static_cast<std::int64_t>(limit));
  std::vector<Change> out;
  PGTEND_STORE_TRY(each_change(**query, [&](Change change) { out.push_back(std::move(change)); }));
  return out;
}

Result<PolicyPast> Ledger::policy_past(UtcTime since, std::string_view except_change, const RuleOf& rule_of) {
  auto query = impl_->db->cached("SELECT body FROM changes WHERE final=0 OR updated_at>=?1 ORDER BY updated_at, rowid");
  if (!query) return fail(std::move(query).error(), "ledger");
  PolicyPast past;
  Records records;
  PGTEND_STORE_TRY(each_change((*query)->bind(1, since), [&](Change change) {
    if (change.id == except_change) return;
    records.add(change);
    if (is_in_flight(change.state)) past.in_flight.push_back(flight_of(change.plan));
    if (!was_executed(change)) return;
    PolicyPast::Entry entry;
    entry.action = change.plan.action;
    entry.database = change.plan.database;
    entry.object = change.plan.object;
    entry.rule = rule_of ? rule_of(change.plan) : rule_in(change.decision.limit);
    entry.at = is_final(change.state) || !change.applied_at ? change.updated_at : *change.applied_at;
    entry.undone = change.state == ChangeState::reverted || change.state == ChangeState::reverting;
    entry.spent = change.spent.value_or(change.plan.cost);
    if (entry.at >= since) past.changes.push_back(std::move(entry));
  }));
  std::stable_sort(past.changes.begin(), past.changes.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  past.records = records.finish();
  auto freeze = freeze_state();
  if (!freeze) return fail(std::move(freeze).error());
  past.frozen = freeze->frozen;
  past.frozen_by = freeze->by;
  return past;
}

}  // namespace pgtend::store
