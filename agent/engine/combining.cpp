#include <algorithm>

#include "agent/base/log.hpp"
#include "agent/engine/alerting.hpp"
#include "agent/engine/receivers.hpp"
#include "alerts/digest.hpp"

// What a receiver is told in one message because it cannot be told all of them: what waits too long in its queue, and
// how many messages the spool had no room for.
namespace pgtend::engine {

namespace {

constexpr const char* kDropped = "outbox.dropped.";
constexpr const char* kDroppedTold = "outbox.dropped_told.";

std::map<std::string, std::int64_t> counts_of(const std::map<std::string, std::string>& rows, std::string_view prefix) {
  std::map<std::string, std::int64_t> out;
  for (const auto& [key, value] : rows) out[key.substr(prefix.size())] = std::strtoll(value.c_str(), nullptr, 10);
  return out;
}

}  // namespace

// Where a receiver takes no more messages now, what waits becomes one; so does what comes while that one waits.
net::Task<void> Alerting::combine_waiting(Deadline now) {
  if (parts_.ledger == nullptr || !parts_.ledger->may_have_queued()) co_return;
  std::vector<NamedIntegration> full;
  for (auto& each : integrations(parts_.config->alerting)) {
    const auto rate = alerts::send_rate(each.config.kind);
    if (rate.burst <= 0) continue;
    auto& pace = paces_.try_emplace(each.id, rate).first->second;
    if (digests_.contains(each.id) || pace.allowed(now, 1) == 0) full.push_back(std::move(each));
  }
  if (full.empty()) co_return;
  auto permit = co_await turn();
  if (!permit) co_return;  // tried again with the next batch
  using Messages = std::vector<OutboxMessage>;
  auto read = [](store::Ledger& ledger) -> Result<std::pair<Messages, Messages>> {
    const auto stats = ledger.outbox_stats();
    if (!stats) return fail(stats.error());
    const auto most = static_cast<std::size_t>(stats->queued);
    if (most < 2) return std::pair<Messages, Messages>();
    auto queued = ledger.outbox_list("queued", most), in_flight = ledger.outbox_list("in_flight", most);
    if (!queued) return fail(std::move(queued.error()));
    if (!in_flight) return fail(std::move(in_flight.error()));
    return std::pair{std::move(*queued), std::move(*in_flight)};
  };
  const auto waiting = co_await with_ledger(read);
  if (!waiting || waiting->first.empty()) co_return;
  const auto& [queued, in_flight] = *waiting;
  const auto words = [this, at = parts_.clock.now()](const Notification& told) { return render(told, at); };
  for (const auto& way : full) {
    // What is being sent, by a process that was killed perhaps, can be neither taken back nor overtaken.
    const auto is_of_way = [id = way.id](const OutboxMessage& message) { return message.receiver == id; };
    if (std::any_of(in_flight.begin(), in_flight.end(), is_of_way)) continue;
    auto planned = plan_digest(dispatch_, way.receiver, way.id, queued, words);
    if (!planned) continue;
    auto saved = co_await save({}, std::move(*planned));
    if (saved) digests_.insert(way.id);
  }
}

net::Task<void> Alerting::read_dropped() {
  using Rows = std::map<std::string, std::string>;
  auto read = [](store::Ledger& ledger) -> Result<std::pair<Rows, Rows>> {
    auto dropped = ledger.list_meta(kDropped);
    if (!dropped) return fail(std::move(dropped.error()));
    auto told = ledger.list_meta(kDroppedTold);
    if (!told) return fail(std::move(told.error()));
    return std::pair{std::move(*dropped), std::move(*told)};
  };
  const auto rows = co_await with_ledger(read);
  if (!rows) co_return;
  dropped_ = counts_of(rows->first, kDropped);
  dropped_told_ = counts_of(rows->second, kDroppedTold);
}

// The next message of a receiver says how many before it were dropped.
void Alerting::add_dropped(Notification& notification) const {
  const auto dropped = dropped_.find(notification.integration);
  if (dropped == dropped_.end() || notification.alerts.empty()) return;
  const auto told = dropped_told_.find(notification.integration);
  const auto count = dropped->second - (told == dropped_told_.end() ? 0 : told->second);
  if (count > 0)
    notification.alerts.front().alert.facts.acts.push_back(
        std::to_string(count) + (count == 1 ? " message" : " messages") +
        " before this one were dropped: too many waited for this receiver");
}

net::Task<void> Alerting::note_dropped_told(const std::vector<OutboxMessage>* told) {
  std::map<std::string, std::int64_t> fresh;
  for (const auto& message : *told) {
    const auto dropped = dropped_.find(message.receiver);
    if (dropped == dropped_.end() || dropped_told_[message.receiver] == dropped->second) continue;
    fresh[message.receiver] = dropped_told_[message.receiver] = dropped->second;
  }
  if (fresh.empty()) co_return;
  auto write = [fresh](store::Ledger& ledger) -> Result<void> {
    for (const auto& [receiver, count] : fresh)
      if (auto put = ledger.set_meta(kDroppedTold + receiver, std::to_string(count)); !put) return put;
    return {};
  };
  const auto written = co_await with_ledger(write);
  if (!written) log::warn("dropped messages may be told again", {{"error", written.error().describe()}});
}

}  // namespace pgtend::engine
