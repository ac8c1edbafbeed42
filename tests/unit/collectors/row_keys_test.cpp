#include "collectors/row_keys.hpp"

#include <map>

#include "collectors/rows_to_series.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

CollectorDef tables_def() {
  CollectorDef def;
  def.scope = CollectorScope::database;
  def.labels = {"relname"};
  for (const auto* name : {"scans", "rows"}) {
    CollectorColumn column;
    column.column = name;
    column.metric = std::string("pgtend_table_") + name + "_total";
    column.exporter_name = std::string("pg_stat_user_tables_") + name;
    def.columns.push_back(column);
  }
  return def;
}

RowSet tables(const std::vector<std::string>& names) {
  RowSet rows;
  rows.columns = {"relname", "scans", "rows"};
  for (const auto& name : names) rows.rows.push_back({name, "1", "2"});
  return rows;
}

// The key objects by their text.
std::map<std::string, const SeriesKey*> objects(const SeriesRun& run) {
  std::map<std::string, const SeriesKey*> out;
  for (const auto& sample : run.samples) out[to_string(sample.key)] = &*sample.key;
  return out;
}

}  // namespace

TEST_CASE("a row that is still there keeps its key objects, wherever it moved") {
  const auto def = tables_def();
  RowKeys keys;
  const auto run = [&](const std::vector<std::string>& names) {
    return rows_to_series(def, tables(names), {}, "shop", &keys);
  };
  const auto first = run({"a", "b", "c", "d", "e"});
  REQUIRE(first.samples.size() == 20);
  const auto known = objects(first);
  for (const auto& names : std::vector<std::vector<std::string>>{
           {"a", "b", "c", "d", "e"}, {"a", "e"}, {"e", "new", "a"}, {"a", "a", "e"}}) {
    const auto next = run(names);
    std::size_t again = 0;
    for (const auto& [text, object] : objects(next)) {
      const auto before = known.find(text);
      if (before == known.end()) continue;
      CHECK(before->second == object);
      ++again;
    }
    CHECK(again == (names.size() == 5 ? 20 : 8));
    CHECK(next.duplicates == (names[1] == "a" ? 4 : 0));
    // The texts are those that a run without a memory would give.
    const auto fresh = rows_to_series(def, tables(names), {}, "shop");
    REQUIRE(fresh.samples.size() == next.samples.size());
    for (std::size_t i = 0; i < fresh.samples.size(); ++i) CHECK(fresh.samples[i].key == next.samples[i].key);
  }
}

TEST_CASE("a row that went away comes back as a new object, and its old one is not kept") {
  const auto def = tables_def();
  RowKeys keys;
  auto first = rows_to_series(def, tables({"a", "b"}), {}, "shop", &keys);
  const SharedKey old = first.samples.back().key;
  first.samples.clear();
  (void)rows_to_series(def, tables({"a"}), {}, "shop", &keys);
  const auto back = rows_to_series(def, tables({"a", "b"}), {}, "shop", &keys);
  CHECK(back.samples.back().key == old);
  CHECK_FALSE(back.samples.back().key.is_same(old));
}

TEST_CASE("other columns or another label value never give a key of before") {
  auto def = tables_def();
  RowKeys keys;
  (void)rows_to_series(def, tables({"a"}), {}, "shop", &keys);
  def.columns[0].metric = "pgtend_table_other_total";
  const auto renamed = rows_to_series(def, tables({"a"}), {}, "shop", &keys);
  CHECK(to_string(renamed.samples[0].key) == R"(pgtend_table_other_total{datname="shop",relname="a"})");
  const auto other = rows_to_series(def, tables({"z"}), {}, "shop", &keys);
  CHECK(to_string(other.samples[0].key) == R"(pgtend_table_other_total{datname="shop",relname="z"})");
  auto without = tables({"z"});
  without.rows[0][0] = std::nullopt;
  const auto unnamed = rows_to_series(def, without, {}, "shop", &keys);
  CHECK(to_string(unnamed.samples[0].key) == R"(pgtend_table_other_total{datname="shop"})");
}
