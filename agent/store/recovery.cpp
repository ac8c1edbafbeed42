#include "agent/store/recovery.hpp"

#include <filesystem>
#include <functional>
#include <numeric>
#include <optional>

#include "agent/store/codec/block.hpp"
#include "agent/store/files.hpp"
#include "agent/store/history_schema.hpp"
#include "agent/store/name_rows.hpp"
#include "agent/store/session_rows.hpp"

namespace pgtend::store {

namespace {

// Unreadable stretches of one table. A tree whose pages are all gone would be searched for ever.
constexpr int kMostGaps = 1'000;

struct Table {
  const char* name;
  std::string columns;
  int count;
  // Whether the row may be copied; columns as in `columns`, the id first.
  std::function<bool(const Statement&)> sound;
};

bool copy_row(const Statement& row, int columns, Statement& put) {
  for (int i = 0; i < columns; ++i) {
    if (row.is_null(i)) {
      put.bind_null(i + 1);
    } else if (row.is_blob(i)) {
      put.bind_blob(i + 1, row.blob(i));
    } else if (row.is_text(i)) {
      put.bind(i + 1, row.view(i));
    } else {
      put.bind(i + 1, row.integer(i));
    }
  }
  return put.run().has_value();
}

// Where a page cannot be read, the least id behind which there is something to read again, or nullopt. Ids of one page
// may be far apart, so it is looked for in growing steps and then by halving.
std::optional<std::int64_t> behind_gap(Statement& after, std::int64_t last) {
  const auto readable = [&](std::int64_t id) {
    const bool found = after.bind(1, id).step().has_value();
    after.reset();
    return found;
  };
  auto bad = last, good = last;
  for (std::int64_t step = 1;; step *= 2) {
    if (bad == INT64_MAX) return std::nullopt;
    good = step > (INT64_MAX >> 1) || bad > INT64_MAX - step ? INT64_MAX : bad + step;
    if (readable(good)) break;
    bad = good;
    if (step > (INT64_MAX >> 2)) step = INT64_MAX >> 2;
  }
  while (bad + 1 < good) {
    const auto middle = std::midpoint(bad, good);
    (readable(middle) ? good : bad) = middle;
  }
  return good;
}

// Rows in order of their ids; where a page cannot be read, the reading goes on behind it.
Result<void> copy_table(Database& from, Database& to, const Table& table, std::int64_t& copied, std::int64_t& lost) {
  const std::string& columns = table.columns;
  auto query = from.prepare("SELECT " + columns + " FROM " + table.name + " WHERE id > ?1 ORDER BY id");
  std::string marks = "?";
  for (int i = 1; i < table.count; ++i) marks += ",?";
  auto put =
      to.prepare(std::string("INSERT OR IGNORE INTO ") + table.name + " (" + columns + ") VALUES (" + marks + ")");
  if (!put) return fail(std::move(put).error());
  if (!query) {
    ++lost;
    return {};
  }
  // Ids are above 0 but for those of tampered rows, which are not copied.
  std::int64_t last = 0;
  for (int gaps = 0; gaps < kMostGaps; ++gaps) {
    query->bind(1, last);
    while (true) {
      auto row = query->step();
      if (!row && row.error().code != Errc::corrupt) return fail(std::move(row).error());
      if (!row) break;
      if (!*row) return {};
      last = query->integer(0);
      if (table.sound(*query) && copy_row(*query, table.count, *put)) {
        ++copied;
      } else {
        ++lost;
      }
    }
    ++lost;
    query->reset();
    const auto next = behind_gap(*query, last);
    if (!next) return {};
    last = *next;
  }
  return {};
}

bool always(const Statement&) {
  return true;
}

}  // namespace

Result<RecoveryReport> recover_history(const std::string& from, const std::string& to) {
  if (!std::filesystem::exists(from)) return fail(Errc::not_found, from + " does not exist");
  if (std::filesystem::exists(to)) return fail(Errc::conflict, to + " exists already; name a new file");
  auto lock = FileLock::take(from);
  if (!lock) return fail(std::move(lock).error());
  auto source = Database::open(from, OpenMode::read_only);
  if (!source) return fail(std::move(source).error());
  auto version = (*source)->number("PRAGMA user_version");
  if (!version) return fail(std::move(version).error());
  if (*version < kSameFileSince || *version > kHistoryVersion)
    return fail(Errc::unsupported, from + " has history version " + std::to_string(*version) + ", this pgtend reads " +
                                       std::to_string(kHistoryVersion));
  std::string ignored;
  auto target = open_history(to, SystemClock().now(), ignored);
  if (!target) return fail(std::move(target).error());

  RecoveryReport report;
  std::int64_t others = 0;
  const auto block_sound = [](const Statement& row) {
    return row.integer(6) == block_crc(row.integer(0), row.integer(2), row.integer(3), row.integer(4), row.blob(7)) &&
           codec::Block::open(row.blob(7)).has_value();
  };
  const auto tick_sound = [](const Statement& row) {
    return row.integer(1) == row_crc(row.integer(0), 0, row.blob(2));
  };
  const auto head_sound = [](const Statement& row) {
    return row.integer(5) ==
           head_crc(static_cast<std::uint32_t>(row.integer(1)), row.integer(2), row.integer(3), row.blob(6));
  };
  const auto sessions_sound = [](const Statement& row) {
    return sessions_are_sound(row.integer(1), row.integer(2), row.integer(3), row.blob(4));
  };
  const bool summed = *version >= kNameSumsSince;
  const std::pair<Table, std::int64_t*> tables[] = {
      {{"scope", "id, instance, collector, database", 4, always}, &others},
      summed ? std::pair{Table{"label_pair", kPairColumns, 4, pair_is_sound}, &others}
             : std::pair{Table{"label_pair", "id, name, value", 3, always}, &others},
      summed ? std::pair{Table{"series", kSeriesColumns, 10, series_is_sound}, &report.series}
             : std::pair{Table{"series", "id, scope, place, kind, first_seq, first_ms, last_seq, last_ms, pairs", 9,
                               always},
                         &report.series},
      {{"block", "id, lane, ticks, min_ms, max_ms, samples, crc, data", 8, block_sound}, &report.blocks},
      {{"tick", "id, crc, data", 3, tick_sound}, &others},
      {{"head", "id, scope, seq, ms, is_full, crc, data", 7, head_sound}, &report.head_rows},
      {{"gaps", "id, instance, collector, database, from_ms, to_ms, reason, open", 8, always}, &others},
      {{"sessions", "id, from_ms, to_ms, crc, data", 5, sessions_sound}, &others},
      {{"event", "id, ms, kind, scope, data", 5, always}, &others}};
  for (const auto& [table, copied] : tables) {
    if (*version < kSessionsSince && std::string_view(table.name) == "sessions") continue;
    auto tx = Transaction::begin(**target);
    if (!tx) return fail(std::move(tx).error());
    PGTEND_STORE_TRY(copy_table(**source, **target, table, *copied, report.lost_rows));
    PGTEND_STORE_TRY(tx->commit());
  }
  if (!summed) {
    auto tx = Transaction::begin(**target);
    if (!tx) return fail(std::move(tx).error());
    PGTEND_STORE_TRY(sum_up_names(**target));
    PGTEND_STORE_TRY(tx->commit());
  }
  auto samples = (*target)->number(std::string("SELECT ") + kSumSamples + " FROM block WHERE lane < 268435456");
  if (!samples) return fail(std::move(samples).error());
  report.samples = *samples;
  return report;
}

}  // namespace pgtend::store
