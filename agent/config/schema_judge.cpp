// Keys of what is judged and told: rules, promql, advisors.
#include "agent/config/schema.hpp"

namespace pgtend::config {

namespace {

constexpr Millis kSecond{1'000}, kDay{24LL * 3'600'000};

Field<RulesConfig> external_labels_field() {
  return {{"external_labels",
           "map of text",
           "Labels added to every alert that leaves, such as {site: berlin}.",
           "",
           {},
           {}},
          [](Reader& r, const Entry& e, RulesConfig& out) { r.labels(e, out.external_labels); },
          [](const RulesConfig& from, KeyDoc& to) { to.value = show_map(from.external_labels); }};
}

}  // namespace

Table<RulesConfig> rules_table() {
  using R = RulesConfig;
  return {
      text_list(
          "files", &R::files,
          "Prometheus rule files; the file name may hold * and ?. Files of later configuration files are appended.",
          true),
      boolean("shipped", &R::shipped, "Loads the rules inside the binary as well."),
      duration("evaluation_interval", &R::evaluation_interval, Millis(100), kDay, "Of groups that name none."),
      duration("outage_tolerance", &R::outage_tolerance, Millis(0), 30 * kDay,
               "A pending alert that nobody could look at for longer waits its `for` anew."),
      external_labels_field(),
  };
}

Table<PromqlConfig> promql_table() {
  using P = PromqlConfig;
  return {
      choice("range_boundary", &P::range_boundary, {"left_open", "closed"},
             "Whether x[5m] leaves out a sample exactly 5 minutes old: left_open as Prometheus 3, closed as 2."),
      duration(
          "lookback", &P::lookback, kSecond, kDay,
          "How old the newest sample of a series may be to count as now; three intervals where its collector runs more "
          "seldom."),
      duration("timeout", &P::timeout, Millis(10), Millis(600 * kSecond), "Longest run of one query of the API."),
      integer("max_samples", &P::max_samples, 1'000, 100'000'000,
              "Samples one query may load and hold; 16 bytes each."),
  };
}

Table<AdvisorsConfig> advisors_table() {
  using A = AdvisorsConfig;
  return {
      duration("interval", &A::interval, kSecond, Millis(7 * kDay), "Time between two runs."),
      text_list("disabled", &A::disabled, "Patterns (* and ?) of advisors that do not run."),
      duration("min_history", &A::min_history, Millis(0), Millis(365 * kDay),
               "History needed before the first advice."),
      bytes("min_table_bytes", &A::min_table_bytes, 0, 1LL << 50, "Smaller tables get no index advice."),
      integer("min_table_rows", &A::min_table_rows, 0, 1'000'000'000'000LL,
              "Tables with fewer rows get no index advice."),
      number("min_statement_share", &A::min_statement_share, 0, 1, "Share of the load a statement needs to count."),
      number("min_saving", &A::min_saving, 0, 1, "Share of its cost a statement must save for a new index."),
      duration("unused_index_window", &A::unused_index_window, Millis(60 * kSecond), Millis(3650 * kDay),
               "How long an index must go unread before dropping it is advised."),
      duration("matview_max_age", &A::matview_max_age, Millis(0), Millis(365 * kDay),
               "Age at which a read and changed view is stale. 0s: by changes only."),
      bytes("index_budget_bytes", &A::index_budget_bytes, 0, 1LL << 50, "Size of all indexes advised at one time."),
      integer("partitions_ahead", &A::partitions_ahead, 0, 100,
              "Partitions of time to have ahead of the current one. 0: none are advised."),
  };
}

}  // namespace pgtend::config
