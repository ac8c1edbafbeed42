#include "agent/policy/window.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/policy/proposals.hpp"

using namespace pgtend;
using namespace pgtend::test;
using namespace pgtend::policy;

namespace {

constexpr Millis kMinute{60'000}, kDay{24LL * 3'600'000};

PolicyWindow window(const std::string& zone, int start, int end, std::vector<int> days = {}) {
  return {"w", zone, std::move(days), start, end};
}

std::string span_text(const std::optional<WindowSpan>& span) {
  return span ? to_rfc3339(span->from) + " " + to_rfc3339(span->to) : "none";
}

}  // namespace

TEST_CASE("a window opens and closes at local times, end excluded") {
  const auto night = window("Europe/Berlin", 120, 270);  // 02:00 to 04:30
  CHECK_FALSE(is_open(night, at("2026-01-10T00:59:59.999Z")));
  CHECK(is_open(night, at("2026-01-10T01:00:00Z")));
  CHECK(is_open(night, at("2026-01-10T03:29:59.999Z")));
  CHECK_FALSE(is_open(night, at("2026-01-10T03:30:00Z")));
  CHECK(text_of(window_start(night, at("2026-01-10T02:00:00Z"))) == "2026-01-10T01:00:00Z");
  CHECK(text_of(next_opening(night, at("2026-01-10T01:00:00Z"))) == "2026-01-11T01:00:00Z");
  CHECK(text_of(next_opening(night, at("2026-01-10T00:59:00Z"))) == "2026-01-10T01:00:00Z");
}

TEST_CASE("a window that runs past midnight belongs to the day on which it starts") {
  // Friday (5) 22:00 to 03:00 in New York; 2026-01-09 is a Friday.
  const auto friday = window("America/New_York", 22 * 60, 3 * 60, {5});
  CHECK_FALSE(is_open(friday, at("2026-01-10T02:59:59Z")));
  CHECK(is_open(friday, at("2026-01-10T03:00:00Z")));
  CHECK(is_open(friday, at("2026-01-10T07:59:59Z")));  // Saturday 02:59 local
  CHECK_FALSE(is_open(friday, at("2026-01-10T08:00:00Z")));
  CHECK_FALSE(is_open(friday, at("2026-01-11T04:00:00Z")));  // Saturday 23:00
  CHECK(text_of(next_opening(friday, at("2026-01-10T03:00:00Z"))) == "2026-01-17T03:00:00Z");
}

TEST_CASE("days are numbered from Sunday") {
  // 2026-01-04 is a Sunday.
  for (int day = 0; day < 7; ++day) {
    const auto noon = window("UTC", 720, 780, {day});
    CHECK(is_open(noon, at("2026-01-04T12:30:00Z") + day * kDay));
    CHECK_FALSE(is_open(noon, at("2026-01-04T12:30:00Z") + (day + 1) * kDay));
  }
}

TEST_CASE("0:00 to 24:00, and 0:00 to 0:00, are the whole day") {
  for (const int end : {1440, 0}) {
    const auto all_day = window("Asia/Kolkata", 0, end, {1});
    CHECK(span_text(current_occurrence(all_day, at("2026-01-05T12:00:00Z"))) ==
          "2026-01-04T18:30:00Z 2026-01-05T18:30:00Z");
    CHECK_FALSE(is_open(all_day, at("2026-01-05T18:30:00Z")));
  }
}

// Spring: Berlin jumps from 02:00 to 03:00 at 01:00 UTC on 2026-03-29; New York from 02:00 to 03:00 at 07:00 UTC on
// 2026-03-08. Autumn: Berlin falls from 03:00 to 02:00 at 01:00 UTC on 2026-10-25; New York from 02:00 to 01:00 at
// 06:00 UTC on 2026-11-01.
TEST_CASE("windows keep to the local clock on the days on which it jumps") {
  struct Row {
    std::string zone;
    int start, end;      // minutes
    std::string before;  // a moment before the opening
    std::string expected;
  };
  const std::vector<Row> table{
      // the start is skipped: it opens at the jump
      {"Europe/Berlin", 150, 270, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z 2026-03-29T02:30:00Z"},
      {"America/New_York", 150, 240, "2026-03-07T12:00:00Z", "2026-03-08T07:00:00Z 2026-03-08T08:00:00Z"},
      // the end is skipped: it closes at the jump
      {"Europe/Berlin", 60, 150, "2026-03-28T12:00:00Z", "2026-03-29T00:00:00Z 2026-03-29T01:00:00Z"},
      // the jump is inside: an hour shorter
      {"Europe/Berlin", 60, 240, "2026-03-28T12:00:00Z", "2026-03-29T00:00:00Z 2026-03-29T02:00:00Z"},
      // skipped whole: the next day's
      {"Europe/Berlin", 120, 180, "2026-03-28T12:00:00Z", "2026-03-30T00:00:00Z 2026-03-30T01:00:00Z"},
      {"America/New_York", 125, 175, "2026-03-07T12:00:00Z", "2026-03-09T06:05:00Z 2026-03-09T06:55:00Z"},
      // the start comes twice: the first
      {"Europe/Berlin", 150, 270, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z 2026-10-25T03:30:00Z"},
      {"America/New_York", 90, 180, "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z 2026-11-01T08:00:00Z"},
      // the end comes twice: the first
      {"Europe/Berlin", 60, 150, "2026-10-24T12:00:00Z", "2026-10-24T23:00:00Z 2026-10-25T00:30:00Z"},
      // both come twice
      {"Europe/Berlin", 130, 140, "2026-10-24T12:00:00Z", "2026-10-25T00:10:00Z 2026-10-25T00:20:00Z"},
      // past midnight across the jump
      {"Europe/Berlin", 23 * 60, 4 * 60, "2026-03-28T12:00:00Z", "2026-03-28T22:00:00Z 2026-03-29T02:00:00Z"},
      {"Europe/Berlin", 23 * 60, 4 * 60, "2026-10-24T12:00:00Z", "2026-10-24T21:00:00Z 2026-10-25T03:00:00Z"},
      // a whole day of 23 and of 25 hours
      {"Europe/Berlin", 0, 1440, "2026-03-28T12:00:00Z", "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z"},
      {"Europe/Berlin", 0, 1440, "2026-10-24T12:00:00Z", "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z"},
  };
  for (const auto& row : table) {
    const auto w = window(row.zone, row.start, row.end);
    INFO(row.zone << " " << row.start << " to " << row.end << " after " << row.before);
    CHECK(span_text(next_occurrence(w, at(row.before))) == row.expected);
  }
}

TEST_CASE("minute by minute over a year, a window is open from each opening to its end and at no other time") {
  for (const auto& [zone, start, end] :
       std::vector<std::tuple<std::string, int, int>>{{"Europe/Berlin", 150, 270},
                                                      {"America/New_York", 23 * 60, 100},
                                                      {"Australia/Lord_Howe", 90, 130},
                                                      {"America/Santiago", 0, 30}}) {
    const auto w = window(zone, start, end, {0, 3, 6});
    UtcTime now = at("2026-01-01T00:00:00Z");
    const UtcTime last = at("2027-01-01T00:00:00Z");
    auto next = next_occurrence(w, now);
    std::optional<WindowSpan> current;
    int openings = 0;
    while (now < last) {
      if (next && now >= next->from) {
        current = next;
        next = next_occurrence(w, now);
        ++openings;
      }
      const bool expected = current && now < current->to;
      if (is_open(w, now) != expected) {
        FAIL_CHECK(zone << " at " << to_rfc3339(now));
        break;
      }
      now += 10 * kMinute;
    }
    CHECK(openings >= 155);
    CHECK(openings <= 158);
  }
}

TEST_CASE("an unknown zone is never open") {
  const auto w = window("Mars/Olympus", 0, 1440);
  CHECK_FALSE(is_known_time_zone("Mars/Olympus"));
  CHECK(is_known_time_zone("Europe/Berlin"));
  CHECK_FALSE(is_open(w, at("2026-01-10T02:00:00Z")));
  CHECK_FALSE(next_opening(w, at("2026-01-10T02:00:00Z")));
}
