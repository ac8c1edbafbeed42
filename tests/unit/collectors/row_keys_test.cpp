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

TEST_CASE("rows with the same labels become one where the collector folds, in any order and within its quota") {
  auto def = tables_def();
  def.fold = true;
  def.columns[1].fold = Fold::max;
  def.epoch_column = "epoch";
  def.max_series = 2;
  RowSet rows;
  rows.columns = {"relname", "scans", "rows", "epoch"};
  rows.rows = {{"events", "1", "5", "a"},
               {"orders", "10", "1", ""},
               {"late", "7", "7", ""},
               {"events", "2", std::nullopt, "b"},
               {"events", "4", "3", "c"}};
  RowKeys keys;
  std::map<std::string, double> before;
  for (int run = 0; run < 2; ++run) {
    const auto out = rows_to_series(def, rows, {}, "", &keys);
    CHECK(out.dropped == 1);
    CHECK(out.duplicates == 0);
    std::map<std::string, double> values;
    for (const auto& sample : out.samples) values[to_string(*sample.key)] = sample.value;
    CHECK(values == std::map<std::string, double>{{R"(pgtend_table_scans_total{relname="events"})", 7},
                                                  {R"(pgtend_table_rows_total{relname="events"})", 5},
                                                  {R"(pg_stat_user_tables_scans{relname="events"})", 7},
                                                  {R"(pg_stat_user_tables_rows{relname="events"})", 5},
                                                  {R"(pgtend_table_scans_total{relname="orders"})", 10},
                                                  {R"(pgtend_table_rows_total{relname="orders"})", 1},
                                                  {R"(pg_stat_user_tables_scans{relname="orders"})", 10},
                                                  {R"(pg_stat_user_tables_rows{relname="orders"})", 1}});
  }
}

TEST_CASE("the epoch of folded rows is that of all of them: another set of partitions is another epoch") {
  auto def = tables_def();
  def.fold = true;
  def.epoch_column = "epoch";
  const auto epoch_of = [&](const std::vector<std::string>& partitions) {
    RowSet rows;
    rows.columns = {"relname", "scans", "rows", "epoch"};
    for (const auto& partition : partitions) rows.rows.push_back({"events", "1", "1", partition});
    return rows_to_series(def, rows, {}, "").samples.front().epoch;
  };
  CHECK(epoch_of({"1", "2"}) == epoch_of({"2", "1"}));
  CHECK(epoch_of({"1", "2"}) != epoch_of({"1", "3"}));
  CHECK(epoch_of({"1", "2"}) != epoch_of({"1", "2", "3"}));
}
