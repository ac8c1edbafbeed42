#include "agent/engine/engine.hpp"

#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <filesystem>

#include "agent/api/routes.hpp"
#include "agent/base/log.hpp"
#include "agent/engine/idle_code.hpp"
#include "agent/engine/load_config.hpp"
#include "agent/engine/loops.hpp"
#include "agent/engine/systemd.hpp"
#include "agent/engine/wiring.hpp"
#include "agent/http/abandon.hpp"
#include "agent/store/sha256.hpp"

namespace pgtend::engine {

namespace {

// Everything must have ended by then; systemd's default is 90 s.
constexpr std::chrono::seconds kShutdownTime{10};
// Each receiver that does not answer keeps a thread for its timeout; others wait for it only beyond so many.
constexpr std::size_t kReceiversAtOnce = 4;

std::uint64_t boot_seed(const Clock& clock) {
  return static_cast<std::uint64_t>(to_ms(clock.now())) ^ (static_cast<std::uint64_t>(::getpid()) << 32);
}

api::BoardOptions board_options(const config::Config& config, const std::string& version) {
  const auto& host = config.postgresql.host;
  return {version,
          static_cast<std::size_t>(config.collection.max_series),
          {config.compat.version, config.compat.dashboard_9628,
           (host.empty() ? "localhost" : host) + ":" + std::to_string(config.postgresql.port)}};
}

// The rooms in the order in which they are opened; destroyed in reverse.
class Agent {
 public:
  Agent(const config::LoadedConfig& loaded, const EngineOptions& options)
      : options_(options),
        store_(1),
        blocking_(2),
        sending_(kReceiversAtOnce),
        queries_(2),
        config_(std::make_shared<const config::Config>(loaded.config)),
        files_(loaded.files),
        board_(board_options(loaded.config, options.version)) {}

  Result<void> open() {
    std::error_code ignored;
    const bool had_history = std::filesystem::exists(config_->history.path, ignored);
    if (auto ok = open_history(); !ok) return ok;
    open_ledger(had_history);
    lanes_ = std::make_unique<pg::Lanes>(io_.get_executor(), blocking_.get_executor(),
                                         lane_options(config_->postgresql), clock_, boot_seed(clock_));
    parts_ = std::make_unique<Parts>(Parts{clock_, io_.get_executor(), store_.get_executor(), blocking_.get_executor(),
                                           sending_.get_executor(), queries_.get_executor(), config_, *lanes_,
                                           *history_, ledger_.get(), ledger_error_, board_});
    rooms_ = std::make_unique<Rooms>(*parts_, options_);
    if (auto ok = rooms_->load(); !ok) return ok;
    note_loaded(files_, {});
    return open_server();
  }

  Result<void> serve() {
    net::asio::signal_set stop(io_, SIGTERM, SIGINT);
    net::asio::signal_set hangup(io_, SIGHUP);
    Supervisor supervisor(io_.get_executor());
    rooms_->start(supervisor);
    auto reloads = [this, &hangup]() { return reload_on(&hangup); };
    supervisor.spawn("reload", reloads);
    net::asio::co_spawn(io_, shut_down(&stop, &supervisor), [](const std::exception_ptr&) {});
    systemd::ready();
    give_back_idle_code();
    log::info("pgtend started", {{"version", options_.version},
                                 {"instance", config_->instance.name},
                                 {"listen", config_->http.listen},
                                 {"socket", config_->http.socket}});
    io_.run();
    store_.join();
    blocking_.join();
    // Nobody waits for them any more.
    sending_.stop();
    queries_.stop();
    sending_.join();
    queries_.join();
    return {};
  }

 private:
  Result<void> open_history() {
    if (auto made = make_directory_of(config_->history.path); !made) return made;
    auto post = [this](std::function<void()> job) { net::asio::post(store_, std::move(job)); };
    auto options = history_options(config_->history);
    // Blocks are encoded where nothing waits for them.
    options.encode = [this](std::function<void()> job) { net::asio::post(blocking_, std::move(job)); };
    auto history = store::HistoryFile::open(std::move(options), post, clock_);
    if (!history) return fail(std::move(history.error()), "open " + config_->history.path);
    history_ = std::move(*history);
    if (const auto aside = history_->moved_aside())
      log::error("history was not a sound database and a new one is started", {{"moved_to", *aside}});
    return {};
  }

