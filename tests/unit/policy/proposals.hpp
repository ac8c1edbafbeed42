#pragma once

#include <optional>
#include <string>

#include "agent/policy/policy.hpp"

// Proposals and moments for the policy's tests.
namespace pgtend::test {

// A coherent plan of this class on database shop, object public.orders, that can be taken back.
inline ProposedChange proposal(ActionClass action) {
  ProposedChange change;
  change.action = action;
  change.database = "shop";
  change.object = "public.orders";
  change.sql_up = {"up"};
  change.sql_down = {"down"};
  change.cost = {1 << 20, 10, 0};
  switch (action) {
    case ActionClass::create_index:
    case ActionClass::drop_index:
    case ActionClass::reindex:
      change.kind = ChangeKind::index;
      change.detail = IndexChange{};
      break;
    case ActionClass::refresh_matview:
      change.kind = ChangeKind::refresh;
      change.detail = RefreshChange{};
      break;
    case ActionClass::analyze:
    case ActionClass::vacuum:
      change.kind = ChangeKind::maintenance;
      change.detail = MaintenanceChange{};
      break;
    case ActionClass::create_statistics:
    case ActionClass::drop_statistics:
      change.kind = ChangeKind::statistics;
      change.detail = StatisticsChange{};
      break;
    case ActionClass::cancel_session:
    case ActionClass::terminate_session:
      change.kind = ChangeKind::session;
      change.detail = SessionChange{};
      break;
    case ActionClass::row_security:
      change.kind = ChangeKind::row_security;
      change.detail = RowSecurityChange{};
      break;
    case ActionClass::create_partition:
    case ActionClass::detach_partition:
    case ActionClass::drop_partition:
    case ActionClass::drain_default:
      change.kind = ChangeKind::partition;
      change.detail = PartitionChange{};
      break;
    case ActionClass::pgbouncer_setting:
      change.kind = ChangeKind::pgbouncer;
      change.detail = PgbouncerChange{};
      break;
    default:
      change.kind = ChangeKind::setting;
      change.detail = SettingChange{"work_mem", "8192", "kB", "", "", "", std::nullopt};
  }
  return change;
}

inline UtcTime at(const std::string& text) {
  return parse_rfc3339(text).value();
}

// A policy where one class has one mode.
inline PolicyConfig policy_of(ActionClass action, PolicyMode mode) {
  PolicyConfig config;
  config.defaults[action] = mode;
  return config;
}

inline PolicyPast::Entry past_change(const ProposedChange& change, UtcTime when, const std::string& rule = "",
                                     bool undone = false) {
  return {change.action, change.database, change.object, rule, when, undone, change.cost};
}

// Every class has shown that its predictions come true.
inline PolicyPast trusted() {
  PolicyPast past;
  for (const auto action : all_action_classes()) past.records[action] = {20, 20, 0, std::nullopt};
  return past;
}

inline std::string text_of(const std::optional<UtcTime>& moment) {
  return moment ? to_rfc3339(*moment) : "none";
}

}  // namespace pgtend::test
