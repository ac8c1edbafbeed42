#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/history.hpp"

// What sessions did and waited for, sampled often and folded into short buckets. No query text anywhere.
namespace pgtend::store {

// What one session did at the moment of a sample; sessions that are alike in all of it are counted together.
struct SessionTraits {
  std::string wait;   // "Lock:transactionid"; kOnCpu when it waits for nothing
  std::string state;  // active, idle in transaction, …
  std::string database, user, application, backend_type;
  std::string blocker;        // the session at the head of the chain it waits in; empty: it waits for no session's lock
  std::int64_t query_id = 0;  // 0: unknown, as on PostgreSQL 13
  auto operator<=>(const SessionTraits&) const = default;
};
inline constexpr const char* kOnCpu = "CPU";
// What is not told apart any more, because there was too much of it.
inline constexpr const char* kOther = "other";

struct SessionCount {
  SessionTraits traits;
  std::uint32_t seen = 0;  // sessions, summed over the samples of the bucket
  bool operator==(const SessionCount&) const = default;
};

// The samples of a short stretch of time. seen / samples is the average number of such sessions in it.
struct SessionBucket {
  UtcTime from, to;
  Millis interval{0};         // between two samples
  std::uint32_t samples = 0;  // never 0
  std::vector<SessionCount> groups;
  bool operator==(const SessionBucket&) const = default;
};

// Counts samples into one bucket of bounded size.
class SessionTally {
 public:
  // `groups`: most groups that take() gives; at most four times as many are held in memory.
  explicit SessionTally(std::size_t groups) : groups_(groups) {}

  // One sample: the sessions that were active at that moment, none included.
  void add(UtcTime at, const std::vector<SessionTraits>& sessions);
  // What was counted since the last call, the largest groups first; those beyond the limit are folded into groups that
  // keep wait and state and have kOther everywhere else, and where even these are too many into one of kOther alone.
  // nullopt: there was no sample.
  [[nodiscard]] std::optional<SessionBucket> take(Millis interval);
  void set_groups(std::size_t groups) { groups_ = groups; }

 private:
  std::size_t groups_;
  std::map<SessionTraits, std::uint32_t> counts_;
  UtcTime from_, to_;
  std::uint32_t samples_ = 0;
};

// What sessions can be told apart by.
enum class SessionTrait { wait, query, user, database, state, blocker, application, backend };
[[nodiscard]] std::string_view to_string(SessionTrait trait);
[[nodiscard]] std::optional<SessionTrait> parse_session_trait(std::string_view name);
// Names with commas between them, each trait once. Errors: invalid_argument, which lists the names there are.
[[nodiscard]] Result<std::vector<SessionTrait>> parse_session_traits(std::string_view names);
[[nodiscard]] std::vector<std::string> session_trait_names();

// The id behind a name that SessionTrait::query gave; nullopt when it has none.
[[nodiscard]] std::optional<std::int64_t> query_id_of(std::string_view name);

struct SessionQuestion {
  TimeRange range;
  std::vector<SessionTrait> by{SessionTrait::wait};
  Millis step{0};          // of the timeline; 0: none
  std::size_t limit = 20;  // rows; the rest is one row of kOther
};

// Steps of one timeline. Source: two for each column of a wide screen.
inline constexpr std::int64_t kMostSessionSteps = 500;
// Errors: invalid_argument, for a timeline of more of them.
[[nodiscard]] Result<void> check_session_steps(TimeRange range, Millis step);

struct SessionShare {
  std::vector<std::string> names;  // one for each trait of the question
  double average = 0;              // sessions, over the time that was sampled
  double share = 0;                // of all, 0..1
  std::vector<double> timeline;    // average per step; 0 also where nothing was sampled
  std::string text;                // of the statement, normalised, where it is the only trait and known
};

struct SessionReport {
  TimeRange range;
  std::vector<SessionTrait> by;
  Millis step{0};
  Millis sampled{0};  // how much of the range was sampled
  std::int64_t samples = 0;
  double average = 0;                 // sessions that were not idle
  double idle_in_transaction = 0;     // of these
  std::vector<SessionShare> rows;     // largest first, kOther last
  std::vector<Millis> sampled_steps;  // how much of each step was sampled
  std::vector<std::string> warnings;
};

// Answers a question from buckets that are added one by one, so that a long range takes no more memory than its answer.
class SessionSummary {
 public:
  explicit SessionSummary(SessionQuestion question);
  // Buckets outside the range are ignored.
  void add(const SessionBucket& bucket);
  [[nodiscard]] SessionReport finish() const;

 private:
  struct Sum {
    double session_ms = 0;
    std::vector<double> steps;
  };
  [[nodiscard]] SessionShare share_of(std::vector<std::string> names, const Sum& sum) const;
  SessionQuestion question_;
  std::map<std::vector<std::string>, Sum> sums_;
  std::vector<Millis> sampled_steps_;
  Millis sampled_{0};
  std::int64_t samples_ = 0;
  double all_ms_ = 0, idle_ms_ = 0;
};

// Answers from a history.db that no agent uses; takes its lock first. Errors: not_found, conflict (an agent has it),
// io, corrupt (no history, or one without active sessions). Not retryable.
[[nodiscard]] Result<SessionReport> sessions_offline(const std::string& path, SessionQuestion question);

}  // namespace pgtend::store
