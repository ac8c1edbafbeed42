#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/model/advice.hpp"
#include "agent/model/alert.hpp"
#include "agent/model/change.hpp"
#include "agent/model/notification.hpp"

namespace pgtend::store {

// An audit row before the ledger numbers, dates and hashes it.
struct AuditDraft {
  std::string actor;    // "agent", "person:NAME via socket", "token:NAME"
  std::string action;   // "change.apply.intent", "policy.decide", …
  std::string subject;  // change id, recommendation id, …
  std::string before, after;
  std::string result = "ok";
};

struct AuditCheck {
  bool ok = true;
  std::int64_t rows = 0;       // rows read
  std::int64_t first_bad = 0;  // sequence of the first bad or missing row; 0 when ok
  std::string why;             // one sentence; empty when ok
  std::string head_hash;       // of the newest row: compare it with a copy kept elsewhere
};

struct StoredFinding {
  Finding finding;
  std::string scope;
  UtcTime first_seen, last_seen;
  std::optional<UtcTime> closed_at;
};

// Names are stored in the ledger.
enum class RecommendationState { open, rejected, superseded, expired, applied, undone, failed };
[[nodiscard]] std::string_view to_string(RecommendationState state);
[[nodiscard]] std::optional<RecommendationState> parse_recommendation_state(std::string_view name);

struct StoredRecommendation {
  Recommendation recommendation;
  Decision decision;
  RecommendationState state = RecommendationState::open;
  std::string reason;  // why it is no longer open
  UtcTime first_made_at, updated_at, expires_at;
};

struct PutRecommendation {
  RecommendationState state = RecommendationState::open;  // as stored now
  bool opened = false;                                    // it was not open before
  bool decision_changed = false;                          // kind or limit differ from what was stored
};

struct ChangeFilter {
  std::optional<ChangeState> state;
  bool open_only = false;  // leaves out final states
};

// What was answered to a request that may be repeated.
struct KnownAnswer {
  std::string key;            // hash of who asked, what, and the key that was given
  std::string body_hash;      // of the request
  std::optional<int> status;  // nullopt: it was begun, and its end is not known
  std::string body, location;
  UtcTime until;  // when it is forgotten
};

struct FreezeState {
  bool frozen = false;
  std::string by, reason;
  std::optional<UtcTime> since;
};

struct AlertEvent {
  UtcTime at;
  Alert alert;
};

// What a step of the dispatcher changed; stored together with the messages it made.
struct DispatchChange {
  std::vector<AlertGroup> saved;
  std::vector<std::string> ended;  // keys of groups
  std::map<std::uint64_t, FlapMemory> flaps;
  std::int64_t sequence = 0;  // 0: flaps and sequence are unchanged
};

struct OutboxStats {
  std::int64_t queued = 0;  // waiting or in flight
  std::int64_t in_flight = 0;
  std::int64_t dead = 0;          // kept of the last kOutboxKeptRows finished ones
  std::int64_t superseded = 0;    // since the ledger was made
  std::int64_t dropped = 0;       // since the ledger was made, because the spool was full
  std::int64_t expired = 0;       // since the ledger was made: nobody took them in time
  std::int64_t refused = 0;       // since the ledger was made, by mark_dead()
  std::optional<UtcTime> oldest;  // created_at of the oldest queued message
};

// What is remembered of one materialized view across restarts; mirrors the matview advisor's memory field by field.
struct MatviewMemory {
  std::uint32_t oid = 0;
  UtcTime last_refresh;
  bool refresh_seen = false;
  std::int64_t base_writes_at_refresh = 0, reads_at_refresh = 0;  // rows; scans
  double duration_seconds = 0;
  std::uint64_t epoch = 0;
  std::uint32_t relfilenode = 0;
  std::int64_t own_writes = 0, base_writes_seen = 0;
};

// Source: ours; a person or a script repeats a request within minutes.
inline constexpr std::int64_t kMostAnswers = 1'000;
inline constexpr std::int64_t kMostAnswerBytes = 8LL << 20;  // of all
inline constexpr std::size_t kLongestAnswer = 256U << 10;

// Source: alerting reference, spool limits.
inline constexpr std::int64_t kOutboxMaxQueued = 10'000;
inline constexpr std::int64_t kOutboxMaxBytes = 64LL << 20;
// Finished messages kept for the API and for people asking what was sent.
inline constexpr std::int64_t kOutboxKeptRows = 1'000;
// A change that ended longer ago is not told any more. Source: PagerDuty shows the changes of the last day beside an
// incident.
inline constexpr Millis kChangeEventAge{24LL * 3600 * 1000};
// State changes of alerts kept; about a year at 50 a day.
inline constexpr std::int64_t kAlertHistoryRows = 20'000;
// pg_stat_statements.max defaults to 5,000; four times that covers churn.
inline constexpr std::int64_t kMaxTexts = 20'000;
// No message waits longer than its receiver may ask for (an hour) and some; a later time is a clock that was set back.
inline constexpr Millis kOutboxLongestWait{4'500'000};
// Ended silences stay visible for a month.
inline constexpr Millis kEndedSilencesKept{30LL * 24 * 3600 * 1000};
// A delivery attempt (connect, send, answer) ends well before its lease; an expired lease is claimed anew.
inline constexpr Millis kOutboxLease{120'000};
// Closed findings stay visible for a month.
inline constexpr Millis kClosedFindingsKept{30LL * 24 * 3600 * 1000};
inline constexpr Millis kClosedRecommendationsKept{90LL * 24 * 3600 * 1000};
// After its change failed a recommendation is not opened anew by the next run of the advisor; the pipeline waits as
// long.
inline constexpr Millis kFailedRecommendationHold{3'600'000};
inline constexpr Millis kRecommendationTtl{7LL * 24 * 3600 * 1000};

}  // namespace pgtend::store