  // Without a ledger pgtend only recommends, and says so.
  void open_ledger(bool had_history) {
    auto made = make_directory_of(config_->ledger.path);
    // A ledger that was lost, and one that never was, look alike but for what else is there.
    std::error_code ignored;
    if (had_history && !std::filesystem::exists(config_->ledger.path, ignored))
      log::warn("there is history but no ledger: a new one is begun, without earlier changes, approvals and silences",
                {{"path", config_->ledger.path}});
    auto ledger = made ? store::Ledger::open(config_->ledger.path, clock_)
                       : Result<std::unique_ptr<store::Ledger>>(fail(std::move(made.error())));
    if (ledger) {
      ledger_ = std::move(*ledger);
      return;
    }
    ledger_error_ = ledger.error().describe();
    log::error("no ledger: pgtend only recommends", {{"path", config_->ledger.path}, {"error", ledger_error_}});
  }

  Result<void> open_server() {
    if (auto made = make_directory_of(config_->http.socket); !config_->http.socket.empty() && !made) return made;
    auto who = authenticator(config_->http);
    if (!who) return fail(std::move(who.error()));
    server_ = std::make_unique<http::Server>(io_.get_executor(), server_options(config_->http),
                                             api::make_router(rooms_->view, board_, clock_), std::move(*who));
    return server_->start();
  }

  void note_loaded(std::vector<std::string> files, std::vector<std::string> restart_needed) {
    auto& view = parts_->config_view;
    view.files = std::move(files);
    view.hash = config_hash();
    view.restart_needed = std::move(restart_needed);
    view.loaded_at = clock_.now();
    view.reload_error.clear();
  }

  void refuse_reload(const std::string& why) {
    parts_->config_view.reload_error = why;
    log::error("configuration not reloaded", {{"errors", why}});
    systemd::ready();
  }

  [[nodiscard]] std::string config_hash() const { return store::sha256_hex(config::dump(*config_)).substr(0, 16); }

  net::Task<void> reload_on(net::asio::signal_set* hangup) {
    while (true) {
      const auto arrived = co_await hangup->async_wait(net::as_values);
      // The agent stops.
      if (std::get<0>(arrived)) co_return;
      reload();
    }
  }

  // Whole or not at all: the old configuration stays when anything in the new one is wrong.
  void reload() {
    systemd::reloading();
    const auto loaded = load_config(options_.config_file);
    if (!loaded.errors.empty()) return refuse_reload(config::format_errors(loaded.errors));
    for (const auto& warning : loaded.warnings)
      log::warn("configuration", {{"warning", config::format_errors({&warning, 1})}});
    const auto before = config_;
    const auto waiting = config::reload_differences(*before, loaded.config);
    config_ = std::make_shared<const config::Config>(config::until_restart(*before, loaded.config));
    parts_->config = config_;
    if (auto ok = rooms_->load(); !ok) {
      parts_->config = config_ = before;
      return refuse_reload(ok.error().describe());
    }
    log::set_level(config_->log.level);
    note_loaded(loaded.files, waiting);
    for (const auto& key : waiting) log::warn("this key takes effect after a restart", {{"key", key}});
    log::info("configuration reloaded", {{"hash", config_hash()}});
    systemd::ready();
  }

  net::Task<void> shut_down(net::asio::signal_set* stop, Supervisor* supervisor) {
    co_await stop->async_wait(net::as_values);
    systemd::stopping();
    log::info("pgtend stops");
    const Deadline deadline = clock_.steady_now() + kShutdownTime;
    if (rooms_->changes != nullptr) rooms_->changes->stop();
    http::abandon_exchanges();
    co_await server_->stop();
    auto left = co_await supervisor->stop(deadline);
    for (const auto& name : left) log::warn("task did not end in time", {{"task", name}});
    co_await lanes_->close();
    auto commit = [history = history_.get()] { return history->commit().has_value(); };
    auto committed = co_await net::run_on(store_.get_executor(), commit);
    if (!committed) log::warn("the last samples were not stored");
    io_.stop();
  }

  const EngineOptions& options_;
  SystemClock clock_;
  net::asio::io_context io_{1};
  net::asio::thread_pool store_, blocking_, sending_, queries_;
  std::shared_ptr<const config::Config> config_;
  std::vector<std::string> files_;
  api::MetricsBoard board_;
  std::unique_ptr<store::HistoryFile> history_;
  std::unique_ptr<store::Ledger> ledger_;
  std::string ledger_error_;
  std::unique_ptr<pg::Lanes> lanes_;
  std::unique_ptr<Parts> parts_;
  std::unique_ptr<Rooms> rooms_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace

Result<void> run(const config::LoadedConfig& loaded, const EngineOptions& options) {
  log::start(loaded.config.log.level);
  Agent agent(loaded, options);
  auto opened = agent.open();
  if (!opened) {
    log::error("cannot start", {{"error", opened.error().describe()}});
    log::stop();
    return opened;
  }
  auto served = agent.serve();
  log::info("pgtend stopped");
  log::stop();
  return served;
}

}  // namespace pgtend::engine
