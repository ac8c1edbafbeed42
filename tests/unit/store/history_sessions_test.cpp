#include <filesystem>
#include <fstream>

#include "agent/store/files.hpp"
#include "agent/store/integrity.hpp"
#include "agent/store/recovery.hpp"
#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

store::SessionBucket bucket(UtcTime from, std::uint32_t seen, const std::string& user = "web") {
  store::SessionTraits traits;
  traits.wait = "CPU";
  traits.state = "active";
  traits.user = user;
  return {from, from + Millis(10'000), Millis(1'000), 10, {{traits, seen}}};
}

std::vector<std::uint32_t> counts(const History& history, TimeRange range = kAlways) {
  std::vector<std::uint32_t> out;
  const auto read = history.file->read_sessions(range, [&](const store::SessionBucket& each) {
    for (const auto& group : each.groups) out.push_back(group.seen);
  });
  INFO((read ? std::string() : read.error().describe()));
  REQUIRE(read);
  return out;
}

// Buckets that do not compress, `bytes` or so each.
store::SessionBucket noise(std::mt19937& random, UtcTime from, int groups) {
  auto out = bucket(from, 1);
  for (int i = 0; i < groups; ++i) {
    auto traits = out.groups.front().traits;
    traits.query_id = static_cast<std::int64_t>(random()) << 32 | random();
    out.groups.push_back({traits, 1});
  }
  return out;
}

}  // namespace

