#include "agent/engine/view.hpp"

// The agent's own files, as the API shows them. Everything here reads or copies files: on the blocking pool.
namespace pgtend::engine {

net::TaskResult<store::StorageReport> View::history_report() {
  auto job = [history = &parts_.history] { return history->report(); };
  auto report = co_await parts_.compute(job);
  co_return report;
}

net::TaskResult<store::IntegrityReport> View::history_check() {
  auto job = [path = parts_.config->history.path] { return store::check_history(path); };
  auto report = co_await parts_.compute(job);
  co_return report;
}

net::TaskResult<std::string> View::history_backup(std::string to) {
  auto job = [history = &parts_.history, to]() -> Result<std::string> {
    if (auto copied = history->backup(to); !copied) return fail(std::move(copied.error()));
    return to;
  };
  auto copied = co_await parts_.compute(job);
  co_return copied;
}

}  // namespace pgtend::engine
