#include "agent/cli/watch.hpp"

#include <algorithm>
#include <csignal>
#include <iostream>
#include <thread>

#include "agent/base/clock.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/cli/table.hpp"

namespace pgtend::cli {

namespace {

constexpr std::chrono::milliseconds kPoll{500};
constexpr int kBarColumns = 30;
// An agent that is restarted, by a person or by systemd (RestartSec=2), is back by then.
constexpr std::chrono::seconds kAwayAtMost{60};

volatile std::sig_atomic_t interrupted = 0;

bool is_final_state(const std::string& state) {
  for (const auto* name : {"kept", "reverted", "failed", "lost", "rejected", "expired"})
    if (state == name) return true;
  return false;
}

struct Seen {
  std::string state, phase, waits;
  double ratio = 0;
  int tenth = -1;
};

std::string bar(double ratio) {
  const int full = static_cast<int>(ratio * kBarColumns);
  return "[" + std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(kBarColumns - full), '.') + "]";
}

std::string progress_line(const Json& progress, const Seen& seen) {
  char percent[16];
  std::snprintf(percent, sizeof percent, "%3.0f %%", seen.ratio * 100);
  std::string line = seen.state + " " + bar(seen.ratio) + " " + percent + " " + seen.phase;
  if (const auto total = cell(progress, "total"); !total.empty() && total != "0")
    line += ", " + cell(progress, "done") + " of " + total + " " + cell(progress, "unit");
  if (const auto pid = cell(progress, "waiting_for_pid"); !pid.empty()) line += ", waiting for pid " + pid;
  if (!seen.waits.empty()) line += ", waits: " + seen.waits;
  return line;
}

// Whether off a terminal this deserves a line of its own.
bool is_news(const Seen& before, const Seen& now) {
  return before.state != now.state || before.phase != now.phase || before.waits != now.waits ||
         before.tenth != now.tenth;
}

void show(const Context& context, const Json& change, const Json& progress, const Seen& before, const Seen& now) {
  if (context.json()) {
    if (!is_news(before, now)) return;
    print(Json{{"at", to_rfc3339(SystemClock().now())},
               {"id", change["id"]},
               {"state", now.state},
               {"waits", now.waits},
               {"progress", progress}}
              .dump() +
          "\n");
  } else if (terminal_width() > 0) {
    print("\r\033[K" + progress_line(progress, now));
  } else if (is_news(before, now)) {
    print(progress_line(progress, now) + "\n");
  }
}

struct Look {
  Json change, progress;
};

Result<Look> look_at(const Context& context, const std::string& id) {
  auto change = ask(context, "GET", "/v1/changes/" + url_encode(id));
  if (!change) return fail(std::move(change.error()));
  auto progress = ask(context, "GET", "/v1/changes/" + url_encode(id) + "/progress");
  if (!progress) return fail(std::move(progress.error()));
  return Look{(*change)["item"], (*progress)["item"]};
}

// The bar never runs backwards.
Seen seen_in(const Look& look, const Seen& before) {
  Seen now;
  now.state = cell(look.change, "state");
  now.waits = cell(look.change, "waits");
  now.phase = cell(look.progress, "phase");
  now.ratio = std::clamp(std::max(before.ratio, look.progress.value("ratio", 0.0)), 0.0, 1.0);
  now.tenth = static_cast<int>(now.ratio * 10);
  return now;
}

void conclude(Context& context, const Json& change) {
  if (context.json()) return;
  const auto state = cell(change, "state");
  print((terminal_width() > 0 ? "\n" : "") + std::string("change ") + cell(change, "id").substr(0, 8) + " is " + state +
        (change["verdict"].is_null() ? "" : ": " + cell(change["verdict"], "explanation")) + "\n");
  if (const auto error = cell(change, "last_error"); !error.empty()) print("  " + error + "\n");
}

}  // namespace

void watch_change(Context& context, const std::string& id) {
  interrupted = 0;
  std::signal(SIGINT, [](int) { interrupted = 1; });
  Seen seen;
  std::optional<Deadline> away_since;
  while (interrupted == 0) {
    auto look = look_at(context, id);
    if (!look) {
      const bool may_return = look.error().code == Errc::unavailable && !seen.state.empty();
      const auto now = std::chrono::steady_clock::now();
      if (!may_return || now - away_since.value_or(now) > kAwayAtMost) return report(context, look.error());
      if (!away_since)
        std::cerr << (terminal_width() > 0 ? "\n" : "")
                  << "pgtend: the agent does not answer; waiting for it, the change is in its ledger\n";
      away_since = away_since.value_or(now);
      std::this_thread::sleep_for(kPoll);
      continue;
    }
    away_since.reset();
    const auto now = seen_in(*look, seen);
    show(context, look->change, look->progress, seen, now);
    seen = now;
    if (is_final_state(now.state)) {
      conclude(context, look->change);
      if (now.state == "failed" || now.state == "lost") context.exit_code = kFailed;
      return;
    }
    std::this_thread::sleep_for(kPoll);
  }
  std::cerr << "\npgtend: detached; the change goes on. Follow it again with: pgtend changes watch " << id << "\n";
  context.exit_code = kInterrupted;
}

}  // namespace pgtend::cli
