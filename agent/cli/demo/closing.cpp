// The last acts: the audit and what the agent cost.
#include <cmath>
#include <map>

#include "agent/base/units.hpp"
#include "agent/cli/demo/acts.hpp"

namespace pgtend::cli::demo {

namespace {

// Source: the promise of README; the sanitizers' own memory is none of the agent's.
constexpr double kMostRss = 40.0 * 1024 * 1024;
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PGTEND_SANITIZED 1
#endif
#endif
#ifdef PGTEND_SANITIZED
constexpr bool kMeasured = false;
#else
constexpr bool kMeasured = true;
#endif
constexpr int kPage = 500;

}  // namespace

Result<void> verify_audit(Stage& stage) {
  stage.step = "audit_verified";
  auto verified = stage.agent->get("/v1/audit/verify");
  if (!verified) return fail(std::move(verified.error()));
  const cli::Json answer = (*verified)["item"];
  if (!answer.value("ok", false))
    return fail(Errc::corrupt, "the chain breaks at row " + cell(answer, "first_bad") + ": " + cell(answer, "reason"));
  // The links once more, row by row: each names the hash of the one before it.
  std::string last_hash, last_row;
  std::int64_t rows = 0, next = 0;
  std::map<std::string, int> actions;
  while (true) {
    auto page = stage.agent->get("/v1/audit?limit=" + std::to_string(kPage) + "&from=" + std::to_string(next));
    if (!page) return fail(std::move(page.error()));
    const auto& items = (*page)["items"];
    for (const auto& entry : items) {
      if (rows > 0 && cell(entry, "previous_hash") != last_hash)
        return fail(Errc::corrupt, "row " + cell(entry, "sequence") + " does not follow row " + last_row);
      last_hash = cell(entry, "hash");
      last_row = cell(entry, "sequence");
      next = entry["sequence"].get<std::int64_t>() + 1;
      ++actions[cell(entry, "action")];
      ++rows;
    }
    if (items.size() < kPage) break;
  }
  if (rows == 0) return fail(Errc::internal, "the audit is empty");
  std::vector<std::string> details;
  std::string line;
  for (const auto& [action, number] : actions) {
    const std::string one = action + " " + std::to_string(number);
    if (line.size() + one.size() > 90) {
      details.push_back(line);
      line.clear();
    }
    line += (line.empty() ? "" : ", ") + one;
  }
  details.push_back(line);
  stage.timeline.done("audit_verified",
                      std::to_string(rows) + " rows, each chained to the one before it by SHA-256; the last is " +
                          last_hash.substr(0, 12),
                      {{"rows", rows}, {"last_hash", last_hash}, {"actions", actions}}, details);
  return {};
}

Result<void> measure_cost(Stage& stage) {
  stage.step = "cost";
  const double peak = stage.agent->peak_rss_bytes();
  const double seconds = stage.timeline.elapsed_seconds() - stage.agent_ready_at;
  const double agent = stage.agent->cpu_seconds() / std::max(1.0, seconds);
  auto status = stage.agent->get("/v1/status");
  if (!status) return fail(std::move(status.error()));
  const auto& cost = (*status)["item"]["cost"];
  const double backends = cost.value("backend_cpu_ratio", 0.0);
  if (kMeasured && peak > kMostRss)
    return fail(Errc::resource_exhausted,
                "the agent's resident memory rose to " + format_bytes(peak) + ", more than " + format_bytes(kMostRss));
  stage.timeline.done("cost",
                      "peak resident memory " + format_bytes(peak) + "; " + percent(agent) +
                          " of one core for the agent and " + percent(backends) +
                          " for its backends, at intervals of seconds",
                      {{"peak_rss_bytes", peak},
                       {"rss_limit_bytes", kMostRss},
                       {"agent_cpu_ratio", std::round(agent * 10000) / 10000},
                       {"backend_cpu_ratio", std::round(backends * 10000) / 10000},
                       {"measured_seconds", std::round(seconds)}},
                      {"at production intervals: ./dev bench"});
  return {};
}

}  // namespace pgtend::cli::demo
