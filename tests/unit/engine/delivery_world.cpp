#include "tests/unit/engine/delivery_world.hpp"

#include "agent/base/result.hpp"
#include "alerts/notifiers/webhook.hpp"
#include "tests/support/catch.hpp"

namespace pgtend::test {

namespace {

constexpr Millis kInterval{5'000}, kQuietInterval{30'000};
constexpr const char* kDatabases[]{"shop", "crm"};

alerts::CompiledRule rule(const std::string& name, Millis hold, Millis keep) {
  Rule out;
  out.name = name;
  out.hold = hold;
  out.keep_firing_for = keep;
  out.labels = {{"severity", name == "A" ? "critical" : "warning"}};
  return alerts::compile(out, "g").value();
}

Route routes(Dice& dice) {
  Route root;
  root.receiver = "first";
  root.group_by = std::vector<std::string>{"alertname"};
  root.group_wait = Millis(1000 * dice.between(0, 30));
  root.group_interval = Millis(1000 * dice.between(5, 60));
  root.repeat_interval = Millis(3'600'000);
  Route both;
  both.receiver = "first";
  both.continues = true;
  Route second;
  second.receiver = "second";
  second.group_by = std::vector<std::string>{"datname"};
  root.routes = {both, second};
  return root;
}

}  // namespace

DeliveryWorld::~DeliveryWorld() {
  ledger_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

DeliveryWorld::DeliveryWorld(std::uint64_t seed, Faults faults, int flapping_per_hour)
    : seed_(seed), dice_(seed), faults_(faults) {
  rules_ = {rule("A", Millis(0), Millis(0)), rule("B", Millis(10'000), Millis(0)),
            rule("C", Millis(5'000), Millis(15'000))};
  routes_.tree = alerts::RouteTree(routes(dice_));
  routes_.receivers["first"] = {{"first/webhook/0", true}};
  routes_.receivers["second"] = {{"second/webhook/0", true}};
  routes_.flap.per_hour = flapping_per_hour;
  // In memory where there is such a place: thousands of flushes would wait for a busy disk.
  const std::filesystem::path memory = "/dev/shm";
  const auto root = std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  std::string name = (root / "pgtend-delivery-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  folder_ = name;
  open();
}

void DeliveryWorld::open() {
  auto opened = store::Ledger::open(folder_ / "ledger.db", clock_);
  REQUIRE(opened);
  ledger_ = std::move(*opened);
  auto alerts = ledger_->load_alerts();
  REQUIRE(alerts);
  state_.clear();
  for (auto& alert : *alerts) state_[alert.rule][fingerprint(alert.labels)] = std::move(alert);
  auto dispatch = ledger_->load_dispatch();
  REQUIRE(dispatch);
  dispatch_ = std::move(*dispatch);
}

void DeliveryWorld::die() {
  ledger_.reset();
  open();
}

alerts::DispatchInputs DeliveryWorld::inputs(const std::map<std::string, alerts::RuleAlerts>& states) const {
  alerts::DispatchInputs out;
  for (const auto& [name, alerts] : states)
    for (const auto& [id, alert] : alerts) out.alerts.push_back(alert);
  return out;
}

OutboxMessage DeliveryWorld::render(const Notification& notification) const {
  auto message = engine::outbox_message(notification, "main", clock_.now());
  message.body = alerts::webhook_body(notification, "");
  return message;
}

bool DeliveryWorld::save(const std::vector<Alert>& changed, const engine::DispatchPlan& plan) {
  if (dice_.chance(faults_.disk_full)) return false;
  REQUIRE(ledger_->save_alerts(changed, plan.outgoing, plan.change));
  return true;
}

void DeliveryWorld::evaluate(bool quiet) {
  if (!quiet)
    for (const auto& compiled : rules_)
      for (const auto* database : kDatabases) {
        if (!dice_.chance(8)) continue;
        const std::pair<std::string, std::string> key{compiled.rule.name, database};
        if (conditions_.erase(key) == 0) conditions_.insert(key);
      }
  auto next = state_;
  std::vector<Alert> changed;
  for (const auto& compiled : rules_) {
    alerts::Evaluation evaluation;
    evaluation.known = quiet || !dice_.chance(5);
    for (const auto& [name, database] : conditions_)
      if (name == compiled.rule.name && evaluation.known)
        evaluation.firing.push_back({Labels{{"datname", database}}, 1});
    auto stepped = alerts::step(compiled, evaluation, next[compiled.rule.name], clock_.now(), {});
    REQUIRE(stepped);
    changed.insert(changed.end(), stepped->begin(), stepped->end());
  }
  const auto words = [this](const Notification& n) { return render(n); };
  const auto plan = engine::plan_dispatch(dispatch_, routes_, inputs(next), changed, words, clock_.now());
  if (!changed.empty() && !save(changed, plan)) return;
  if (!changed.empty()) dispatch_ = plan.next;
  state_ = std::move(next);
  for (const auto& alert : changed)
    if (alert.state == AlertState::firing && alert.fired_at == clock_.now())
      fired_.push_back({alert.fingerprint_hex(), clock_.now()});
}

void DeliveryWorld::flush() {
  if (!alerts::is_due(dispatch_, routes_, clock_.now())) return;
  const auto words = [this](const Notification& n) { return render(n); };
  const auto plan = engine::plan_dispatch(dispatch_, routes_, inputs(state_), {}, words, clock_.now());
  if (save({}, plan)) dispatch_ = plan.next;
}

alerts::Delivery DeliveryWorld::receive(const OutboxMessage& message, bool quiet) {
  const int roll = quiet ? 100 : dice_.below(100);
  if (roll < faults_.lost) return {alerts::DeliveryOutcome::retry, 0, "timeout", {}};
  if (roll < faults_.lost + faults_.busy) {
    std::map<std::string, std::string> headers;
    if (dice_.chance(50)) headers["retry-after"] = std::to_string(dice_.between(1, 120));
    return alerts::classify(dice_.chance(60) ? 429 : 503, headers, clock_.now());
  }
  received_.push_back({message.receiver, message.group_key, message.sequence, nlohmann::json::parse(message.body)});
  if (roll < faults_.lost + faults_.busy + faults_.lost_ack) {
    ++repeats_allowed_;
    return {alerts::DeliveryOutcome::retry, 0, "no answer", {}};
  }
  return {alerts::DeliveryOutcome::sent, 200, "", {}};
}

// False: the agent died.
bool DeliveryWorld::deliver_one(const OutboxMessage& message, bool quiet) {
  if (!quiet && dice_.chance(faults_.kill)) return false;
  const auto outcome = receive(message, quiet);
  if (!quiet && dice_.chance(faults_.kill)) {
    if (outcome.outcome == alerts::DeliveryOutcome::sent) ++repeats_allowed_;
    return false;
  }
  if (outcome.outcome == alerts::DeliveryOutcome::retry) {
    const auto again = engine::retry_at(clock_.now(), message.attempts, outcome.retry_after,
                                        seed_ ^ static_cast<std::uint64_t>(message.id));
    REQUIRE(ledger_->mark_failed(message.id, outcome.reason, again));
    return true;
  }
  const auto change = engine::plan_settle(dispatch_, message).value_or(store::DispatchChange{});
  REQUIRE(ledger_->mark_sent(message.id, change));
  return true;
}

void DeliveryWorld::combine() {
  const auto way = integrations()[static_cast<std::size_t>(dice_.below(2))];
  const auto stats = ledger_->outbox_stats();
  const auto queued = ledger_->outbox_list("queued", 1000);
  REQUIRE(stats);
  REQUIRE(queued);
  if (stats->in_flight > 0) return;
  const auto words = [this](const Notification& n) { return render(n); };
  const auto plan = engine::plan_digest(dispatch_, way.substr(0, way.find('/')), way, *queued, words);
  if (!plan || !save({}, *plan)) return;
  dispatch_ = plan->next;
  ++digests_;
}

void DeliveryWorld::deliver(bool quiet) {
  if (!quiet && dice_.chance(30)) combine();
  const auto due = ledger_->claim(clock_.now(), 16);
  REQUIRE(due);
  for (const auto& message : *due)
    if (!deliver_one(message, quiet)) {
      die();
      return;
    }
}

void DeliveryWorld::step(bool quiet) {
  clock_.advance(quiet ? kQuietInterval : kInterval);
  if (!quiet && dice_.chance(faults_.clock_jump)) clock_.step(Millis(dice_.between(-3'600'000, 3'600'000)));
  evaluate(quiet);
  if (!quiet && dice_.chance(faults_.kill)) die();
  flush();
  deliver(quiet);
}

void DeliveryWorld::settle() {
  faults_ = {};
  // Longer than the longest hold of a flapping alert, a Retry-After and a repeat together.
  const UtcTime end = clock_.now() + std::chrono::hours(6);
  while (clock_.now() < end) step(true);
}

std::set<std::string> DeliveryWorld::firing_now() const {
  std::set<std::string> out;
  for (const auto& [name, alerts] : state_)
    for (const auto& [id, alert] : alerts)
      if (alert.state == AlertState::firing) out.insert(alert.fingerprint_hex());
  return out;
}

std::set<std::string> DeliveryWorld::told_firing(const std::string& integration) const {
  std::set<std::string> out;
  for (const auto& message : received_) {
    if (message.integration != integration) continue;
    for (const auto& alert : message.body["alerts"]) {
      const auto id = alert["fingerprint"].get<std::string>();
      if (alert["status"] == "firing") {
        out.insert(id);
      } else {
        out.erase(id);
      }
    }
  }
  return out;
}

std::size_t DeliveryWorld::waiting() {
  const auto stats = ledger_->outbox_stats();
  return stats ? static_cast<std::size_t>(stats->queued) : 1;
}

}  // namespace pgtend::test
