#include "agent/engine/wiring.hpp"

#include "agent/change/verify/hard_trip.hpp"
#include "agent/config/config.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;

namespace {

config::Config read(const std::string& yaml) {
  auto loaded = config::load_text(yaml, "test.yaml");
  CAPTURE(config::format_errors(loaded.errors));
  REQUIRE(loaded.errors.empty());
  return loaded.config;
}

change::Vitals vitals(double lag_seconds, double disk_free, double lock_waiters) {
  change::Vitals out;
  out.replica_lag_seconds = lag_seconds;
  out.disk_free = disk_free;
  out.lock_waiters = lock_waiters;
  return out;
}

}  // namespace

TEST_CASE("the limits at which a change is taken back at once are those of the configuration") {
  const auto verify = engine::pipeline_options(read("verify:\n  trip_replica_lag: 7s\n  trip_disk_free: 0.2\n"
                                                    "  trip_lock_waiters: 3\n  trip_rollbacks: 0.5\n"))
                          .verify;
  CHECK(verify.trip_replica_lag == Millis(7'000));
  CHECK(verify.trip_disk_free == 0.2);
  CHECK(verify.trip_lock_waiters == 3);
  CHECK(verify.trip_rollbacks == 0.5);
  const auto trips = [&](double lag_seconds, double disk_free, double lock_waiters) {
    return !change::hard_trip(vitals(1, 0.3, 1), vitals(lag_seconds, disk_free, lock_waiters), verify).empty();
  };
  CHECK(trips(8, 0.3, 1));
  CHECK(trips(1, 0.19, 1));
  CHECK(trips(1, 0.3, 4));
  CHECK_FALSE(trips(7, 0.2, 3));
}

TEST_CASE("a configuration that says nothing of the verdict leaves it as the pipeline has it") {
  const auto said = engine::pipeline_options(config::Config{}).verify;
  const change::VerifyOptions own;
  CHECK(said.warm_up == own.warm_up);
  CHECK(said.max_observe == own.max_observe);
  CHECK(said.trip_replica_lag == own.trip_replica_lag);
  CHECK(said.trip_disk_free == own.trip_disk_free);
  CHECK(said.trip_lock_waiters == own.trip_lock_waiters);
  CHECK(said.trip_rollbacks == own.trip_rollbacks);
}

TEST_CASE("how long a statement may run is what the configuration says of its kind") {
  const auto own =
      engine::pipeline_options(read("change:\n  index_timeout: 4h\n  refresh_timeout: 3h\n"
                                    "  maintenance_timeout: 2h\n  setting_timeout: 7s\n"));
  CHECK(own.statement_budget == Millis(4 * 3'600'000));
  CHECK(own.refresh_budget == Millis(3 * 3'600'000));
  CHECK(own.maintenance_budget == Millis(2 * 3'600'000));
  CHECK(own.setting_budget == Millis(7'000));
  const auto said = engine::pipeline_options(config::Config{});
  const change::PipelineOptions shipped;
  CHECK(said.statement_budget == shipped.statement_budget);
  CHECK(said.refresh_budget == shipped.refresh_budget);
  CHECK(said.maintenance_budget == shipped.maintenance_budget);
  CHECK(said.setting_budget == shipped.setting_budget);
}
