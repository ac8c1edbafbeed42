#pragma once

#include <csignal>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "agent/base/clock.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/process.hpp"

namespace pgtend::test {

using Json = nlohmann::json;

// The real agent as a process, with a configuration of its own in a temporary folder.
class Daemon {
 public:
  // `sections` (name -> indented YAML) replace those of the test configuration.
  Daemon(const PgCluster& cluster, std::map<std::string, std::string> sections = {});

  void start();
  // Variables of the process that start() makes.
  void set_environment(std::map<std::string, std::string> variables) { environment_ = std::move(variables); }
  void stop() { process_.stop(); }
  void kill();
  void hang_up() { process_.signal(SIGHUP); }
  // Replaces one section ("alerting") of the configuration file.
  void set(const std::string& section, const std::string& yaml);
  void write_raw(const std::string& text);

  // GET over the unix socket; nullopt when the agent does not answer 2xx.
  [[nodiscard]] std::optional<Json> get(const std::string& path) const;
  // The result of a PromQL expression now; nullopt when the agent refuses it or does not answer.
  [[nodiscard]] std::optional<Json> query_answer(const std::string& expr) const;
  // The same, empty instead of nullopt.
  [[nodiscard]] Json query(const std::string& expr) const { return query_answer(expr).value_or(Json::array()); }
  struct Answer {
    int status = 0;  // 0: the agent does not answer
    Json body;
  };
  // POST over the unix socket, as the user that runs the test. `key`: its Idempotency-Key; empty: none.
  [[nodiscard]] Answer post(const std::string& path, const Json& body, const std::string& key = {}) const;
  // The CLI against this agent.
  [[nodiscard]] CommandResult cli(std::vector<std::string> arguments) const;
  [[nodiscard]] std::string metrics() const;
  [[nodiscard]] std::string log() const { return read_file(dir_.path() / "agent.log"); }
  [[nodiscard]] std::filesystem::path config_file() const { return dir_.path() / "pgtend.yaml"; }
  [[nodiscard]] std::filesystem::path path(const std::string& name) const { return dir_.path() / name; }
  [[nodiscard]] ChildProcess& process() { return process_; }
  // The path of the binary under test.
  [[nodiscard]] static std::string binary();

 private:
  void write();
  TempDir dir_;
  std::map<std::string, std::string> sections_, environment_;
  ChildProcess process_;
};

// A webhook receiver: an HTTP listener on its own thread that keeps what it is sent. A scripted status answers first.
class WebhookSink {
 public:
  WebhookSink();
  ~WebhookSink();
  [[nodiscard]] std::string url() const;
  // Statuses for the next requests; afterwards 200.
  void answer(std::vector<int> statuses);
  [[nodiscard]] std::vector<Json> bodies() const;
  // When each of them was there whole, by this machine's clock.
  [[nodiscard]] std::vector<UtcTime> arrivals() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgtend::test
