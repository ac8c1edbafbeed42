#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/unit/store/ledger_support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr int kSeries = 40;

// A child that starts after `from` never meets the ids of an earlier one.
std::string change_id(int from, int number) {
  return "c-" + std::to_string(from) + "-" + std::to_string(number);
}

// Writes and commits until it is killed; says each number once everything of it is acknowledged. Starts after `from`.
[[noreturn]] void write_until_killed(const std::string& history_file, const std::string& ledger_file, int from,
                                     int out) {
  FakeClock clock;
  auto history =
      store::HistoryFile::open({history_file, Millis(7LL * 24 * 3600 * 1000), 64 << 20, 100}, run_inline(), clock);
  auto ledger = store::Ledger::open(ledger_file, clock);
  if (!history || !ledger) ::_exit(2);
  for (int number = from + 1;; ++number) {
    std::vector<SeriesSample> samples;
    for (int s = 0; s < kSeries; ++s) samples.push_back(gauge("g", {{"s", std::to_string(s)}}, number));
    if (!(*history)->append(snapshot("c", clock.now() + Millis(1'000LL * number), std::move(samples)))) ::_exit(3);
    const auto at = clock.now() + Millis(1'000LL * number);
    (*history)->append_sessions({at, at + Millis(1'000), Millis(1'000), 1, {{{}, static_cast<std::uint32_t>(number)}}});
    if (!(*history)->commit()) ::_exit(4);
    auto change = full_change(change_id(from, number));
    if (!(*ledger)->insert_change(change, draft("propose", change.id))) ::_exit(5);
    change.state = ChangeState::approved;
    if (!(*ledger)->transition(change, ChangeState::proposed, draft("approve", change.id))) ::_exit(6);
    if (::write(out, &number, sizeof number) != sizeof number) ::_exit(7);
  }
}

// The last number said, after the child was killed at a random moment; -1 when it failed by itself.
int run_and_kill(const std::string& history_file, const std::string& ledger_file, int from, int after_numbers,
                 int then_us) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) write_until_killed(history_file, ledger_file, from, ends[1]);
  ::close(ends[1]);
  int last = from, number = 0;
  const auto take = [&](int timeout_ms) {
    pollfd ready{ends[0], POLLIN, 0};
    if (::poll(&ready, 1, timeout_ms) != 1) return false;
    if (::read(ends[0], &number, sizeof number) != sizeof number) return false;
    last = number;
    return true;
  };
  bool alive = true;
  for (int i = 0; i < after_numbers && alive; ++i) alive = take(20'000);
  // Somewhere inside the next round.
  ::usleep(static_cast<useconds_t>(then_us));
  ::kill(child, SIGKILL);
  while (take(1'000)) {
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(ends[0]);
  return alive && WIFSIGNALED(status) ? last : -1;
}

}  // namespace

TEST_CASE("after kill -9 at any moment everything acknowledged is there and both files are sound") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937 random(seed);
  TempDir dir;
  int from = 0;
  for (int round = 0; round < 8; ++round) {
    CAPTURE(round);
    const int said = run_and_kill(dir.file("history.db"), dir.file("ledger.db"), from,
                                  1 + static_cast<int>(random() % 12), static_cast<int>(random() % 15'000));
    REQUIRE(said > from);
    History history(dir.file("history.db"));
    REQUIRE_FALSE(history.file->moved_aside());
    const auto found = history.select({named("g")}, kAlways);
    REQUIRE(found.size() == kSeries);
    for (const auto& series : found) {
      // All series have the same samples: a batch is there whole or not at all.
      REQUIRE(series.samples.size() == found[0].samples.size());
      REQUIRE(series.samples.back().value >= said);
      for (std::size_t i = 0; i < series.samples.size(); ++i)
        REQUIRE(series.samples[i].value == static_cast<double>(i + 1));
    }
    std::size_t buckets = 0;
    REQUIRE(history.file->read_sessions(
        kAlways, [&](const store::SessionBucket& bucket) { REQUIRE(bucket.groups.at(0).seen == ++buckets); }));
    REQUIRE(buckets == found[0].samples.size());
    OpenLedger ledger(dir.file("ledger.db"));
    REQUIRE(ledger->audit_verify()->ok);
    for (int number = from + 1; number <= said; ++number)
      REQUIRE(ledger->get_change(change_id(from, number))->state == ChangeState::approved);
    // Each change row has exactly the audit rows of its state: no torn pair.
    const auto changes = ledger->list_changes({}, 100'000);
    std::int64_t expected = 0;
    for (const auto& change : *changes) expected += change.state == ChangeState::approved ? 2 : 1;
    REQUIRE(ledger->audit_verify()->rows == expected);
    from = static_cast<int>(found[0].samples.size());
    history.file.reset();
    ledger.ledger.reset();
    for (const auto* name : {"history.db", "ledger.db"})
      REQUIRE(RawDatabase(dir.file(name)).value("PRAGMA integrity_check") == "ok");
  }
}
