#include "agent/store/name_rows.hpp"

#include "agent/store/codec/bytes.hpp"
#include "agent/store/codec/crc32c.hpp"

namespace pgtend::store {

namespace {

// The check sum of a row: of its columns in turn, each after its type and its length, so that no two rows have the same
// bytes.
class Sum {
 public:
  Sum& null() {
    bytes_.u8(0);
    return *this;
  }
  Sum& integer(std::int64_t value) {
    bytes_.u8(1);
    bytes_.u64(static_cast<std::uint64_t>(value));
    return *this;
  }
  Sum& text(std::string_view value) { return add(2, value); }
  Sum& blob(std::string_view value) { return add(3, value); }
  // As version 4 stored it: four bytes, or six where the first bit is set.
  [[nodiscard]] std::int64_t whole() const { return codec::crc32c(bytes_.view()); }
  // As it is stored: the last 24 bits with their sign, which take three bytes. Of 16.7 million damaged rows one is not
  // found.
  [[nodiscard]] std::int64_t stored() const { return static_cast<std::int32_t>(whole() << 8) >> 8; }

 private:
  Sum& add(std::uint8_t type, std::string_view value) {
    bytes_.u8(type);
    bytes_.varint(value.size());
    bytes_.bytes(value);
    return *this;
  }
  codec::ByteWriter bytes_;
};

Sum sum_of(const Statement& row, int columns) {
  Sum sum;
  for (int i = 0; i < columns; ++i) {
    if (row.is_null(i)) {
      sum.null();
    } else if (row.is_text(i)) {
      sum.text(row.view(i));
    } else if (row.is_blob(i)) {
      sum.blob(row.blob(i));
    } else {
      sum.integer(row.integer(i));
    }
  }
  return sum;
}

bool is_sound(const Statement& row, int columns) {
  const auto sum = sum_of(row, columns);
  return row.integer(columns) == sum.stored() || row.integer(columns) == sum.whole();
}

// The check sum stands behind them.
constexpr int kPairSummed = 3, kSeriesSummed = 9;

Result<void> sum_up(Database& db, const std::string& columns, int summed, const std::string& table) {
  auto next = db.prepare("SELECT " + columns + " FROM " + table + " WHERE id > ?1 ORDER BY id LIMIT 1");
  auto put = db.prepare("UPDATE " + table + " SET crc=?2 WHERE id=?1");
  if (!next) return fail(std::move(next).error());
  if (!put) return fail(std::move(put).error());
  // From below the least id on, which no writer gives.
  for (std::int64_t last = INT64_MIN;;) {
    auto row = next->bind(1, last).step();
    if (!row) return fail(std::move(row).error());
    if (!*row) return {};
    last = next->integer(0);
    const auto sum = sum_of(*next, summed).stored();
    next->reset();
    PGTEND_STORE_TRY(put->bind(1, last).bind(2, sum).run());
  }
}

}  // namespace

bool pair_is_sound(const Statement& row) {
  return is_sound(row, kPairSummed);
}

bool series_is_sound(const Statement& row) {
  return is_sound(row, kSeriesSummed);
}

Result<void> put_pair(Database& db, const LabelPair& pair) {
  auto put = db.cached("INSERT OR REPLACE INTO label_pair (id, name, value, crc) VALUES (?,?,?,?)");
  if (!put) return fail(std::move(put).error());
  (*put)->bind(1, pair.id).bind(2, pair.name).bind(3, pair.value);
  return (*put)->bind(4, Sum().integer(pair.id).text(pair.name).text(pair.value).stored()).run();
}

Result<void> put_series(Database& db, const IndexedSeries& series) {
  auto put = db.cached(
      "INSERT OR REPLACE INTO series (id, scope, place, kind, first_seq, first_ms, last_seq, last_ms, pairs, crc)"
      " VALUES (?,?,?,?,?,?,?,?,?,?)");
  if (!put) return fail(std::move(put).error());
  codec::ByteWriter pairs;
  for (const auto& pair : series.name->pairs) pairs.varint(static_cast<std::uint64_t>(pair->id));
  Sum sum;
  int column = 0;
  const auto bind = [&](std::int64_t value) {
    (*put)->bind(++column, value);
    sum.integer(value);
  };
  bind(series.id);
  bind(series.scope);
  bind(series.place);
  bind(static_cast<std::int64_t>(series.kind));
  bind(series.first_seq);
  bind(series.first_ms);
  if (series.last_seq != INT64_MAX) {
    bind(series.last_seq);
    bind(series.last_ms);
  } else {
    sum.null().null();
  }
  (*put)->bind_blob(9, pairs.view()).bind(10, sum.blob(pairs.view()).stored());
  return (*put)->run();
}

Result<void> sum_up_names(Database& db) {
  PGTEND_STORE_TRY(sum_up(db, kPairColumns, kPairSummed, "label_pair"));
  return sum_up(db, kSeriesColumns, kSeriesSummed, "series");
}

}  // namespace pgtend::store
