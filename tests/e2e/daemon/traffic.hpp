#pragma once

#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/pg_cluster.hpp"

namespace pgtend::test {

// One statement that an application runs again and again.
struct Habit {
  double per_second = 1;  // on average; the rate swells and ebbs by half
  std::function<std::string(std::mt19937_64&)> sql;
};

// An application at work: a session of its own that goes through its habits at drifting rates until this object ends.
// It connects anew each second when asked to, so that it feels a setting of its role.
class Traffic {
 public:
  Traffic(const PgCluster& cluster, std::string database, std::string user, std::vector<Habit> habits,
          std::uint64_t seed, bool reconnects = false);

 private:
  std::jthread thread_;
};

}  // namespace pgtend::test
