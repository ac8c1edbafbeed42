// The good change: approved, built with progress, verified, kept.
#include <algorithm>
#include <cmath>
#include <set>

#include "agent/base/units.hpp"
#include "agent/cli/demo/acts.hpp"

namespace pgtend::cli::demo {

namespace {

// verify.before of packaging/demo.yaml and a little more: what a change is compared with must have been sampled.
constexpr double kBeforeSeconds = 46;
constexpr std::size_t kBarColumns = 30;

struct Build {
  std::set<std::string> phases;  // as pg_stat_progress_create_index names them
  std::string command;
  double ratio = 0;
  bool backwards = false;
};

std::string bar(double ratio) {
  const auto full = static_cast<std::size_t>(std::clamp(ratio, 0.0, 1.0) * kBarColumns);
  return "[" + std::string(full, '#') + std::string(kBarColumns - full, '.') + "] " + shown(ratio * 100, 0) + " %";
}

// One look at a running build, with the superuser's eye and through the API.
Result<void> watch(Stage& stage, const std::string& id, Build& build) {
  auto running = stage.eye->run("SELECT command, phase FROM pg_stat_progress_create_index");
  if (!running) return fail(std::move(running.error()));
  if (running->size() > 0) {
    build.command = running->text(0, "command");
    build.phases.insert(running->text(0, "phase"));
  }
  auto progress = stage.agent->get("/v1/changes/" + id + "/progress");
  if (!progress) return {};
  const auto& item = (*progress)["item"];
  const double ratio = item.value("ratio", 0.0);
  build.backwards = build.backwards || ratio < build.ratio;
  build.ratio = std::max(build.ratio, ratio);
  stage.timeline.waiting("building " + bar(build.ratio) + " " + cell(item, "phase"));
  return {};
}

Result<std::string> approve(Stage& stage, const cli::Json& recommendation) {
  stage.step = "index_approved";
  const std::string path = "/v1/recommendations/" + cell(recommendation, "id") + "/approve";
  const std::string name = cell(recommendation["change"]["detail"], "index");
  auto early = look_at_index(stage, "public", name);
  if (!early) return fail(std::move(early.error()));
  if (early->exists) return fail(Errc::internal, "the index was there before anybody approved it");
  auto wrong = stage.agent->post(path, {{"plan_hash", std::string(64, '0')}});
  if (wrong || wrong.error().code != Errc::conflict)
    return fail(Errc::internal, "an approval of another plan than the shown one was not refused");
  auto fresh = stage.agent->get("/v1/recommendations/" + cell(recommendation, "id"));
  if (!fresh) return fail(std::move(fresh.error()));
  const auto hash = cell((*fresh)["item"], "plan_hash");
  auto approved = stage.agent->post(path, {{"plan_hash", hash}});
  if (!approved) return fail(std::move(approved.error()));
  const auto& change = (*approved)["item"];
  stage.timeline.done("index_approved",
                      "by " + cell(change, "approved_by") + " through the API, bound to plan " + hash.substr(0, 12) +
                          "; another plan's hash was refused",
                      {{"change", cell(change, "id")},
                       {"approved_by", cell(change, "approved_by")},
                       {"plan_hash", hash},
                       {"wrong_hash_refused", true}});
  return cell(change, "id");
}

Result<void> build(Stage& stage, const std::string& id, const std::string& name) {
  stage.step = "index_built";
  Build build;
  double began = 0;
  IndexSeen seen;
  std::string state;
  const auto built = [&]() -> Result<bool> {
    if (auto ok = watch(stage, id, build); !ok) return fail(std::move(ok.error()));
    if (began == 0 && !build.command.empty()) began = stage.timeline.elapsed_seconds();
    auto looked = look_at_index(stage, "public", name);
    if (!looked) return fail(std::move(looked.error()));
    seen = *looked;
    if (seen.valid) return true;
    auto change = stage.agent->get("/v1/changes/" + id);
    if (!change) return fail(std::move(change.error()));
    state = cell((*change)["item"], "state");
    if (state == "failed" || state == "rejected" || state == "expired")
      return fail(Errc::server, "the change is " + state + ": " + cell((*change)["item"], "last_error"));
    return false;
  };
  if (auto ok = wait_for(stage, "the index is built", Millis(120'000), built, Millis(20)); !ok)
    return fail(std::move(ok.error()), "state " + state);
  const double seconds = stage.timeline.elapsed_seconds() - (began > 0 ? began : stage.timeline.elapsed_seconds());
  if (build.command != "CREATE INDEX CONCURRENTLY")
    return fail(Errc::internal, "the build was not seen as CREATE INDEX CONCURRENTLY but as \"" + build.command + "\"");
  if (build.backwards) return fail(Errc::internal, "the progress ran backwards");
  std::vector<std::string> phases(build.phases.begin(), build.phases.end());
  std::string shown_phases;
  for (const auto& phase : phases) shown_phases += (shown_phases.empty() ? "" : "; ") + phase;
  stage.timeline.done("index_built",
                      name + ", CONCURRENTLY, in " + shown(seconds) + " s, " + format_bytes(seen.bytes) +
                          "; progress up to " + percent(build.ratio),
                      {{"index", name},
                       {"command", build.command},
                       {"phases_in_postgresql", phases},
                       {"build_seconds", std::round(seconds * 100) / 100},
                       {"index_bytes", seen.bytes},
                       {"largest_progress_ratio", build.ratio},
                       {"indisvalid", seen.valid}},
                      {"seen in pg_stat_progress_create_index: " + shown_phases});
  return {};
}

}  // namespace

Result<void> create_index(Stage& stage) {
  stage.step = "index_approved";
  const auto sampled = [&]() -> Result<bool> {
    return stage.timeline.elapsed_seconds() > stage.agent_ready_at + kBeforeSeconds;
  };
  if (auto ok = wait_for(stage, "the statements before the change are sampled for " + shown(kBeforeSeconds, 0) + " s",
                         Millis(60'000), sampled);
      !ok)
    return ok;
  auto recommendation = customer_index(stage);
  if (!recommendation) return fail(std::move(recommendation.error()));
  if (recommendation->is_null()) return fail(Errc::internal, "the recommendation is gone");
  auto at_start = customer_lookups(stage);
  if (!at_start) return fail(std::move(at_start.error()));
  auto id = approve(stage, *recommendation);
  if (!id) return fail(std::move(id.error()));
  const std::string name = cell((*recommendation)["change"]["detail"], "index");
  if (auto built = build(stage, *id, name); !built) return built;

  stage.step = "index_kept";
  auto after_build = customer_lookups(stage);
  if (!after_build) return fail(std::move(after_build.error()));
  auto change = await_state(stage, *id, "kept", "the look-ups are compared with the control group", Millis(180'000));
  if (!change) return fail(std::move(change.error()));
  auto at_end = customer_lookups(stage);
  auto index = look_at_index(stage, "public", name);
  if (!at_end || !index) return fail(at_end ? std::move(index.error()) : std::move(at_end.error()));
  const double before = at_start->blocks_per_call_since({}), after = at_end->blocks_per_call_since(*after_build);
  const double ms_before = at_start->ms_per_call_since({}), ms_after = at_end->ms_per_call_since(*after_build);
  if (!index->valid || index->scans <= 0)
    return fail(Errc::internal, "PostgreSQL shows no valid index that is read, but the change is kept");
  if (after >= before / 2)
    return fail(Errc::internal,
                "look-ups still read " + shown(after) + " blocks per call, " + shown(before) + " before");
  if (cell((*change)["verdict"], "kind") != "improved")
    return fail(Errc::internal, "kept, but with the verdict " + verdict_text(*change));
  stage.timeline.done(
      "index_kept", verdict_text(*change),
      {{"change", *id},
       {"verdict", (*change)["verdict"]},
       {"blocks_per_call_before", std::round(before * 10) / 10},
       {"blocks_per_call_after", std::round(after * 10) / 10},
       {"ms_per_call_before", std::round(ms_before * 1000) / 1000},
       {"ms_per_call_after", std::round(ms_after * 1000) / 1000},
       {"index_scans", index->scans}},
      {"PostgreSQL counts " + shown(before, 0) + " -> " + shown(after, 0) + " blocks and " + shown(ms_before, 2) +
       " -> " + shown(ms_after, 2) + " ms per look-up, " + shown(index->scans, 0) + " scans of the new index"});
  return {};
}

}  // namespace pgtend::cli::demo
