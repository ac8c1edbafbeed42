// Whatever goes wrong on the way, what a receiver was told ends as what is true, and nothing that fired went unsaid.
#include "tests/support/catch.hpp"
#include "tests/unit/engine/delivery_world.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr int kRounds = 180;  // of 5 s: a quarter of an hour of coming and going

// Moments at which an alert fired, as an integration was told; and how many it was only told the number of.
struct Heard {
  std::set<std::pair<std::string, std::string>> episodes;  // fingerprint, startsAt
  std::map<std::string, int> uncounted;
};

Heard heard(const DeliveryWorld& world, const std::string& integration) {
  Heard out;
  for (const auto& message : world.received()) {
    if (message.integration != integration) continue;
    for (const auto& alert : message.body["alerts"]) {
      const auto id = alert["fingerprint"].get<std::string>();
      out.episodes.emplace(id, alert["startsAt"].get<std::string>());
      for (const auto& earlier : alert.value("earlierEpisodes", nlohmann::json::array()))
        out.episodes.emplace(id, earlier["startsAt"].get<std::string>());
      out.uncounted[id] += alert.value("moreEpisodes", 0);
    }
  }
  return out;
}

void check_order_and_repeats(const DeliveryWorld& world) {
  std::map<std::pair<std::string, std::string>, std::int64_t> last;
  std::map<std::pair<std::string, std::int64_t>, int> times;
  for (const auto& message : world.received()) {
    auto& newest = last[{message.integration, message.group_key}];
    CHECK(message.sequence >= newest);
    newest = std::max(newest, message.sequence);
    ++times[{message.integration, message.sequence}];
  }
  int repeats = 0;
  for (const auto& [key, count] : times) repeats += count - 1;
  CHECK(repeats <= world.repeats_allowed());
}

void check_world(DeliveryWorld& world) {
  world.settle();
  CHECK(world.waiting() == 0);
  const auto truth = world.firing_now();
  for (const auto& integration : world.integrations()) {
    INFO("integration " << integration);
    CHECK(world.told_firing(integration) == truth);
    const auto told = heard(world, integration);
    std::map<std::string, int> missing;
    for (const auto& episode : world.fired())
      if (!told.episodes.contains({episode.fingerprint, to_rfc3339(episode.at)})) ++missing[episode.fingerprint];
    for (const auto& [id, count] : missing) {
      const auto known = told.uncounted.find(id);
      CHECK(count <= (known == told.uncounted.end() ? 0 : known->second));
    }
  }
  check_order_and_repeats(world);
}

}  // namespace

TEST_CASE("random firing and random faults: the receiver's last word is the truth and no episode is lost") {
  const auto first = first_seed();
  const auto runs = static_cast<std::uint64_t>(seeded_runs(3));
  for (std::uint64_t seed = first; seed < first + runs; ++seed) {
    INFO("PGTEND_SEED=" << seed);
    Dice dice(seed * 7919);
    Faults faults;
    faults.lost = dice.between(0, 20);
    faults.lost_ack = dice.between(0, 15);
    faults.busy = dice.between(0, 30);
    faults.kill = dice.between(0, 5);
    faults.disk_full = dice.between(0, 5);
    faults.clock_jump = dice.chance(50) ? dice.between(0, 2) : 0;
    DeliveryWorld world(seed, faults, dice.chance(50) ? 0 : dice.between(2, 8));
    for (int round = 0; round < kRounds; ++round) world.step(false);
    REQUIRE(world.fired().size() > 3);
    check_world(world);
  }
}

TEST_CASE("without faults every message arrives exactly once") {
  DeliveryWorld world(11, {}, 0);
  for (int round = 0; round < 120; ++round) world.step(false);
  REQUIRE(world.repeats_allowed() == 0);
  check_world(world);
}
