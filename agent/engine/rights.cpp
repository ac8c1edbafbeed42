#include "agent/engine/rights.hpp"

#include <algorithm>
#include <set>

#include "agent/engine/database_choice.hpp"

namespace pgtend::engine {

namespace {

// Where nothing is missing nobody waits for a GRANT.
constexpr std::chrono::minutes kLookWhenComplete{10};
constexpr std::chrono::seconds kRetry{2};
// Each costs a session of its own: with thousands of databases they take turns.
constexpr std::size_t kDatabasesAtOnce = 2;
// Of more than these, one at a time with a pause. Source: a look takes 50 ms of a backend; 200 databases then take
// 0.2 % of a core, and have all been looked at within 100 minutes.
constexpr std::size_t kFewDatabases = 20;
constexpr std::chrono::seconds kPause{30};

bool is_complete(const std::vector<pg::Capability>& capabilities) {
  return std::ranges::all_of(capabilities, [](const pg::Capability& one) { return one.present || one.advice; });
}

std::set<std::string> missing_names(const std::vector<pg::Capability>& capabilities) {
  std::set<std::string> out;
  for (const auto& one : capabilities)
    if (!one.present && !one.advice) out.insert(one.name);
  return out;
}

}  // namespace

bool Rights::Known::is_due(Deadline now) const {
  return !looked_at || now - *looked_at >= wait;
}

void Rights::Known::take(Capabilities now_found) {
  if (is_complete(now_found)) {
    wait = kLookWhenComplete;
  } else if (missing_names(found) != missing_names(now_found)) {
    wait = kLook;
  } else {
    wait = std::min<Millis>(wait * 2, kLookWhenComplete);
  }
  found = std::move(now_found);
}

net::TaskResult<Rights::Capabilities> Rights::probe(pg::Lane lane, std::optional<pg::Purpose> purpose,
                                                    std::string database) {
  const Deadline deadline = parts_.clock.steady_now() + parts_.config->postgresql.connect_timeout * 2;
  auto lease = co_await parts_.lanes.lease(lane, std::move(database), deadline);
  if (!lease) co_return fail(std::move(lease.error()));
  auto capabilities = co_await pg::probe_capabilities(&lease->connection(), purpose);
  co_return capabilities;
}

net::Task<bool> Rights::look_at_server() {
  const bool two = parts_.config->postgresql.operator_role.has_value();
  std::optional<pg::Purpose> observe, act = pg::Purpose::act;
  if (two) observe = pg::Purpose::observe;
  auto all = co_await probe(pg::Lane::sample, observe, "");
  // Through a pooler no session can be had to probe with; that alone is then what is known.
  if (!all && all.error().code == Errc::refused) {
    of_server_.found = {pg::direct_connection(false)};
    databases_.clear();
  }
  if (!all) {
    const auto& config = parts_.config->postgresql;
    if (auto missing = pg::missing_for_session(all.error(), config.user, config.database, pg::Purpose::observe)) {
      of_server_.found = {std::move(*missing)};
      databases_.clear();
    }
    co_return false;
  }
  if (two) {
    auto acting = co_await probe(pg::Lane::advise, act, "");
    if (acting) all->insert(all->end(), acting->begin(), acting->end());
    if (!acting)
      if (auto missing =
              pg::missing_for_session(acting.error(), acting_role(), parts_.config->postgresql.database, *act))
        all->push_back(std::move(*missing));
  }
  of_server_.take(of_chosen(std::move(*all), parts_.config->postgresql));
  co_return true;
}

net::Task<void> Rights::look_at_database(std::string name) {
  auto& known = databases_[name];
  known.looked_at = parts_.clock.steady_now();
  auto found = co_await probe(pg::Lane::advise, std::nullopt, name);
  // It may have been dropped meanwhile.
  const auto place = databases_.find(name);
  if (place == databases_.end()) co_return;
  if (found) {
    std::erase_if(*found, [](const pg::Capability& one) { return one.database.empty(); });
    place->second.take(std::move(*found));
  } else if (auto missing = pg::missing_for_session(found.error(), acting_role(), name, pg::Purpose::act)) {
    place->second.take({std::move(*missing)});
  }
}

net::Task<void> Rights::look_at_databases() {
  const auto& names = sampling_.databases();
  std::erase_if(databases_, [&](const auto& one) { return std::ranges::find(names, one.first) == names.end(); });
  const Deadline now = parts_.clock.steady_now();
  const bool many = databases_.size() > kFewDatabases;
  if (many && now < next_of_many_) co_return;
  std::vector<std::pair<Deadline, std::string>> due;
  for (const auto& name : names) {
    if (name == parts_.lanes.home_database()) continue;
    const auto known = databases_.find(name);
    if (known == databases_.end()) {
      due.emplace_back(Deadline(), name);
    } else if (known->second.is_due(now)) {
      due.emplace_back(known->second.looked_at.value_or(Deadline()), name);
    }
  }
  std::ranges::sort(due);
  due.resize(std::min(due.size(), many ? 1 : kDatabasesAtOnce));
  next_of_many_ = now + kPause;
  for (const auto& [looked_at, name] : due) co_await look_at_database(name);
}

std::string Rights::acting_role() const {
  const auto& config = parts_.config->postgresql;
  return config.operator_role ? config.operator_role->user : config.user;
}

void Rights::show() {
  auto all = of_server_.found;
  for (const auto& [name, database] : databases_) all.insert(all.end(), database.found.begin(), database.found.end());
  view_.set_capabilities(std::move(all));
}

net::Task<void> Rights::loop() {
  while (true) {
    if (due_ || of_server_.is_due(parts_.clock.steady_now())) {
      const bool answered = co_await look_at_server();
      if (answered) of_server_.looked_at = parts_.clock.steady_now();
      if (answered && std::exchange(due_, false)) databases_.clear();
    }
    if (!due_) co_await look_at_databases();
    show();
    const Deadline later = parts_.clock.steady_now() + kRetry;
    co_await net::sleep_until(later);
  }
}

}  // namespace pgtend::engine