TEST_CASE("buckets of active sessions are there after a commit, in order, and in the range that is asked for") {
  TempDir dir;
  History history(dir.file("history.db"));
  const auto then = history.clock.now();
  for (std::uint32_t i = 0; i < 600; ++i) history.file->append_sessions(bucket(then + Millis(10'000) * i, i));
  CHECK(counts(history).empty());
  history.commit();
  // The queue is bounded: the oldest went.
  const auto kept = static_cast<std::uint32_t>(store::kMostWaitingBuckets);
  auto all = counts(history);
  REQUIRE(all.size() == kept);
  CHECK(all.front() == 600 - kept);
  CHECK(all.back() == 599);
  CHECK(history.file->stats().dropped_ticks == 600 - kept);
  CHECK(std::is_sorted(all.begin(), all.end()));
  CHECK(counts(history, {then + Millis(5'500'000), then + Millis(5'520'000)}) == std::vector<std::uint32_t>{550, 551});
  CHECK(counts(history, {then + Millis(5'505'000), then + Millis(5'505'001)}) == std::vector<std::uint32_t>{550});
  history.open({dir.file("history.db")});
  CHECK(counts(history) == all);
}

TEST_CASE("a file of version 2 gets what it lacks and keeps all it has") {
  TempDir dir;
  const auto file = dir.file("history.db");
  {
    History history(file);
    history.append(snapshot("c", history.clock.now(), {gauge("g", {}, 7)}));
    history.commit();
  }
  RawDatabase(file).exec(
      "DROP TABLE sessions; ALTER TABLE series DROP COLUMN crc; ALTER TABLE label_pair DROP COLUMN crc; PRAGMA "
      "user_version=2");
  CHECK(store::check_history_offline(file)->sound);
  std::ofstream(file + ".version1") << "a copy of before";
  History history(file);
  CHECK_FALSE(history.file->moved_aside());
  // As it was, for its owner alone, and the only copy.
  const auto copy = file + ".version2";
  REQUIRE(RawDatabase(copy).value("PRAGMA user_version") == "2");
  CHECK(store::check_history_offline(copy)->sound);
  CHECK((std::filesystem::status(copy).permissions() & std::filesystem::perms(0777)) == std::filesystem::perms(0600));
  CHECK_FALSE(std::filesystem::exists(file + ".version1"));
  CHECK(RawDatabase(file).value("PRAGMA user_version") == "5");
  CHECK(history.select({named("g")}, kAlways)[0].samples[0].value == 7);
  CHECK(store::check_history(file)->sound);
  history.file->append_sessions(bucket(history.clock.now(), 3));
  history.commit();
  CHECK(counts(history) == std::vector<std::uint32_t>{3});
}

TEST_CASE("a history whose copy cannot be made is upgraded without one") {
  TempDir dir;
  const auto file = dir.file("history.db");
  {
    History history(file);
    history.append(snapshot("c", history.clock.now(), {gauge("g", {}, 7)}));
    history.commit();
  }
  RawDatabase(file).exec("PRAGMA user_version=4");
  std::filesystem::create_directories(file + ".version4.part/in the way");
  History history(file);
  CHECK_FALSE(history.file->moved_aside());
  CHECK(RawDatabase(file).value("PRAGMA user_version") == "5");
  CHECK(history.select({named("g")}, kAlways)[0].samples[0].value == 7);
  CHECK_FALSE(std::filesystem::exists(file + ".version4"));
}

TEST_CASE("a damaged bucket is left out and counted, found by a check, and left behind by a recovery") {
  TempDir dir;
  const auto file = dir.file("history.db");
  History history(file);
  for (std::uint32_t i = 0; i < 3; ++i)
    history.file->append_sessions(bucket(history.clock.now() + Millis(10'000) * i, i));
  history.commit();
  CHECK(store::check_history(file)->sound);
  RawDatabase(file).exec("UPDATE sessions SET data = (SELECT data FROM sessions WHERE id = 3) WHERE id = 2");
  CHECK(counts(history) == std::vector<std::uint32_t>{0, 2});
  history.commit();
  CHECK(history.file->stats().bad_blocks == 1);
  const auto checked = store::check_history(file);
  CHECK_FALSE(checked->sound);
  CHECK(checked->bad_rows == 1);
  history.file.reset();
  const auto recovered = store::recover_history(file, dir.file("sound.db"));
  REQUIRE(recovered);
  CHECK(recovered->lost_rows == 1);
  history.open({dir.file("sound.db")});
  CHECK(counts(history) == std::vector<std::uint32_t>{0, 2});
}

TEST_CASE("buckets are kept as long as raw samples") {
  TempDir dir;
  History history(dir.file("history.db"), 64 << 20, Millis(3'600'000));
  history.file->append_sessions(bucket(history.clock.now(), 1));
  history.commit();
  history.clock.advance(Millis(3'600'000));
  history.file->append_sessions(bucket(history.clock.now(), 2));
  history.commit();
  CHECK(counts(history) == std::vector<std::uint32_t>{1, 2});
  history.clock.advance(Millis(120'000));
  history.commit();
  CHECK(counts(history) == std::vector<std::uint32_t>{2});
}

TEST_CASE("the size cap holds for active sessions, and the oldest of them go first") {
  const auto seed = test_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937 random(seed);
  TempDir dir;
  constexpr std::int64_t kCap = store::kMinHistoryBytes;
  const auto file = dir.file("history.db");
  History history(file, kCap);
  std::int64_t largest = 0;
  constexpr int kBuckets = 1'500;
  for (int i = 0; i < kBuckets; ++i) {
    history.clock.advance(Millis(10'000));
    history.file->append_sessions(noise(random, history.clock.now(), 500));
    history.append(snapshot("c", history.clock.now(), {gauge("g", {}, i)}));
    history.commit();
    largest = std::max(largest, store::bytes_on_disk(file));
  }
  CHECK(largest <= kCap);
  CHECK(largest >= kCap / 2);
  std::vector<UtcTime> begins;
  REQUIRE(history.file->read_sessions(kAlways, [&](const auto& each) { begins.push_back(each.from); }));
  REQUIRE(begins.size() > 100);
  CHECK(begins.size() < kBuckets);
  CHECK(begins.back() == history.clock.now());
  CHECK(begins.front() == history.clock.now() - Millis(10'000) * (static_cast<int>(begins.size()) - 1));
  CHECK(history.file->stats().trouble.empty());
  CHECK(history.select({named("g")}, kAlways)[0].samples.back().value == kBuckets - 1);
}
