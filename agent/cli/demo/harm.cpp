// The harmful change: a person insists on an index that takes HOT updates away; it is measured and taken back.
#include <cmath>
#include <thread>

#include "agent/cli/demo/acts.hpp"

namespace pgtend::cli::demo {

namespace {

constexpr const char* kIndex = "stock_quantity_idx";
// Updates over which a ratio is measured: at 120 a second some five seconds.
constexpr double kUpdates = 500;
// Without an index on quantity nearly all updates stay on their page, with it none can.
constexpr double kHotLeast = 0.8, kHotMost = 0.1;

cli::Json plan() {
  return {{"action", "create_index"},
          {"kind", "index"},
          {"database", kDatabase},
          {"object", "public.stock"},
          {"run_as_role", "shop_owner"},
          {"sql_up", {"CREATE INDEX CONCURRENTLY \"stock_quantity_idx\" ON \"public\".\"stock\" (\"quantity\")"}},
          {"sql_down", {"DROP INDEX CONCURRENTLY \"public\".\"stock_quantity_idx\""}},
          {"detail",
           {{"schema", "public"},
            {"index", kIndex},
            {"table", "stock"},
            {"key_columns", {"quantity"}},
            {"method", "btree"},
            {"is_drop", false},
            {"definition", "CREATE INDEX \"stock_quantity_idx\" ON \"public\".\"stock\" (\"quantity\")"}}},
          {"lock", "ShareUpdateExclusiveLock"},
          {"cost", {{"bytes", 400'000}, {"seconds", 1}, {"wal_bytes", 400'000}}},
          {"target_tables", {"public.stock"}}};
}

// The share of HOT updates as PostgreSQL counts it, over one stretch of updates after the other until it lies between
// `least` and `most`: a session reports its counters up to a second late, so the first stretch may hold older updates.
Result<double> hot_ratio(Stage& stage, const std::string& what, double least, double most) {
  auto before = stock_updates(stage);
  if (!before) return fail(std::move(before.error()));
  double ratio = 0;
  const auto settled = [&]() -> Result<bool> {
    auto now = stock_updates(stage);
    if (!now) return fail(std::move(now.error()));
    if (now->updated - before->updated < kUpdates) return false;
    ratio = now->ratio_since(*before);
    before = std::move(now);
    return ratio >= least && ratio <= most;
  };
  if (auto ok = wait_for(stage, what, Millis(60'000), settled); !ok)
    return fail(std::move(ok.error()), percent(ratio) + " of the updates of stock are HOT");
  return ratio;
}

}  // namespace

Result<void> undo_harm(Stage& stage) {
  stage.step = "harm_proposed";
  auto before = hot_ratio(stage, "HOT updates of stock before the harmful index", kHotLeast, 1);
  if (!before) return fail(std::move(before.error()));
  auto proposed = stage.agent->post("/v1/changes", plan());
  if (!proposed) return fail(std::move(proposed.error()));
  const cli::Json item = (*proposed)["item"];
  const std::string id = cell(item, "id"), hash = cell(item, "plan_hash");
  stage.timeline.done("harm_proposed",
                      "somebody wants an index on stock.quantity: " + item["plan"]["sql_up"][0].get<std::string>(),
                      {{"change", id}, {"sql", item["plan"]["sql_up"][0]}, {"hot_ratio_before", *before}},
                      {percent(*before) + " of the updates of stock are HOT now"});

  stage.step = "harm_applied";
  auto approved = stage.agent->post("/v1/changes/" + id + "/approve", {{"plan_hash", hash}});
  if (!approved) return fail(std::move(approved.error()));
  const auto applied = [&]() -> Result<bool> {
    auto seen = look_at_index(stage, "public", kIndex);
    if (!seen) return fail(std::move(seen.error()));
    if (seen->valid) return true;
    auto change = stage.agent->get("/v1/changes/" + id);
    if (!change) return fail(std::move(change.error()));
    if (const auto state = cell((*change)["item"], "state"); state == "failed" || state == "rejected")
      return fail(Errc::server, "the change is " + state + ": " + cell((*change)["item"], "last_error"));
    return false;
  };
  if (auto ok = wait_for(stage, "the approved index is built", Millis(120'000), applied); !ok) return ok;
  auto during = hot_ratio(stage, "HOT updates of stock with the harmful index", 0, kHotMost);
  if (!during) return fail(std::move(during.error()));
  stage.timeline.done("harm_applied",
                      "approved on purpose and built; " + percent(*during) + " of the updates are HOT now",
                      {{"change", id}, {"index", kIndex}, {"hot_ratio_during", *during}});

  stage.step = "harm_undone";
  auto change =
      await_state(stage, id, "reverted", "the updates of stock are compared with the control group", Millis(180'000));
  if (!change) return fail(std::move(change.error()));
  auto gone = look_at_index(stage, "public", kIndex);
  if (!gone) return fail(std::move(gone.error()));
  if (gone->exists) return fail(Errc::internal, "the change is reverted, but PostgreSQL still has the index");
  if (cell((*change)["verdict"], "kind") != "regressed")
    return fail(Errc::internal, "reverted, but with the verdict " + verdict_text(*change));
  auto after = hot_ratio(stage, "HOT updates of stock without the harmful index", kHotLeast, 1);
  if (!after) return fail(std::move(after.error()));
  stage.timeline.done(
      "harm_undone", verdict_text(*change),
      {{"change", id}, {"verdict", (*change)["verdict"]}, {"index_exists", false}, {"hot_ratio_after", *after}},
      {"index dropped; HOT updates of stock: " + percent(*before) + " -> " + percent(*during) + " -> " +
       percent(*after)});
  return {};
}

}  // namespace pgtend::cli::demo
