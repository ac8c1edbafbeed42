#include "agent/engine/schedule.hpp"

#include <algorithm>
#include <set>

#include "agent/engine/beat.hpp"
#include "agent/engine/cost_account.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fake_clock.hpp"

using namespace pgtend;
using namespace pgtend::engine;

namespace {

auto count_due(const Schedule& schedule, Deadline now) {
  return std::ranges::count_if(schedule.jobs(), [&](const auto& job) { return !job.running && job.due <= now; });
}

}  // namespace

TEST_CASE("jobs of one interval are spread over it and each runs once at a time") {
  test::FakeClock clock;
  Schedule schedule;
  for (int i = 0; i < 40; ++i)
    schedule.add("collector" + std::to_string(i), "", Millis(10'000), CostClass::a, clock.steady_now());
  std::set<Deadline> moments;
  for (const auto& job : schedule.jobs()) {
    moments.insert(job.due);
    REQUIRE(job.due - clock.steady_now() < Millis(10'000));
  }
  REQUIRE(moments.size() > 30);
  clock.advance(Millis(10'000));
  REQUIRE(count_due(schedule, clock.steady_now()) == 40);
  const auto first = *schedule.next(clock.steady_now(), "");
  schedule.started(first);
  REQUIRE(count_due(schedule, clock.steady_now()) == 39);
  REQUIRE(schedule.next(clock.steady_now(), "") != first);
}

TEST_CASE("a database is swept in one go, each at a moment of its own") {
  test::FakeClock clock;
  Schedule schedule;
  std::set<Deadline> moments;
  for (int database = 0; database < 20; ++database) {
    for (const auto* collector : {"tables", "indexes", "sizes"})
      schedule.add(collector, "shop" + std::to_string(database), Millis(60'000), CostClass::b, clock.steady_now());
    const auto& jobs = schedule.jobs();
    REQUIRE(jobs[jobs.size() - 1].due == jobs[jobs.size() - 2].due);
    REQUIRE(jobs[jobs.size() - 1].due == jobs[jobs.size() - 3].due);
    moments.insert(jobs.back().due);
  }
  REQUIRE(moments.size() > 15);
}

TEST_CASE("the next job is the longest overdue, but first those of the database where the rover is") {
  test::FakeClock clock;
  Schedule schedule;
  REQUIRE_FALSE(schedule.next(clock.steady_now(), "shop"));
  std::set<Schedule::Key> all;
  for (const auto* database : {"shop", "bank", "mill"})
    for (const auto* collector : {"tables", "indexes"}) {
      schedule.add(collector, database, Millis(60'000), CostClass::b, clock.steady_now());
      all.emplace(collector, database);
    }
  clock.advance(kFirstRunWithin);
  const auto database_of = [&](std::size_t job) { return schedule.jobs()[job].database; };
  const auto first = *schedule.next(clock.steady_now(), "");
  for (const auto& job : schedule.jobs()) REQUIRE(schedule.jobs()[first].due <= job.due);
  std::vector<std::string> order;
  for (std::string here = database_of(first); const auto next = schedule.next(clock.steady_now(), here);) {
    here = database_of(*next);
    order.push_back(here);
    schedule.started(*next);
  }
  REQUIRE(order.size() == 6);
  for (std::size_t i = 0; i < order.size(); i += 2) REQUIRE(order[i] == order[i + 1]);
  for (const auto& [collector, database] : all) schedule.finished(collector, database, clock.steady_now());
  all.erase({"tables", "bank"});
  schedule.keep_only(all);
  REQUIRE(schedule.jobs().size() == 5);
  schedule.hasten("tables", "mill", clock.steady_now());
  REQUIRE(schedule.jobs()[*schedule.next(clock.steady_now(), "")].database == "mill");
}

TEST_CASE("jobs are due together at beats from their first run on, not all at the same one") {
  test::FakeClock clock;
  Schedule schedule;
  for (int i = 0; i < 20; ++i) {
    schedule.add("often" + std::to_string(i), "", Millis(10'000), CostClass::a, clock.steady_now());
    schedule.add("seldom" + std::to_string(i), "", Millis(300'000), CostClass::a, clock.steady_now());
  }
  schedule.add("odd", "", Millis(7'000), CostClass::a, clock.steady_now());
  std::map<std::string, std::vector<Deadline>> runs;
  for (int i = 0; i < 6'200; ++i, clock.advance(Millis(100)))
    while (const auto next = schedule.next(clock.steady_now(), "")) {
      const auto job = schedule.jobs()[*next];
      runs[job.collector].push_back(clock.steady_now());
      schedule.started(*next);
      schedule.finished(job.collector, "", clock.steady_now());
    }
  std::set<Deadline> moments, seldom;
  for (const auto& [collector, at] : runs)
    for (std::size_t i = 1; i < at.size() && collector != "odd"; ++i) {
      moments.insert(at[i]);
      if (collector.starts_with("seldom")) seldom.insert(at[1]);
      CHECK(at[i].time_since_epoch() % kBeat == Deadline::duration(0));
      const auto since = at[i] - at[i - 1];
      CHECK(since <= (collector.starts_with("seldom") ? Millis(300'000) : Millis(10'000)));
      if (i > 1) CHECK(since == (collector.starts_with("seldom") ? Millis(300'000) : Millis(10'000)));
    }
  CHECK(moments.size() <= 62);
  CHECK(seldom.size() >= 8);
  CHECK(runs["odd"].size() >= 88);
  // And with another interval, as of a run that cost much, it keeps to beats.
  const auto first = *schedule.next(clock.steady_now() + Millis(10'000), "");
  const auto name = schedule.jobs()[first].collector;
  schedule.set_interval(name, "", Millis(120'000));
  schedule.finished(name, "", schedule.jobs()[first].due);
  CHECK(schedule.jobs()[first].due.time_since_epoch() % kBeat == Deadline::duration(0));
}

TEST_CASE("a collector that costs more than its share runs less often, at most by half") {
  // A hundredth of 1 % of a core: 6 ms a minute.
  CHECK(paced(Millis(60'000), 0.005, 0.01) == Millis(60'000));
  CHECK(paced(Millis(60'000), 0.0085, 0.01) == Millis(90'000));
  CHECK(paced(Millis(60'000), 0.0081, 0.01) == Millis(90'000));
  CHECK(paced(Millis(60'000), 0.013, 0.01) == Millis(120'000));
  CHECK(paced(Millis(60'000), 1e9, 0.01) == Millis(120'000));
  CHECK(paced(Millis(60'000), 0.013, 0.1) == Millis(60'000));
  CHECK(paced(Millis(300'000), 0.045, 0.01) == Millis(450'000));
  // An interval of its own beat keeps to none.
  CHECK(paced(Millis(7'000), 0.001, 0.01) == Millis(10'000));
}

TEST_CASE("what is due soon may go with what is due now, and keeps its phase") {
  test::FakeClock clock;
  Schedule schedule;
  for (int i = 0; i < 20; ++i)
    schedule.add("collector" + std::to_string(i), "", Millis(10'001), CostClass::a, clock.steady_now());
  schedule.add("beat", "", Millis(1'000), CostClass::a, clock.steady_now());
  std::map<std::string, Deadline> first, ran;
  for (const auto& job : schedule.jobs()) first[job.collector] = job.due;
  int wakings = 0, runs = 0;
  for (; clock.steady_now() < test::FakeClock().steady_now() + Millis(100'000); clock.advance(Millis(10))) {
    bool awake = false;
    while (const auto next = schedule.next(clock.steady_now(), "", awake ? Millis(2'500) : Millis(0))) {
      const auto job = schedule.jobs()[*next];
      // Never by more than a quarter of its interval, and never twice for one turn.
      REQUIRE(job.due - clock.steady_now() <= job.interval / 4);
      if (ran.contains(job.collector)) REQUIRE(clock.steady_now() - ran[job.collector] >= job.interval * 3 / 4);
      ran[job.collector] = clock.steady_now();
      wakings += awake ? 0 : 1;
      awake = true;
      schedule.started(*next);
      schedule.finished(job.collector, "", clock.steady_now());
      if (job.collector != "beat") ++runs;
    }
  }
  REQUIRE(runs >= 20 * 9);
  // The second's beat wakes anyway; all others go with it.
  REQUIRE(wakings <= 160);
  for (const auto& job : schedule.jobs()) REQUIRE((job.due - first[job.collector]) % job.interval == Millis(0));
}

TEST_CASE("jobs of a long sweep begin all along it") {
  test::FakeClock clock;
  Schedule schedule;
  constexpr Millis kSweep{600'000};
  for (int i = 0; i < 200; ++i)
    schedule.add("tables", "shop" + std::to_string(i), kSweep, CostClass::b, clock.steady_now(), kSweep);
  clock.advance(kFirstRunWithin);
  REQUIRE(count_due(schedule, clock.steady_now()) < 20);
  clock.advance(kSweep);
  REQUIRE(count_due(schedule, clock.steady_now()) == 200);
}

TEST_CASE("a run that took too long skips what it missed and keeps its phase") {
  test::FakeClock clock;
  Schedule schedule;
  schedule.add("sizes", "shop", Millis(10'000), CostClass::c, clock.steady_now());
  clock.advance(Millis(10'000));
  schedule.finished("sizes", "shop", clock.steady_now());
  const auto first = schedule.jobs()[0].due;
  clock.advance(Millis(10'000));
  schedule.started(0);
  clock.advance(Millis(35'000));
  schedule.finished("sizes", "shop", clock.steady_now());
  const auto next = schedule.jobs()[0].due;
  REQUIRE(next > clock.steady_now());
  REQUIRE(next - clock.steady_now() <= Millis(10'000));
  REQUIRE((next - first) % Millis(10'000) == Deadline::duration(0));
}

TEST_CASE("slowing down spares the cheap collectors that alerts live on") {
  test::FakeClock clock;
  Schedule schedule;
  schedule.add("identity", "", Millis(10'000), CostClass::a, clock.steady_now());
  schedule.add("tables", "shop", Millis(60'000), CostClass::b, clock.steady_now());
  schedule.set_slow_down(4);
  const auto runs_again_after = [&](std::size_t job) {
    const auto due = schedule.jobs()[job].due;
    schedule.started(job);
    schedule.finished(schedule.jobs()[job].collector, schedule.jobs()[job].database, due);
    return schedule.jobs()[job].due - due;
  };
  (void)runs_again_after(0);
  (void)runs_again_after(1);
  REQUIRE(runs_again_after(0) == Millis(10'000));
  REQUIRE(runs_again_after(1) == Millis(240'000));
  REQUIRE(runs_again_after(1) == slowed(Millis(60'000), CostClass::b, 4));
}

TEST_CASE("the agent slows down over its budget, says so, and speeds up again") {
  test::FakeClock clock;
  CostAccount cost({0.01, 64 << 20});
  CostAccount::Reading reading;
  reading.rss_bytes = 20 << 20;
  cost.add(reading, clock.steady_now());
  for (int i = 0; i < 20; ++i) {
    clock.advance(Millis(10'000));
    reading.agent_cpu_seconds += 0.05;
    reading.backend_cpu_seconds[100] += 0.15;  // 2 % of a core in all
    cost.add(reading, clock.steady_now());
  }
  REQUIRE(cost.over_budget());
  REQUIRE(cost.slow_down() == 2);
  REQUIRE(cost.backend_cpu_ratio() == Approx(0.015).epsilon(0.01));
  REQUIRE(cost.describe().find("2 times less often") != std::string::npos);
  for (int i = 0; i < 70; ++i) {
    clock.advance(Millis(10'000));
    reading.agent_cpu_seconds += 0.01;
    cost.add(reading, clock.steady_now());
  }
  REQUIRE(cost.slow_down() == 1);
}

TEST_CASE("a backend pid that the system gave away again is not counted backwards") {
  test::FakeClock clock;
  CostAccount cost({0.5, 64 << 20});
  CostAccount::Reading reading;
  reading.backend_cpu_seconds[7] = 5;
  cost.add(reading, clock.steady_now());
  clock.advance(Millis(10'000));
  reading.backend_cpu_seconds[7] = 1;
  cost.add(reading, clock.steady_now());
  REQUIRE(cost.backend_cpu_seconds() == Approx(6));
}

TEST_CASE("what is due in a database is what would run next there, and what runs is not due") {
  test::FakeClock clock;
  Schedule schedule;
  for (const auto* name : {"locks", "waits", "later"})
    schedule.add(name, "", Millis(10'000), CostClass::a, clock.steady_now());
  schedule.add("tables", "shop", Millis(10'000), CostClass::a, clock.steady_now());
  clock.advance(Millis(10'000));
  schedule.finished("later", "", clock.steady_now() + Millis(1));
  REQUIRE(schedule.due(clock.steady_now(), "", Millis(0)) == std::vector<std::string>{"locks", "waits"});
  REQUIRE(schedule.due(clock.steady_now(), "shop", Millis(0)) == std::vector<std::string>{"tables"});
  schedule.started(0);
  REQUIRE(schedule.due(clock.steady_now(), "", Millis(0)) == std::vector<std::string>{"waits"});
  // Early by a quarter of its interval at most.
  clock.advance(Millis(7'000));
  REQUIRE(schedule.due(clock.steady_now(), "", Millis(1'000)) == std::vector<std::string>{"waits"});
  clock.advance(Millis(1'000));
  REQUIRE(schedule.due(clock.steady_now(), "", Millis(2'500)) == std::vector<std::string>{"waits", "later"});
}

TEST_CASE("a run that did not reach the server comes sooner, never later") {
  test::FakeClock clock;
  Schedule schedule;
  schedule.add("sizes", "shop", Millis(3'600'000), CostClass::c, clock.steady_now());
  schedule.add("locks", "", Millis(10'000), CostClass::a, clock.steady_now());
  clock.advance(Millis(10'000));
  for (const auto* each : {"sizes", "locks"}) {
    const std::string database = each == std::string("sizes") ? "shop" : "";
    schedule.finished(each, database, clock.steady_now());
    schedule.hasten(each, database, clock.steady_now() + Millis(30'000));
  }
  REQUIRE(schedule.jobs()[0].due == clock.steady_now() + Millis(30'000));
  REQUIRE(schedule.jobs()[1].due <= clock.steady_now() + Millis(10'000));
}
