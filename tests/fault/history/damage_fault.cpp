#include <algorithm>
#include <array>
#include <fstream>
#include <random>

#include "agent/store/recovery.hpp"
#include "tests/fault/history/trace.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/store/support.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

constexpr int kSeries = 40;
constexpr int kTicks = 500;                       // two sealed blocks and a head
constexpr std::int64_t kBlock = kSeries * 240LL;  // samples that one damaged block may take with it
const Trace kTrace(kSeries, FakeClock().now());

void make_file(const std::string& path) {
  FakeClock clock;
  FaultStore store;
  REQUIRE(store.open(FaultStore::options(path), clock));
  for (int tick = 0; tick < kTicks; ++tick) {
    clock.advance(kTrace.time(tick) - clock.now());
    REQUIRE(store.write(kTrace.snapshot(tick)));
  }
}

void flip_bit(const std::string& path, std::uint64_t byte, unsigned bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(byte));
  const int was = file.get();
  file.seekp(static_cast<std::streamoff>(byte));
  file.put(static_cast<char>(was ^ (1 << bit)));
}

// nullopt when the store refuses the file or cannot read it, which serves nothing wrong either. `aside`: where the file
// is now, when it was renamed.
std::optional<TraceCheck> read_damaged(const std::string& path, std::string* aside = nullptr) {
  FakeClock clock;
  clock.advance(kTrace.time(kTicks) - clock.now());
  FaultStore store;
  if (!store.open(FaultStore::options(path), clock)) return std::nullopt;
  if (aside != nullptr) *aside = store.file->moved_aside().value_or("");
  auto check = store.check(kTrace, 0, kTicks - 1);
  if (!check) return std::nullopt;
  return *check;
}

// The same after `pgtend db recover` of the file that was renamed.
std::optional<TraceCheck> read_recovered(const std::string& path) {
  const auto recovered = path + ".recovered";
  if (!store::recover_history(path, recovered)) return std::nullopt;
  return read_damaged(recovered);
}

}  // namespace

TEST_CASE("damage: a flipped bit never gives a wrong value") {
  const auto seed = fault_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937_64 random(seed);
  TempDir dir;
  const auto sound = dir.file("sound.db"), damaged = dir.file("history.db");
  make_file(sound);
  const auto size = std::filesystem::file_size(sound);
  const int rounds = fault_rounds(5, 200);
  int wrong = 0, block = 0, more = 0, untouched = 0, refused = 0, renamed = 0;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
      if (entry.path() != sound) std::filesystem::remove(entry.path());
    std::filesystem::copy_file(sound, damaged);
    const auto byte = random() % size;
    const auto bit = static_cast<unsigned>(random() % 8);
    flip_bit(damaged, byte, bit);
    CAPTURE(round, byte, bit);
    std::string aside;
    auto check = read_damaged(damaged, &aside);
    if (!aside.empty()) {
      ++renamed;
      check = read_recovered(aside);
    }
    if (!check) {
      ++refused;
      continue;
    }
    // Where the first raw block is lost, the coarser copy answers, as for what is older than raw samples.
    const auto false_values = check->wrong - (aside.empty() ? 0 : check->coarse);
    CHECK(false_values == 0);
    wrong += false_values > 0 ? 1 : 0;
    if (check->missing == 0) {
      ++untouched;
    } else if (check->missing <= kBlock) {
      ++block;
    } else {
      ++more;
    }
  }
  const auto text = std::to_string(wrong) + " wrong; " + std::to_string(untouched) + " harmless, " +
                    std::to_string(block) + " lost at most a block, " + std::to_string(more) + " lost more, " +
                    std::to_string(refused) + " unreadable; " + std::to_string(renamed) +
                    " of them renamed, a new file begun, and recovered by hand";
  WARN(text);
  report_row("P23", std::to_string(rounds) + " bit flips", text, "0 wrong, <= one block lost",
             wrong == 0 && more + refused == 0);
}

