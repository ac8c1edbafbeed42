#include "agent/model/advice.hpp"

#include <array>
#include <utility>

#include "agent/model/change.hpp"

namespace pgtend {

namespace {

template <class E, std::size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

template <class E, std::size_t N>
std::string_view name_of(const Names<E, N>& names, E value) {
  for (const auto& [key, name] : names)
    if (key == value) return name;
  return "unknown";
}

template <class E, std::size_t N>
std::optional<E> value_of(const Names<E, N>& names, std::string_view text) {
  for (const auto& [key, name] : names)
    if (name == text) return key;
  return std::nullopt;
}

constexpr Names<ActionClass, 22> kActions{{{ActionClass::create_index, "create_index"},
                                           {ActionClass::drop_index, "drop_index"},
                                           {ActionClass::reindex, "reindex"},
                                           {ActionClass::refresh_matview, "refresh_matview"},
                                           {ActionClass::analyze, "analyze"},
                                           {ActionClass::vacuum, "vacuum"},
                                           {ActionClass::table_setting, "table_setting"},
                                           {ActionClass::role_setting, "role_setting"},
                                           {ActionClass::system_setting, "system_setting"},
                                           {ActionClass::restart_setting, "restart_setting"},
                                           {ActionClass::database_setting, "database_setting"},
                                           {ActionClass::column_setting, "column_setting"},
                                           {ActionClass::create_statistics, "create_statistics"},
                                           {ActionClass::drop_statistics, "drop_statistics"},
                                           {ActionClass::cancel_session, "cancel_session"},
                                           {ActionClass::terminate_session, "terminate_session"},
                                           {ActionClass::row_security, "row_security"},
                                           {ActionClass::create_partition, "create_partition"},
                                           {ActionClass::detach_partition, "detach_partition"},
                                           {ActionClass::drop_partition, "drop_partition"},
                                           {ActionClass::drain_default, "drain_default"},
                                           {ActionClass::pgbouncer_setting, "pgbouncer_setting"}}};

constexpr Names<ChangeKind, 9> kKinds{{{ChangeKind::index, "index"},
                                       {ChangeKind::refresh, "refresh"},
                                       {ChangeKind::maintenance, "maintenance"},
                                       {ChangeKind::setting, "setting"},
                                       {ChangeKind::statistics, "statistics"},
                                       {ChangeKind::session, "session"},
                                       {ChangeKind::row_security, "row_security"},
                                       {ChangeKind::partition, "partition"},
                                       {ChangeKind::pgbouncer, "pgbouncer"}}};

constexpr Names<ChangeState, 15> kStates{{{ChangeState::proposed, "proposed"},
                                          {ChangeState::approved, "approved"},
                                          {ChangeState::pre_validated, "pre_validated"},
                                          {ChangeState::applying, "applying"},
                                          {ChangeState::post_validated, "post_validated"},
                                          {ChangeState::observing, "observing"},
                                          {ChangeState::kept, "kept"},
                                          {ChangeState::reverting, "reverting"},
                                          {ChangeState::reverted, "reverted"},
                                          {ChangeState::failed, "failed"},
                                          {ChangeState::needs_restart, "needs_restart"},
                                          {ChangeState::deferred, "deferred"},
                                          {ChangeState::lost, "lost"},
                                          {ChangeState::rejected, "rejected"},
                                          {ChangeState::expired, "expired"}}};

constexpr Names<Severity, 3> kSeverities{
    {{Severity::info, "info"}, {Severity::warning, "warning"}, {Severity::critical, "critical"}}};
constexpr Names<Risk, 3> kRisks{{{Risk::low, "low"}, {Risk::medium, "medium"}, {Risk::high, "high"}}};
constexpr Names<LockLevel, 6> kLocks{{{LockLevel::none, "none"},
                                      {LockLevel::share_update_exclusive, "ShareUpdateExclusiveLock"},
                                      {LockLevel::share, "ShareLock"},
                                      {LockLevel::share_row_exclusive, "ShareRowExclusiveLock"},
                                      {LockLevel::exclusive, "ExclusiveLock"},
                                      {LockLevel::access_exclusive, "AccessExclusiveLock"}}};
constexpr Names<DecisionKind, 4> kDecisions{{{DecisionKind::recommend, "recommend"},
                                             {DecisionKind::needs_approval, "needs_approval"},
                                             {DecisionKind::automatic, "automatic"},
                                             {DecisionKind::refused, "refused"}}};
constexpr Names<VerdictKind, 4> kVerdicts{{{VerdictKind::improved, "improved"},
                                           {VerdictKind::no_effect, "no_effect"},
                                           {VerdictKind::regressed, "regressed"},
                                           {VerdictKind::insufficient, "insufficient"}}};

}  // namespace

std::string_view to_string(ActionClass v) {
  return name_of(kActions, v);
}
std::optional<ActionClass> parse_action_class(std::string_view name) {
  return value_of(kActions, name);
}
const std::vector<ActionClass>& all_action_classes() {
  static const std::vector<ActionClass> all = [] {
    std::vector<ActionClass> out;
    for (const auto& entry : kActions) out.push_back(entry.first);
    return out;
  }();
  return all;
}
bool is_for_people(ActionClass action) {
  switch (action) {
    case ActionClass::cancel_session:
    case ActionClass::terminate_session:
    case ActionClass::row_security:
    case ActionClass::detach_partition:
    case ActionClass::drop_partition:
      return true;
    default:
      return false;
  }
}
std::string_view to_string(ChangeKind v) {
  return name_of(kKinds, v);
}
std::optional<ChangeKind> parse_change_kind(std::string_view name) {
  return value_of(kKinds, name);
}
std::string_view to_string(ChangeState v) {
  return name_of(kStates, v);
}
std::optional<ChangeState> parse_change_state(std::string_view name) {
  return value_of(kStates, name);
}
std::string_view to_string(Severity v) {
  return name_of(kSeverities, v);
}
std::string_view to_string(Risk v) {
  return name_of(kRisks, v);
}
std::string_view to_string(LockLevel v) {
  return name_of(kLocks, v);
}
std::string_view to_string(DecisionKind v) {
  return name_of(kDecisions, v);
}
std::string_view to_string(VerdictKind v) {
  return name_of(kVerdicts, v);
}

bool is_final(ChangeState state) {
  switch (state) {
    case ChangeState::kept:
    case ChangeState::reverted:
    case ChangeState::failed:
    case ChangeState::lost:
    case ChangeState::rejected:
    case ChangeState::expired:
      return true;
    default:
      return false;
  }
}

}  // namespace pgtend
