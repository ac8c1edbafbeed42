// pgtend demo: the whole loop against a private PostgreSQL, played as a timeline.
#include <thread>

#include "agent/cli/commands.hpp"
#include "agent/cli/demo/stage.hpp"
#include "agent/cli/exit_codes.hpp"

namespace pgtend::cli {

namespace {

using demo::Stage;

struct Options {
  bool check = false, keep = false;
};

constexpr const char* kHeading =
    "pgtend demo: a private PostgreSQL, a busy little shop, and the agent that tends it. About four minutes.\n\n";

Result<void> play(Stage& stage) {
  // The alert comes before the advice: a session idle in its transaction would hold a concurrent build back.
  using Act = Result<void> (*)(Stage&);
  for (const Act act :
       {demo::open_shop, demo::start_agent, demo::raise_alert, demo::show_findings, demo::refresh_view,
        demo::migrate_thrice, demo::create_index, demo::undo_harm, demo::verify_audit, demo::measure_cost})
    if (auto ok = act(stage); !ok) return ok;
  return {};
}

void summarise(Stage& stage, bool keep) {
  stage.step = "summary";
  const double seconds = stage.timeline.elapsed_seconds();
  stage.timeline.remark("\n");
  stage.timeline.done("summary",
                      std::to_string(stage.timeline.steps()) +
                          " steps happened, each checked in PostgreSQL's catalogs, in " + demo::shown(seconds / 60) +
                          " minutes",
                      {{"steps", stage.timeline.steps()},
                       {"seconds", static_cast<int>(seconds)},
                       {"address", stage.agent->address()},
                       {"kept_running", keep}});
  if (!keep) {
    stage.timeline.remark("The agent answered at " + stage.agent->address() +
                          "; all of it is stopped and removed now. --keep leaves it running.\n");
    return;
  }
  const std::string socket = stage.agent->socket().string();
  stage.timeline.remark("\nThe agent goes on and answers at " + stage.agent->address() +
                        " (try /metrics, /v1/changes)\n" + "and on its socket:  pgtend --socket " + socket +
                        " status\n" + "                    pgtend --socket " + socket + " changes\n" +
                        "PostgreSQL:         psql -h " + stage.cluster->socket_folder() + " -U postgres " +
                        demo::kDatabase + "\n" + "Ctrl-C stops and removes everything.\n");
}

void run_demo(Context& context, const Options& options) {
  demo::catch_signals();
  Stage stage(options.check || context.json());
  stage.timeline.remark(kHeading);
  auto played = play(stage);
  if (played) summarise(stage, options.keep);
  if (!played && played.error().code == Errc::cancelled) {
    stage.timeline.failed(stage.step, "interrupted; everything is stopped and removed");
    context.exit_code = kInterrupted;
    return;
  }
  if (!played) {
    stage.timeline.failed(stage.step, played.error().describe());
    context.exit_code = kFailed;
  }
  // A failed demo is kept as well: somebody wants to look at it.
  while (options.keep && stage.agent && stage.agent->running() && !demo::interrupted())
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  stage.timeline.waiting("stopping");
  stage.timeline.remark("");
}

}  // namespace

void add_demo(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("demo", "the whole loop against a private PostgreSQL, in about four minutes");
  command->add_flag("--check", options->check,
                    "unattended: the timeline as JSON lines; exit 0 only if every step really happened");
  command->add_flag("--keep", options->keep, "leave everything running at the end, until Ctrl-C");
  command->callback([&context, options] { run_demo(context, *options); });
}

}  // namespace pgtend::cli