namespace {

std::vector<std::string> rows_of(const RawDatabase& raw, const std::string& sql) {
  std::vector<std::string> out;
  const auto joined = raw.value("SELECT coalesce(group_concat(v, char(10)), '') FROM (" + sql + ")");
  std::string line;
  for (const char c : joined + "\n") {
    if (c != '\n') {
      line += c;
    } else if (!line.empty()) {
      out.push_back(std::exchange(line, {}));
    }
  }
  return out;
}

}  // namespace

namespace {

// Puts the value into one row of a copy of the sound file, or into all, and reads it.
bool is_served(const TempDir& dir, const std::string& table, const std::string& column, const std::string& value,
               bool one_row) {
  const auto sound = dir.file("sound.db"), hostile = dir.file("history.db");
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    if (entry.path() != sound) std::filesystem::remove(entry.path());
  std::filesystem::copy_file(sound, hostile);
  {
    RawDatabase raw(hostile);
    const std::string where = one_row ? " WHERE _rowid_ = (SELECT max(_rowid_) FROM \"" + table + "\")" : "";
    // What a constraint forbids cannot be in a file either.
    const std::string set = "UPDATE OR IGNORE \"" + table + "\" SET \"" + column + "\"=" + value;
    if (raw.try_exec(set + where) != SQLITE_OK) (void)raw.try_exec(set);
  }
  return read_damaged(hostile).has_value();
}

}  // namespace

TEST_CASE("damage: ids, counts and lanes that no writer gives neither overflow nor loop") {
  TempDir dir;
  make_file(dir.file("sound.db"));
  const std::string most = "9223372036854775807", least = "-9223372036854775808";
  const std::vector<std::array<std::string, 3>> fields{
      {"block", "lane", "'text'"},   {"block", "samples", most}, {"block", "min_ms", least},
      {"block", "max_ms", most},     {"label_pair", "id", most}, {"series", "id", most},
      {"gaps", "id", most},          {"gaps", "to_ms", least},   {"series", "first_seq", most},
      {"series", "last_seq", least}, {"head", "seq", most},      {"block", "id", most}};
  for (const auto& [table, column, value] : fields)
    for (const bool one_row : {true, false}) {
      CAPTURE(table, column, value, one_row);
      (void)is_served(dir, table, column, value, one_row);
    }
  CHECK(is_served(dir, "gaps", "reason", "'unknown'", true));
}

TEST_CASE("damage: a file with any field changed is opened or refused, and gives values or an error") {
  const auto seed = fault_seed();
  INFO("PGTEND_SEED=" << seed);
  std::mt19937_64 random(seed);
  TempDir dir;
  const auto sound = dir.file("sound.db");
  make_file(sound);
  const std::vector<std::string> values{"NULL",
                                        "-1",
                                        "0",
                                        "9223372036854775807",
                                        "-9223372036854775808",
                                        "1e308",
                                        "'text'",
                                        "x''",
                                        "randomblob(64)",
                                        "zeroblob(1000000)",
                                        "x'ffffffffffffffffffffffffffffffff'"};
  std::vector<std::pair<std::string, std::string>> fields;
  {
    RawDatabase raw(sound);
    for (const auto& table : rows_of(raw, "SELECT name AS v FROM sqlite_master WHERE type='table'"))
      for (const auto& column : rows_of(raw, "SELECT name AS v FROM pragma_table_info('" + table + "')"))
        fields.emplace_back(table, column);
  }
  REQUIRE(fields.size() >= 8);
  const auto all = fields.size() * values.size();
  const auto rounds = static_cast<std::size_t>(fault_rounds(8, static_cast<int>(all)));
  int served = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto pick = rounds == all ? i : random() % all;
    const auto& [table, column] = fields[pick / values.size()];
    const auto& value = values[pick % values.size()];
    CAPTURE(table, column, value);
    served += is_served(dir, table, column, value, random() % 2 != 0) ? 1 : 0;
  }
  INFO("files that were still read: " << served << " of " << rounds);
  CHECK(served > 0);
}
