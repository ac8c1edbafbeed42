#include "rules/advisors/partition_upkeep.hpp"

#include "rules/advisors/outline.hpp"
#include "rules/advisors/partition_grid.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/advisors/scene.hpp"

using namespace pgtend;
using namespace pgtend::advisors;
using pgtend::test::Scene;

namespace {

UtcTime day(int year, unsigned month, unsigned day_of_month, int hour = 0) {
  const auto date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day_of_month);
  return UtcTime(std::chrono::sys_days(date)) + Millis(hour * 3'600'000);
}

// A table of months, the last one ends with 2023; it is 2023-11-14.
struct Months : Scene {
  std::vector<PartitionFact> parts;
  std::vector<UtcTime> stray;
  std::string key_type = "timestamp with time zone";
  AdvisorOptions options;

  Months() {
    add("events_2023_10", day(2023, 10, 1), day(2023, 11, 1));
    add("events_2023_11", day(2023, 11, 1), day(2023, 12, 1));
    add("events_2023_12", day(2023, 12, 1), day(2024, 1, 1));
    table(1, "events", 50'000, {});
    before.tables.back().relkind = now.tables.back().relkind = 'p';
    now.tables.back().n_tup_ins += 600;
  }
  void add(const std::string& name, UtcTime from, UtcTime to) {
    PartitionFact one;
    one.oid = static_cast<Oid>(100 + parts.size());
    one.schema = "public";
    one.name = name;
    one.from_at = from;
    one.to_at = to;
    one.to = bound_text(to, key_type);
    parts.push_back(one);
  }
  void add_default(bool holds_rows, double rows = 0) {
    PartitionFact rest;
    rest.oid = 99;
    rest.schema = "public";
    rest.name = "events_rest";
    rest.is_default = true;
    rest.holds_rows = holds_rows;
    parts.push_back(rest);
    table(99, "events_rest", rows, {});
  }
  Advice advise() {
    before.partitioned_tables =
        now.partitioned_tables = {{1, "public", "events", "shop_owner", "at", key_type, parts, stray}};
    return partition_upkeep(outline(before), now, options);
  }
};

std::vector<std::string> made(const Advice& advice) {
  std::vector<std::string> out;
  for (const auto& one : advice.recommendations) {
    const auto& d = std::get<PartitionChange>(one.change.detail);
    out.push_back(std::string(to_string(one.change.action)) + " " + d.partition +
                  (d.from.empty() ? "" : " " + d.from + " to " + d.to));
    for (const auto& range : d.ranges) out.back() += " " + range.partition + " " + range.from + " to " + range.to;
  }
  return out;
}

std::string reasons(const Advice& advice) {
  std::string out;
  for (const auto& one : advice.refused) out += one.what + ": " + one.why + "\n";
  return out;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("periods are months where days of the month are equal, else spans of time") {
  CHECK(between(day(2023, 1, 1), day(2023, 2, 1)) == Period{1, Millis(0)});
  CHECK(between(day(2023, 1, 1), day(2024, 1, 1)) == Period{12, Millis(0)});
  CHECK(between(day(2023, 1, 1), day(2023, 1, 8)) == Period{0, Millis(7LL * 24 * 3'600'000)});
  CHECK(between(day(2023, 1, 31), day(2023, 3, 31)).months == 0);
  CHECK(moved(day(2023, 11, 1), {1, Millis(0)}, 3) == day(2024, 2, 1));
  CHECK(moved(day(2024, 2, 1), {1, Millis(0)}, -3) == day(2023, 11, 1));
  CHECK(moved(day(2023, 12, 31), {0, Millis(24LL * 3'600'000)}, 1) == day(2024, 1, 1));
  const auto cell = cell_of(day(2024, 2, 29, 23), day(2024, 1, 1), {1, Millis(0)});
  REQUIRE(cell);
  CHECK(cell->from == day(2024, 2, 1));
  CHECK(cell->to == day(2024, 3, 1));
  CHECK(cell_of(day(2023, 12, 31), day(2024, 1, 1), {1, Millis(0)})->from == day(2023, 12, 1));
  CHECK_FALSE(cell_of(day(2200, 1, 1), day(2024, 1, 1), {1, Millis(0)}));
}

TEST_CASE("partitions are made ahead until there are as many as are wanted, named as their neighbours") {
  Months scene;
  const auto advice = scene.advise();
  CHECK(made(advice) == Lines{"create_partition events_2024_01 2024-01-01 00:00:00+00 to 2024-02-01 00:00:00+00",
                              "create_partition events_2024_02 2024-02-01 00:00:00+00 to 2024-03-01 00:00:00+00",
                              "create_partition events_2024_03 2024-03-01 00:00:00+00 to 2024-04-01 00:00:00+00"});
  REQUIRE(advice.findings.size() == 1);
  CHECK_THAT(advice.findings[0].summary, ContainsSubstring("1 of 4 partitions ahead (one is a month)"));
  CHECK_THAT(advice.findings[0].summary, ContainsSubstring("are refused"));
  CHECK(advice.recommendations[0].change.run_as_role == "shop_owner");
  CHECK(advice.recommendations[0].change.object == "public.events");
  CHECK(advice.recommendations[0].id != advice.recommendations[1].id);
  scene.options.partitions_ahead = 1;
  CHECK(scene.advise().recommendations.empty());
  CHECK(scene.advise().findings.empty());
}

TEST_CASE("each key type has its bounds, and names follow the habits of the table") {
  const auto [key_type, bound] =
      GENERATE(table<std::string, std::string>({{"date", "2024-01-01"},
                                                {"timestamp without time zone", "2024-01-01 00:00:00"},
                                                {"timestamp with time zone", "2024-01-01 00:00:00+00"}}));
  CHECK(bound_text(day(2024, 1, 1), key_type) == bound);
  Months scene;
  const auto name_of = [&](const std::string& first, const std::string& second) {
    scene.parts.clear();
    scene.add(first, day(2023, 11, 1), day(2023, 12, 1));
    scene.add(second, day(2023, 12, 1), day(2024, 1, 1));
    const auto made_now = made(scene.advise());
    return made_now.empty() ? "" : made_now[0].substr(17, made_now[0].find(' ', 17) - 17);
  };
  CHECK(name_of("events_p20231101", "events_p20231201") == "events_p20240101");
  CHECK(name_of("e202311x", "e202312x") == "e202401x");
  CHECK(name_of("november", "december") == "events_p20240101");
  // A number that looks like a year of one only.
  CHECK(name_of("events_a", "events_2023_12") == "events_p20240101");
}

TEST_CASE("nothing is made for a table that nobody writes to, or whose periods are not even") {
  Months idle;
  idle.now.tables.back().n_tup_ins -= 600;
  CHECK(idle.advise().recommendations.empty());
  CHECK_THAT(reasons(idle.advise()), ContainsSubstring("no row was written to it between the two readings"));
  Months uneven;
  uneven.add("events_2024", day(2024, 1, 1), day(2024, 3, 1));
  CHECK(uneven.advise().recommendations.empty());
  CHECK_THAT(reasons(uneven.advise()), ContainsSubstring("not of one length"));
  Months elsewhere;
  elsewhere.parts.back().schema = "old";
  CHECK_THAT(reasons(elsewhere.advise()), ContainsSubstring("in another schema, old"));
  Months reset;
  reset.now.epoch = 2;
  CHECK(reset.advise().recommendations.empty());
}

TEST_CASE("rows of a DEFAULT partition are drained into the periods that statistics show, with what is wanted ahead") {
  Months scene;
  scene.options.partitions_ahead = 2;
  scene.add_default(true, 30'000);
  scene.stray = {day(2023, 8, 31, 23), day(2023, 9, 1), day(2023, 9, 30), day(2024, 2, 3)};
  const auto advice = scene.advise();
  CHECK(
      made(advice) ==
      Lines{"drain_default  events_2023_08 2023-08-01 00:00:00+00 to 2023-09-01 00:00:00+00 events_2023_09 2023-09-01 "
            "00:00:00+00 to 2023-10-01 00:00:00+00 events_2024_01 2024-01-01 00:00:00+00 to 2024-02-01 00:00:00+00 "
            "events_2024_02 2024-02-01 00:00:00+00 to 2024-03-01 00:00:00+00"});
  REQUIRE(advice.findings.size() == 1);
  CHECK_THAT(advice.findings[0].summary, ContainsSubstring("public.events_rest of public.events holds rows"));
  // No value of the table's rows is told: bounds are the grid's.
  CHECK(advice.findings[0].summary.find("2023-09-30") == std::string::npos);
  CHECK(std::get<PartitionChange>(advice.recommendations[0].change.detail).most_rows == 45'000);
}

TEST_CASE("a drain is not proposed without statistics, for too many rows, or for keys that fit no free period") {
  Months unknown;
  unknown.add_default(true, 10);
  CHECK(unknown.advise().recommendations.empty());
  CHECK(unknown.advise().findings.size() == 1);
  CHECK_THAT(reasons(unknown.advise()), ContainsSubstring("ANALYZE \"public\".\"events_rest\""));
  Months many;
  many.add_default(true, 900'000);
  many.stray = {day(2023, 9, 1)};
  CHECK(many.advise().recommendations.empty());
  CHECK_THAT(reasons(many.advise()), ContainsSubstring("by hand"));
  Months odd;
  odd.options.partitions_ahead = 1;
  odd.add_default(true, 10);
  odd.stray = {day(1900, 1, 1), day(2023, 11, 3)};
  CHECK(odd.advise().recommendations.empty());
  CHECK_THAT(reasons(odd.advise()), ContainsSubstring("2 of the sampled keys fit no free period of a month"));
  Months empty;
  empty.add_default(false);
  CHECK(made(empty.advise()).size() == 3);
  CHECK_THAT(empty.advise().findings[0].summary, ContainsSubstring("go to the DEFAULT partition"));
}

TEST_CASE("only partitions past the time that policy gives them are detached, the oldest first, and none is dropped") {
  Months scene;
  scene.options.partitions_ahead = 0;
  scene.parts.clear();
  for (unsigned month = 1; month <= 11; ++month)
    scene.add("events_2023_" + std::to_string(month), day(2023, month, 1),
              moved(day(2023, month, 1), {1, Millis(0)}, 1));
  CHECK(scene.advise().recommendations.empty());
  scene.options.retention = {{"private.*", "*", Millis(1)}, {"public.ev*", "*", Millis(90LL * 24 * 3'600'000)}};
  const auto advice = scene.advise();
  CHECK(made(advice) ==
        Lines{"detach_partition events_2023_1", "detach_partition events_2023_2", "detach_partition events_2023_3"});
  REQUIRE(advice.findings.size() == 1);
  CHECK_THAT(advice.findings[0].summary, ContainsSubstring("7 partitions of public.events ended more than 90d ago"));
  scene.options.retention = {{"public.events", "*", Millis(1)}};
  scene.parts.resize(1);
  CHECK(scene.advise().recommendations.empty());
}

TEST_CASE("a partition that was undone a short time ago is not offered again") {
  Months scene;
  const auto first = scene.advise().recommendations.at(0).id;
  scene.options.cooling_down = {first};
  const auto advice = scene.advise();
  CHECK(advice.recommendations.size() == 2);
  CHECK_THAT(reasons(advice), ContainsSubstring("cools down"));
}
