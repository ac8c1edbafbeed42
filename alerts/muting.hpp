#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/advice.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/routing.hpp"
#include "alerts/route_tree.hpp"

// Why an alert that fires is not sent. Each function answers in words; nullopt: it does not stand in the way.
namespace pgtend::alerts {

// A change of ours that runs or is watched, and the alerts that it may cause.
struct ExpectedByChange {
  std::string change_id;
  std::vector<std::string> alertnames;
};

// Alerts that a kind of change is expected to cause while it runs. Source: alerting reference section 2, maintenance;
// which lock, WAL and I/O each statement takes: planned systems reference section 6.
[[nodiscard]] std::vector<std::string> expected_alerts(ActionClass action);

// `equal: ['...']`: every label but those that the rule's matchers name, as in group_by.
inline constexpr std::string_view kEveryOtherLabel = "...";

// Rules that hold without being configured: PgDown silences what cannot be right without a server, and a critical
// alert its own warning: the one about the same pool, sequence or session, not each that has the name.
[[nodiscard]] std::vector<InhibitRule> built_in_inhibit_rules();

// What the alerts that fire now inhibit: asked of each of thousands of alerts, so the sources are found by their
// subject. REQUIRES: rules and alerts stay as they are while it is used.
class Inhibition {
 public:
  // `alerts`: all that are known; those that fire count.
  Inhibition(const std::vector<InhibitRule>& rules, const std::vector<Alert>& alerts);
  [[nodiscard]] std::optional<std::string> of(const Alert& alert) const;

 private:
  struct Sources {
    const InhibitRule* rule;
    std::map<Labels, std::vector<const Alert*>> by_subject;
  };
  std::vector<Sources> rules_;
};

[[nodiscard]] std::optional<std::string> silenced_by(const Alert& alert, const std::vector<Silence>& silences,
                                                     UtcTime now);
// Never a critical alert: that our own change causes it is no reason to keep quiet.
[[nodiscard]] std::optional<std::string> caused_by(const Alert& alert, const std::vector<ExpectedByChange>& changes);
[[nodiscard]] std::optional<std::string> outside_hours(const RouteNode& route,
                                                       const std::vector<NamedIntervals>& intervals, UtcTime now);

// Silences "until resolved" whose alerts have all ended by now; `alerts` are all that are known.
[[nodiscard]] std::vector<std::string> silences_to_end(const std::vector<Silence>& silences,
                                                       const std::vector<Alert>& alerts, UtcTime now);

}  // namespace pgtend::alerts
