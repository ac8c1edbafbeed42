#include "agent/cli/demo/stage.hpp"

#include <csignal>
#include <thread>

namespace pgtend::cli::demo {

namespace {

// Whatever happens, the demo ends after this.
constexpr double kWholeSeconds = 8 * 60;

volatile std::sig_atomic_t caught = 0;

}  // namespace

bool interrupted() {
  return caught != 0;
}

void catch_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) std::signal(number, [](int) { caught = 1; });
}

Result<void> wait_for(Stage& stage, const std::string& what, Millis limit,
                      const std::function<Result<bool>()>& condition, Millis poll) {
  const Deadline until = std::chrono::steady_clock::now() + limit;
  std::string last_error;
  while (true) {
    if (interrupted()) return fail(Errc::cancelled, "interrupted");
    if (stage.agent && !stage.agent->running())
      return fail(Errc::unavailable,
                  "the agent has ended by itself; its last words:\n" + read_text(stage.agent->log()));
    auto holds = condition();
    if (!holds && holds.error().code != Errc::unavailable) return fail(std::move(holds.error()), what);
    if (holds && *holds) return {};
    last_error = holds ? "" : ": " + holds.error().describe();
    if (std::chrono::steady_clock::now() > until)
      return fail(Errc::timeout, what + ": not within " + std::to_string(limit.count() / 1000) + " s" + last_error);
    if (stage.timeline.elapsed_seconds() > kWholeSeconds)
      return fail(Errc::timeout, what + ": the whole demo took longer than eight minutes" + last_error);
    stage.timeline.waiting(what);
    std::this_thread::sleep_for(poll);
  }
}

}  // namespace pgtend::cli::demo
