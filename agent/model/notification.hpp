#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/model/alert.hpp"

// What is told to whom, and what the dispatcher remembers of it.
namespace pgtend {

// One time that an alert fired.
struct Episode {
  UtcTime fired_at;
  std::optional<UtcTime> resolved_at;
  bool operator==(const Episode&) const = default;
};

// An alert in a message, with the episodes before its present one that this receiver has not been told of.
struct NotifiedAlert {
  Alert alert;
  std::vector<Episode> earlier;
  int more_episodes = 0;  // earlier ones that did not fit
  bool flapping = false;
};

// Names are stored in the outbox.
enum class NotificationReason { firing, resolved, repeat, escalation, flapping, test };
[[nodiscard]] std::string_view to_string(NotificationReason reason);

// One message before it is put into a receiver's words.
struct Notification {
  std::string receiver;     // name of the receiver in the routing tree
  std::string integration;  // which of the receiver's ways: "oncall/slack/0"
  std::string group_key;    // {}/{severity="critical"}:{alertname="X"}
  Labels group_labels;
  NotificationReason reason = NotificationReason::firing;
  std::int64_t sequence = 0;  // rises with every message of this agent
  int told = 0;               // messages of this trouble to this integration, this one included
  std::vector<NotifiedAlert> alerts;
  int truncated = 0;  // alerts that did not fit
};

// An alert within a group: its newest form, and the episodes that ended since the last flush.
struct GroupAlert {
  Alert alert;
  std::vector<Episode> ended;
  int more_ended = 0;
  bool digest_due = false;            // it began to flap: say so at the next flush
  bool digested = false;              // that was said, or will be
  std::optional<Alert> held_resolve;  // it flaps: its resolve waits
  std::optional<UtcTime> release_at;  // when the held resolve counts
};

// What one integration was told of a group.
struct ToldMemory {
  std::set<std::uint64_t> firing;  // fingerprints told as firing
  std::optional<UtcTime> last_at;
  int count = 0;  // messages since something began to fire
  std::int64_t sequence = 0;
  // What the newest message said while it is not acknowledged: a later message takes its place and must say it too.
  std::map<std::uint64_t, NotifiedAlert> unsent;
};

struct AlertGroup {
  std::string key;    // with the route's key before the labels
  std::string route;  // key of the route
  Labels labels;
  UtcTime next_flush;
  bool flushed = false;
  std::map<std::uint64_t, GroupAlert> alerts;
  std::map<std::string, ToldMemory> told;  // by integration
  std::optional<UtcTime> firing_since;     // first message of the present trouble, for escalation
  int escalated = 0;                       // steps taken
};

// When an alert fired or resolved within the last hour.
struct FlapMemory {
  std::vector<UtcTime> transitions;
  bool firing = false;
  UtcTime fired_at;  // of the episode counted last
};

// All that must survive a restart, so that nobody is told twice or never.
struct DispatchState {
  std::map<std::string, AlertGroup> groups;
  std::map<std::uint64_t, FlapMemory> flaps;
  std::int64_t sequence = 0;
};

}  // namespace pgtend
