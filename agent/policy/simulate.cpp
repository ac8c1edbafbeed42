#include <algorithm>

#include "agent/policy/limits.hpp"
#include "agent/policy/report.hpp"
#include "agent/policy/trust.hpp"

namespace pgtend::policy {

namespace {

// Each step passes one limit; a change that is still held back after as many is not worth more time.
constexpr int kMostSteps = 64;

void add(PolicySimulation& out, const std::string& limit, const std::optional<Obstacle>& obstacle) {
  LimitReport one{obstacle ? obstacle->limit : limit, !obstacle, "", std::nullopt};
  if (obstacle) {
    one.reason = obstacle->reason;
    one.until = obstacle->until;
  }
  out.limits.push_back(std::move(one));
}

// The limits that bind what runs by itself, each as if it were alone.
void add_automatic(PolicySimulation& out, const Ruling& ruling, const PolicyConfig& config, const PolicyPast& past) {
  const auto& change = out.change;
  const auto* window = window_of(ruling, config);
  add(out, "undo count", lost_trust(change.action, past, out.at));
  const auto untrusted = missing_trust(change.action, config.trust, past);
  add(out, "track record",
      untrusted.empty() ? std::nullopt : std::optional(Obstacle{"track record", untrusted, std::nullopt}));
  if (window != nullptr) add(out, "window " + window->name, window_obstacle(change, *window, out.at));
  add(out, "budget", budget_obstacle(change, ruling, window, past, out.at));
  if (ruling.budget.replica_lag) add(out, "budget replica_lag", replica_lag_obstacle(ruling, past, out.at));
  add(out, "cool_down", cool_down_obstacle(change, ruling, past, out.at));
}

// Where nothing else happens: each limit that passes with time is waited for.
std::optional<UtcTime> first_run(const PolicySimulation& simulation, const PolicyConfig& config,
                                 const PolicyPast& past) {
  UtcTime at = simulation.at;
  for (int step = 0; step < kMostSteps; ++step) {
    const auto decision = decide(simulation.change, simulation.risk, config, past, at);
    const bool runs = decision.kind == DecisionKind::automatic;
    if (runs && !decision.not_before) return at;
    // When another change gets its verdict, or a standby has caught up, nobody knows.
    if (!decision.not_before || decision.limit == "in flight" || decision.limit == "budget replica_lag") break;
    at = std::max(*decision.not_before, at + Millis(1));
  }
  return std::nullopt;
}

template <std::size_t... Kinds>
std::vector<ChangeDetail> blank_details(std::index_sequence<Kinds...>) {
  return {ChangeDetail(std::in_place_index<Kinds>)...};
}

}  // namespace

PolicySimulation simulate(const ProposedChange& change, Risk risk, const PolicyConfig& config, const PolicyPast& past,
                          UtcTime now) {
  PolicySimulation out;
  out.change = change;
  out.risk = risk;
  out.at = now;
  const Ruling ruling = ruling_for(change, config);
  out.mode = ruling.mode;
  out.rule = ruling.rule != nullptr ? ruling.rule->name : "";
  out.decision = decide(change, risk, config, past, now);
  const bool acts = ruling.mode == PolicyMode::approve || ruling.mode == PolicyMode::automatic;
  out.limits.push_back({ruling.limit, acts,
                        acts ? "" : ruling.subject + " says " + std::string(to_string(ruling.mode)) + ".",
                        std::nullopt});
  if (acts) add(out, "cool_down after undo", undo_obstacle(change, config, past, now));
  if (ruling.mode == PolicyMode::automatic) add_automatic(out, ruling, config, past);
  if (acts) add(out, "in flight", in_flight_obstacle(change, past, now));
  out.could_run_at = first_run(out, config, past);
  return out;
}

ProposedChange sketch(ActionClass action, const std::string& database, const std::string& object) {
  constexpr std::string_view kSetting = "setting ";
  ProposedChange out;
  out.action = action;
  out.database = database;
  out.object = object;
  out.sql_up = {"-- to be decided"};
  out.sql_down = {"-- to be decided"};
  static const auto details = blank_details(std::make_index_sequence<std::variant_size_v<ChangeDetail>>());
  for (const auto& detail : details) {
    out.detail = detail;
    if (make_coherent(out)) break;
  }
  // The deny list goes by the setting's name.
  if (auto* setting = std::get_if<SettingChange>(&out.detail); setting != nullptr && object.starts_with(kSetting))
    setting->name = object.substr(kSetting.size());
  return out;
}

}  // namespace pgtend::policy
