#include "tests/e2e/daemon/traffic.hpp"

#include <chrono>
#include <cmath>
#include <memory>
#include <numbers>

namespace pgtend::test {

namespace {

using Steady = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// Each habit swells in a period of its own, so that their mix drifts too.
constexpr double kSwell = 0.5, kFirstPeriod = 11, kPeriodStep = 3.7;
constexpr auto kPause = std::chrono::milliseconds(50);
// What a client that was late catches up with, at most.
constexpr auto kBacklog = std::chrono::milliseconds(500);

double rate_of(const Habit& habit, std::size_t number, double seconds) {
  const double period = kFirstPeriod + kPeriodStep * static_cast<double>(number);
  return habit.per_second * (1 + kSwell * std::sin(seconds / period * 2 * std::numbers::pi));
}

void work(const std::stop_token& stop, const PgCluster* cluster, const std::string& database, const std::string& user,
          const std::vector<Habit>& habits, std::uint64_t seed, bool reconnects) {
  std::mt19937_64 random(seed);
  const auto began = Steady::now();
  std::vector<Steady::time_point> due(habits.size(), began);
  std::unique_ptr<PgSession> session;
  auto connected = began;
  while (!stop.stop_requested()) {
    const auto now = Steady::now();
    if (!session || (reconnects && now - connected > std::chrono::seconds(1))) {
      session = std::make_unique<PgSession>(cluster->conninfo(database, user));
      connected = now;
    }
    for (std::size_t i = 0; i < habits.size(); ++i) {
      if (due[i] > now) continue;
      session->exec(habits[i].sql(random));
      const double chance = std::uniform_real_distribution<double>(0.5, 1.5)(random);
      const Seconds wait(chance / rate_of(habits[i], i, Seconds(now - began).count()));
      due[i] = std::max(due[i], now - kBacklog) + std::chrono::duration_cast<Steady::duration>(wait);
    }
    auto next = now + kPause;
    for (const auto& each : due) next = std::min(next, each);
    std::this_thread::sleep_until(next);
  }
}

}  // namespace

Traffic::Traffic(const PgCluster& cluster, std::string database, std::string user, std::vector<Habit> habits,
                 std::uint64_t seed, bool reconnects)
    : thread_([cluster = &cluster, database = std::move(database), user = std::move(user), habits = std::move(habits),
               seed, reconnects](const std::stop_token& stop) {
        work(stop, cluster, database, user, habits, seed, reconnects);
      }) {}

}  // namespace pgtend::test
