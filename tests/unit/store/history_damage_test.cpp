#include <fstream>

#include "agent/store/codec/bytes.hpp"
#include "agent/store/codec/crc32c.hpp"
#include "agent/store/integrity.hpp"
#include "agent/store/recovery.hpp"
#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

// What a damaged file still says, and that it says nothing wrong.
namespace {

constexpr int kTicks = 300;

// Two series whose values tell them apart, sealed.
UtcTime write_two(const std::string& file) {
  History history(file);
  const auto start = history.clock.now();
  for (int i = 0; i < kTicks; ++i) {
    history.append(
        snapshot("c", start + Millis(10'000) * i,
                 {gauge("size", {{"datname", "shop"}}, i), gauge("size", {{"datname", "depot"}}, -1.0 - i)}));
    history.clock.advance(Millis(10'000));
  }
  history.seal();
  return start;
}

// Every sample of "shop" is at least 0, every one of "depot" below, and there is no third series.
std::size_t samples_under_their_own_name(const std::vector<SeriesData>& found) {
  std::size_t count = 0;
  for (const auto& series : found) {
    const auto name = series.key.labels.get("datname");
    CAPTURE(name);
    REQUIRE((name == "shop" || name == "depot"));
    for (const auto& sample : series.samples)
      REQUIRE((is_stale(sample.value) || (sample.value >= 0) == (name == "shop")));
    count += series.samples.size();
  }
  return count;
}

}  // namespace

TEST_CASE("a series whose row or name was damaged is not served under another's name or with another's values") {
  const std::string damage = GENERATE(
      "UPDATE series SET place = 1 - place WHERE id = 1", "UPDATE series SET place = 1 - place WHERE id = 2",
      "UPDATE series SET pairs = (SELECT pairs FROM series WHERE id = 2) WHERE id = 1",
      "UPDATE series SET id = 5, pairs = (SELECT pairs FROM series WHERE id = 1) WHERE id = 2",
      "UPDATE label_pair SET value = 'shoq' WHERE value = 'shop'",
      "UPDATE label_pair SET value = 'depot2' WHERE value = 'depot'",
      "UPDATE label_pair SET name = 'dauname' WHERE value = 'shop'",
      "UPDATE label_pair SET value = 'siz' WHERE value = 'size'", "UPDATE series SET kind = 1 - kind WHERE id = 1",
      "UPDATE series SET first_seq = 100, first_ms = first_ms + 1000000 WHERE id = 1");
  CAPTURE(damage);
  TempDir dir;
  const auto file = dir.file("history.db");
  write_two(file);
  {
    const RawDatabase raw(file);
    raw.exec(damage);
  }
  const auto report = store::check_history(file);
  REQUIRE(report);
  CHECK_FALSE(report->sound);
  CHECK(report->bad_rows == 1);
  {
    History history(file);
    const auto served = samples_under_their_own_name(history.select({}, kAlways));
    // The name of both is one row; all other damage is to one of them.
    CHECK(served == (damage.find("siz'") != std::string::npos ? 0 : kTicks));
  }
  const auto recovered = store::recover_history(file, dir.file("new.db"));
  REQUIRE(recovered);
  CHECK(recovered->lost_rows == 1);
}

TEST_CASE("a series whose row or name was damaged begins anew with the next sample") {
  const std::string damage = GENERATE("UPDATE series SET place = 1 - place WHERE id = 1",
                                      "UPDATE label_pair SET value = 'shoq' WHERE value = 'shop'",
                                      "UPDATE label_pair SET id = 9 WHERE value = 'shop'");
  CAPTURE(damage);
  TempDir dir;
  const auto file = dir.file("history.db");
  const auto start = write_two(file);
  {
    const RawDatabase raw(file);
    raw.exec(damage);
  }
  History history(file);
  history.clock.advance(start + Millis(10'000) * kTicks - history.clock.now());
  for (int i = kTicks; i < kTicks + 20; ++i) {
    history.append(
        snapshot("c", start + Millis(10'000) * i,
                 {gauge("size", {{"datname", "shop"}}, i), gauge("size", {{"datname", "depot"}}, -1.0 - i)}));
    history.clock.advance(Millis(10'000));
  }
  history.seal();
  const auto check = [&](const ReadHints& hints, std::size_t samples) {
    const auto found = history.select({}, kAlways, hints);
    REQUIRE(found.size() == 2);
    CHECK(samples_under_their_own_name(found) == samples);
  };
  check({}, kTicks + 20 + 20);
  ReadHints coarse;
  coarse.resolution = Millis(300'000);
  history.open({file});
  check({}, kTicks + 20 + 20);
  history.commit();
  CHECK(history.file->stats().bad_blocks > 0);
  // The coarser copy has both in one bucket.
  samples_under_their_own_name(history.select({}, kAlways, coarse));
}

namespace {

constexpr int kCollectors = 40;

// Sixty ticks of forty collectors, sealed: a hundred and more blocks on some pages. `i` counts the ticks.
void write_many(History& history) {
  const auto start = history.clock.now();
  for (int i = 0; i < 60; ++i) {
    for (int c = 0; c < kCollectors; ++c)
      history.append(snapshot("c" + std::to_string(c), start + Millis(10'000) * i,
                              {gauge("size", {{"of", std::to_string(c)}}, i * c)}));
    history.commit();
    history.clock.advance(Millis(10'000));
  }
  history.seal();
}

std::uint32_t big_endian(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

// Overwrites the first leaf of a table's tree, or one in its middle. Source: the database file format, "B-tree Pages".
void overwrite_leaf(const std::string& file, const std::string& table, bool first) {
  std::uint32_t page = 0, size = 0;
  {
    const RawDatabase raw(file);
    page = static_cast<std::uint32_t>(
        std::stoul(raw.value("SELECT rootpage FROM sqlite_schema WHERE name='" + table + "'")));
    size = static_cast<std::uint32_t>(std::stoul(raw.value("PRAGMA page_size")));
  }
  std::fstream io(file, std::ios::in | std::ios::out | std::ios::binary);
  while (true) {
    std::string bytes(size, '\0');
    io.seekg(static_cast<std::streamoff>((page - 1) * size));
    io.read(bytes.data(), size);
    if (bytes[0] == 0x0d) break;
    REQUIRE(bytes[0] == 0x05);
    const auto cells = big_endian(bytes, 3, 2);
    REQUIRE(cells >= 2);
    page = big_endian(bytes, big_endian(bytes, 12 + 2 * (first ? 0 : cells / 2), 2), 4);
  }
  io.seekp(static_cast<std::streamoff>((page - 1) * size));
  io << std::string(size, '\xff');
}

}  // namespace

TEST_CASE("recovery loses a damaged page and nothing behind it, whatever groups the page holds") {
  TempDir dir;
  const auto file = dir.file("history.db");
  {
    History history(file);
    write_many(history);
  }
  const auto before = store::check_history_offline(file);
  REQUIRE(before);
  REQUIRE(before->sound);
  REQUIRE(before->blocks > 2 * kCollectors);
  overwrite_leaf(file, "block", false);
  const auto recovered = store::recover_history(file, dir.file("new.db"));
  REQUIRE(recovered);
  CHECK(recovered->lost_rows >= 1);
  CHECK(recovered->blocks >= before->blocks * 3 / 4);
  CHECK(store::check_history_offline(dir.file("new.db"))->sound);
}

TEST_CASE("check sums of names as version 4 stored them count, and get no other") {
  TempDir dir;
  const auto file = dir.file("history.db");
  write_two(file);
  const RawDatabase raw(file);
  std::int64_t longer = 0;
  for (int id = 1; id <= std::stoi(raw.value("SELECT max(id) FROM label_pair")); ++id) {
    const auto of = " FROM label_pair WHERE id=" + std::to_string(id);
    store::codec::ByteWriter row;
    row.u8(1);
    row.u64(static_cast<std::uint64_t>(id));
    for (const auto& text : {raw.value("SELECT name" + of), raw.value("SELECT value" + of)}) {
      row.u8(2);
      row.varint(text.size());
      row.bytes(text);
    }
    const auto sum = store::codec::crc32c(row.view());
    longer += sum >= 1U << 23 ? 1 : 0;
    raw.exec("UPDATE label_pair SET crc=" + std::to_string(sum) + " WHERE id=" + std::to_string(id));
  }
  REQUIRE(longer > 0);
  raw.exec("PRAGMA user_version=4");
  {
    History history(file);
    CHECK(samples_under_their_own_name(history.select({}, kAlways)) == 2UL * kTicks);
    CHECK(raw.value("PRAGMA user_version") == "5");
  }
  CHECK(store::check_history_offline(file)->sound);
  raw.exec("UPDATE label_pair SET crc = crc + 1 WHERE value = 'shop'");
  History history(file);
  CHECK(samples_under_their_own_name(history.select({}, kAlways)) == kTicks);
}

TEST_CASE("a file whose pages are overwritten under the agent is renamed as soon as a reader finds it") {
  TempDir dir;
  const auto file = dir.file("history.db");
  {
    History history(file);
    write_many(history);
  }
  // Memory has nothing of the file's blocks.
  History history(file);
  history.clock.advance(Millis(3'600'000));
  const auto now = history.clock.now();
  history.append(snapshot("c0", now, {gauge("size", {{"of", "0"}}, 7)}));
  history.commit();
  overwrite_leaf(file, "block", true);
  {
    auto reader = history.file->reader();
    REQUIRE(reader);
    const auto found = (*reader)->select({}, kAlways, 1'000'000);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == Errc::corrupt);
  }
  // What reads the file from here on reads a new one, with all that is in memory.
  (void)history.file->commit();
  REQUIRE(history.file->moved_aside());
  CHECK(std::filesystem::exists(*history.file->moved_aside()));
  history.commit();
  const auto found = history.select({}, kAlways);
  REQUIRE(found.size() == 1);
  CHECK(found[0].samples.back().value == 7);
  // Nor does it need the memory of this process any more.
  for (const auto* part : {"", "-wal"}) std::filesystem::copy_file(file + part, dir.file("after_kill.db") + part);
  {
    History killed(dir.file("after_kill.db"));
    const auto kept = killed.select({}, kAlways);
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].samples.back().value == 7);
  }
  history.append(snapshot("c0", now + Millis(10'000), {gauge("size", {{"of", "0"}}, 8)}));
  history.commit();
  history.seal();
  CHECK(store::check_history(file)->sound);
  history.open({file});
  CHECK(history.select({}, kAlways)[0].samples.back().value == 8);
  // A reader of the file that was renamed tells nothing of the new one.
  CHECK_FALSE(history.file->moved_aside());
}
