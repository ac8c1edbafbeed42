#include <malloc.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "agent/cli/commands.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/config/config.hpp"
#include "agent/engine/engine.hpp"
#include "agent/engine/load_config.hpp"

namespace pgtend::cli {

namespace {

// For fault tests only: PGTEND_FAULT=<point> kills the process with SIGKILL when a change reaches that point.
std::function<void(std::string_view)> fault_from_environment() {
  const char* point = std::getenv("PGTEND_FAULT");
  if (point == nullptr || *point == '\0') return {};
  return [wanted = std::string(point)](std::string_view reached) {
    if (reached == wanted) std::raise(SIGKILL);
  };
}

// An arena for each of five threads keeps what that thread once freed; one arena shares it, large blocks go back at
// once. Source: mallopt(3); measured on the demo only together with smaller buffers for /proc, VmHWM 54.9 MB
// before, 43.5 after. What is free at the top of the heap stays until the watchdog's loop gives it back: the queries of
// a dashboard come one after another, and to get fresh pages for each took a seventh of a large one's time (measured).
void keep_the_heap_small() {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 64 * 1024);
  mallopt(M_TRIM_THRESHOLD, 16 * 1024 * 1024);
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("run", "run the agent in the foreground (what the systemd unit does)");
  command->callback([&context] {
    const std::string file = context.effective_config_file();
    const auto loaded = engine::load_config(file);
    if (!loaded.errors.empty()) {
      std::cerr << config::format_errors(loaded.errors);
      context.exit_code = kConfigWrong;
      return;
    }
    std::cerr << config::format_warnings(loaded.warnings);
    keep_the_heap_small();
    engine::EngineOptions options;
    options.version = PGTEND_VERSION;
    options.config_file = file;
    options.fault = fault_from_environment();
    auto served = engine::run(loaded, options);
    if (!served) report(context, served.error());
  });
}

}  // namespace pgtend::cli
