#include <atomic>
#include <thread>

#include "tests/fault/change/scene.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr int kAgents = 8;

}  // namespace

TEST_CASE("of eight agents on one database never two hold its lock") {
  PgCluster server({.settings = {{"max_connections", "100"}}});
  make_shop(server, 20'000);
  server.exec("shop",
              "CREATE TABLE others (a int, b int, c int, d int, e int, f int, g int, h int);"
              "INSERT INTO others SELECT i, i, i, i, i, i, i, i FROM generate_series(1, 20000) i");
  TempDir dir("pgtend-fault");
  std::atomic<int> running{kAgents}, applied{0};
  std::vector<std::string> errors(kAgents);
  std::vector<std::thread> agents;
  for (int i = 0; i < kAgents; ++i) {
    agents.emplace_back([&, i] {
      try {
        const std::string column(1, static_cast<char>('a' + i));
        Rig rig(server, {.ledger_file = (dir.path() / ("ledger" + column + ".db")).string()});
        const auto id = rig.approved(index_plan("others_" + column, column, "others")).id;
        const auto change = rig.drive(id, [](const Change& now) { return now.applied_at || is_final(now.state); });
        if (change.applied_at) ++applied;
        errors[static_cast<std::size_t>(i)] = change.last_error;
      } catch (const std::exception& error) {
        errors[static_cast<std::size_t>(i)] = error.what();
      }
      --running;
    });
  }
  auto eye = server.session("shop");
  int looks = 0, held = 0, most = 0;
  while (running > 0) {
    const int holders =
        std::stoi(eye.value("SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
                            "AND classid = x'70677464'::int::oid AND objid = 0"));
    most = std::max(most, holders);
    held += holders > 0 ? 1 : 0;
    ++looks;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  for (auto& agent : agents) agent.join();
  for (const auto& error : errors) CHECK(error == "");
  CHECK(applied == kAgents);
  CHECK(most == 1);
  CHECK(held > 0);
  CHECK(invalid_indexes(server) == "0");
  CHECK(server.exec("shop", "SELECT count(*) FROM pg_index WHERE indrelid = 'others'::regclass") ==
        std::to_string(kAgents));
  std::cout << looks << " looks at pg_locks, " << held << " of them with a holder, never more than " << most << "\n";
}
