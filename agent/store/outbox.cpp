#include "agent/store/outbox.hpp"

#include <algorithm>
#include <charconv>

namespace pgtend::store {

namespace {

OutboxMessage message_of(Statement& row) {
  OutboxMessage out;
  out.id = row.integer(0);
  out.receiver = row.text(1);
  out.group_key = row.text(2);
  out.dedup_key = row.text(3);
  out.kind = row.text(4);
  out.body = row.text(5);
  out.created_at = row.time(6);
  out.not_before = row.time(7);
  out.attempts = static_cast<int>(row.integer(8));
  out.last_error = row.text(9);
  out.state = row.text(10);
  out.sequence = row.integer(11);
  out.urgency = static_cast<Urgency>(row.integer(12));
  out.expires_at = row.optional_time(13);
  return out;
}

constexpr const char* kSelect =
    "SELECT id, receiver, group_key, dedup_key, kind, body, created_at, not_before, attempts, last_error, state,"
    " sequence, urgency, expires_at FROM outbox ";

// Keys of counts kept since the ledger was made.
constexpr const char* kSuperseded = "outbox.superseded";
constexpr const char* kDropped = "outbox.dropped";
constexpr const char* kExpired = "outbox.expired";
constexpr const char* kRefused = "outbox.refused";

}  // namespace

Result<void> Outbox::count(const std::string& key, std::int64_t by) {
  if (by == 0) return {};
  auto before = counted(key);
  if (!before) return fail(std::move(before).error());
  return ledger_.set_meta(key, std::to_string(*before + by));
}

Result<std::int64_t> Outbox::counted(const std::string& key) {
  auto text = ledger_.get_meta(key);
  if (!text) return fail(std::move(text).error());
  std::int64_t value = 0;
  if (*text) std::from_chars((*text)->data(), (*text)->data() + (*text)->size(), value);
  return value;
}

// What takes the place of a message that waits has waited as long as that one: a receiver that takes nothing would
// otherwise never look late, because each repeat makes it young again.
Result<UtcTime> Outbox::waits_since(const OutboxMessage& message) {
  // Two statements, since with OR each message would look at all that wait: a full spool has tens of thousands.
  const bool digest = message.kind == "digest";
  auto oldest =
      digest ? db_.cached(
                   "SELECT min(created_at) FROM outbox WHERE state='queued' AND receiver=?1 AND"
                   " (group_key=?2 OR sequence>0 AND sequence<?3)")
             : db_.cached("SELECT min(created_at) FROM outbox WHERE state='queued' AND receiver=?1 AND group_key=?2");
  if (!oldest) return fail(std::move(oldest).error());
  UtcTime since = message.created_at;
  (*oldest)->bind(1, message.receiver).bind(2, message.group_key);
  if (digest) (*oldest)->bind(3, message.sequence);
  PGTEND_STORE_TRY(each_row(**oldest, [&](Statement& row) -> Result<void> {
    since = std::min(since, row.optional_time(0).value_or(since));
    return {};
  }));
  return since;
}

Result<void> Outbox::enqueue(const OutboxMessage& message) {
  ledger_.may_have_queued = true;
  if (ledger_.outbox_bytes_bound) *ledger_.outbox_bytes_bound += static_cast<std::int64_t>(message.body.size());
  auto since = waits_since(message);
  if (!since) return fail(std::move(since).error());
  auto supersede = db_.cached(
      "UPDATE outbox SET state='superseded' WHERE state='queued' AND receiver=?1 AND group_key=?2 AND lease_until=0");
  if (!supersede) return fail(std::move(supersede).error());
  PGTEND_STORE_TRY((*supersede)->bind(1, message.receiver).bind(2, message.group_key).run());
  PGTEND_STORE_TRY(count(kSuperseded, db_.changes()));
  if (message.kind == "digest") PGTEND_STORE_TRY(supersede_all(message));
  auto insert = db_.cached(
      "INSERT INTO outbox (receiver, group_key, dedup_key, kind, body, created_at, not_before, attempts, last_error,"
      " state, lease_until, sequence, urgency, expires_at) VALUES (?,?,?,?,?,?,?,0,'','queued',0,?,?,?)");
  if (!insert) return fail(std::move(insert).error());
  (*insert)->bind(1, message.receiver).bind(2, message.group_key).bind(3, message.dedup_key).bind(4, message.kind);
  (*insert)->bind(5, message.body).bind(6, *since).bind(7, message.not_before);
  (*insert)->bind(8, message.sequence).bind(9, static_cast<std::int64_t>(message.urgency)).bind(10, message.expires_at);
  return (*insert)->run();
}

// A digest says what the messages before it say that wait; those without a sequence (of no group) stay.
Result<void> Outbox::supersede_all(const OutboxMessage& digest) {
  auto supersede = db_.cached(
      "UPDATE outbox SET state='superseded' WHERE state='queued' AND receiver=?1 AND lease_until=0"
      " AND sequence>0 AND sequence<?2");
  if (!supersede) return fail(std::move(supersede).error());
  PGTEND_STORE_TRY((*supersede)->bind(1, digest.receiver).bind(2, digest.sequence).run());
  return count(kSuperseded, db_.changes());
}

// Each (receiver, group_key) has at most one message that waits, so what is left of critical ones is bounded by the
// number of groups.
Result<void> Outbox::drop(std::int64_t rows, std::int64_t bytes) {
  auto query = db_.cached(
      "SELECT id, receiver, length(body) FROM outbox WHERE state='queued' AND lease_until=0 AND urgency < 2"
      " ORDER BY urgency, id");
  if (!query) return fail(std::move(query).error());
  std::vector<std::pair<std::int64_t, std::string>> dropped;
  PGTEND_STORE_TRY(each_row(**query, [&](Statement& row) -> Result<void> {
    if (rows <= 0 && bytes <= 0) return {};
    dropped.emplace_back(row.integer(0), row.text(1));
    --rows;
    bytes -= row.integer(2);
    return {};
  }));
  for (const auto& [id, receiver] : dropped) {
    PGTEND_STORE_TRY(finish(id, "dead", "dropped: the spool is full"));
    // By receiver, where Ledger::list_meta finds it, so that its next message can say so.
    PGTEND_STORE_TRY(count("kv.outbox.dropped." + receiver, 1));
  }
  return count(kDropped, static_cast<std::int64_t>(dropped.size()));
}

Result<void> Outbox::refuse(std::int64_t id, const std::string& error) {
  PGTEND_STORE_TRY(finish(id, "dead", error));
  return count(kRefused, 1);
}

Result<void> Outbox::keep_within_limits() {
  const auto rows = db_.cached_number("SELECT count(*) FROM outbox WHERE state='queued'");
  if (!rows) return fail(rows.error());
  auto& bound = ledger_.outbox_bytes_bound;
  // Adding the bodies up reads every row, so it is done only when what came since the last time may fill the spool.
  if (!bound || *bound > kOutboxMaxBytes) {
    const auto bytes = db_.cached_number("SELECT coalesce(sum(length(body)), 0) FROM outbox WHERE state='queued'");
    if (!bytes) return fail(bytes.error());
    bound = *bytes;
  }
  if (*rows > kOutboxMaxQueued || *bound > kOutboxMaxBytes)
    PGTEND_STORE_TRY(drop(*rows - kOutboxMaxQueued, *bound - kOutboxMaxBytes));
  // A change event is kept until nobody would tell that change again: its row says that it was told.
  auto forget = db_.cached(
      "DELETE FROM outbox WHERE state<>'queued' AND (kind<>'change' OR created_at<?2) AND id <= (SELECT id FROM outbox"
      " WHERE state<>'queued' ORDER BY id DESC LIMIT 1 OFFSET ?1)");
  if (!forget) return fail(std::move(forget).error());
  const UtcTime told = ledger_.clock.now() - 2 * kChangeEventAge;
  return (*forget)->bind(1, kOutboxKeptRows).bind(2, told).run();
}

// An expired lease is no lease: its sender is gone. When a newer message waits, the abandoned one is superseded. A wall
// clock that was set back must not make a lease or a wait longer than it can be.
Result<void> Outbox::tidy(UtcTime now) {
  auto expire = db_.cached(
      "UPDATE outbox SET lease_until=0 WHERE state='queued' AND lease_until<>0 AND (lease_until<=?1 OR "
      "lease_until>?2)");
  if (!expire) return fail(std::move(expire).error());
  PGTEND_STORE_TRY((*expire)->bind(1, now).bind(2, now + kOutboxLease).run());
  auto bring_near =
      db_.cached("UPDATE outbox SET not_before=?1 WHERE state='queued' AND lease_until=0 AND not_before>?2");
  if (!bring_near) return fail(std::move(bring_near).error());
  PGTEND_STORE_TRY((*bring_near)->bind(1, now).bind(2, now + kOutboxLongestWait).run());
  auto supersede = db_.cached(
      "UPDATE outbox SET state='superseded' WHERE state='queued' AND lease_until=0 AND EXISTS (SELECT 1 FROM outbox AS"
      " newer WHERE newer.state='queued' AND newer.receiver=outbox.receiver AND newer.group_key=outbox.group_key"
      " AND newer.id > outbox.id)");
  if (!supersede) return fail(std::move(supersede).error());
  PGTEND_STORE_TRY((*supersede)->run());
  PGTEND_STORE_TRY(count(kSuperseded, db_.changes()));
  auto give_up = db_.cached(
      "UPDATE outbox SET state='dead', last_error='expired: nobody took it in time: ' || last_error"
      " WHERE state='queued' AND lease_until=0 AND expires_at<=?1");
  if (!give_up) return fail(std::move(give_up).error());
  PGTEND_STORE_TRY((*give_up)->bind(1, now).run());
  return count(kExpired, db_.changes());
}

Result<std::vector<std::int64_t>> Outbox::due(UtcTime now, std::size_t limit, std::map<std::string, int> allowance) {
  // What a digest told may not be overtaken by what came after it. Each condition looks at few rows: thousands may wait
  // for one receiver, and this is asked every second.
  auto query = db_.cached(
      "WITH digest AS MATERIALIZED (SELECT receiver, min(id) AS id FROM outbox WHERE state='queued' AND kind='digest'"
      " GROUP BY receiver)"
      " SELECT id, receiver FROM outbox WHERE state='queued' AND lease_until=0 AND not_before<=?1"
      " AND NOT EXISTS (SELECT 1 FROM outbox AS other WHERE other.state='queued' AND other.receiver=outbox.receiver"
      " AND other.group_key=outbox.group_key AND other.lease_until<>0)"
      " AND NOT EXISTS (SELECT 1 FROM digest WHERE digest.receiver=outbox.receiver AND digest.id<outbox.id)"
      " ORDER BY urgency = 2 DESC, id");
  if (!query) return fail(std::move(query).error());
  std::vector<std::int64_t> out;
  (*query)->bind(1, now);
  PGTEND_STORE_TRY(each_row(**query, [&](Statement& row) -> Result<void> {
    if (out.size() >= limit) return {};
    const auto limited = allowance.find(row.text(1));
    if (limited != allowance.end() && --limited->second < 0) return {};
    out.push_back(row.integer(0));
    return {};
  }));
  return out;
}

Result<std::vector<OutboxMessage>> Outbox::claim(UtcTime now, std::size_t limit,
                                                 const std::map<std::string, int>& allowance) {
  PGTEND_STORE_TRY(tidy(now));
  auto ids = due(now, limit, allowance);
  if (!ids) return fail(std::move(ids).error());
  std::vector<OutboxMessage> out;
  for (const auto id : *ids) {
    auto lease = db_.cached("UPDATE outbox SET lease_until=?2, attempts=attempts+1 WHERE id=?1");
    if (!lease) return fail(std::move(lease).error());
    PGTEND_STORE_TRY((*lease)->bind(1, id).bind(2, now + kOutboxLease).run());
    static const std::string text = std::string(kSelect) + "WHERE id=?1";
    auto query = db_.cached(text.c_str());
    if (!query) return fail(std::move(query).error());
    PGTEND_STORE_TRY(each_row((*query)->bind(1, id), [&](Statement& row) -> Result<void> {
      out.push_back(message_of(row));
      return {};
    }));
  }
  return out;
}

Result<std::vector<OutboxMessage>> Outbox::list(const std::string& state, std::size_t limit) {
  static const std::string text = std::string(kSelect) + "WHERE state=?1 ORDER BY id DESC LIMIT ?2";
  static const std::string leased =
      std::string(kSelect) + "WHERE state='queued' AND lease_until<>0 AND ?1<>'' ORDER BY id DESC LIMIT ?2";
  auto query = db_.cached(state == "in_flight" ? leased.c_str() : text.c_str());
  if (!query) return fail(std::move(query).error());
  std::vector<OutboxMessage> out;
  (*query)->bind(1, state).bind(2, static_cast<std::int64_t>(limit));
  PGTEND_STORE_TRY(each_row(**query, [&](Statement& row) -> Result<void> {
    out.push_back(message_of(row));
    return {};
  }));
  return out;
}

Result<void> Outbox::finish(std::int64_t id, const char* state, const std::string& error) {
  auto update = db_.cached("UPDATE outbox SET state=?2, last_error=?3, lease_until=0 WHERE id=?1 AND state='queued'");
  if (!update) return fail(std::move(update).error());
  PGTEND_STORE_TRY((*update)->bind(1, id).bind(2, state).bind(3, error).run());
  if (db_.changes() == 0) return fail(Errc::not_found, "no message " + std::to_string(id) + " waits to be sent");
  return {};
}

Result<void> Outbox::give_back(std::int64_t id, const std::string& error, UtcTime not_before) {
  auto update =
      db_.cached("UPDATE outbox SET lease_until=0, last_error=?2, not_before=?3 WHERE id=?1 AND state='queued'");
  if (!update) return fail(std::move(update).error());
  PGTEND_STORE_TRY((*update)->bind(1, id).bind(2, error).bind(3, not_before).run());
  if (db_.changes() == 0) return fail(Errc::not_found, "no message " + std::to_string(id) + " waits to be sent");
  auto supersede = db_.cached(
      "UPDATE outbox SET state='superseded' WHERE id=?1 AND EXISTS (SELECT 1 FROM outbox AS newer WHERE"
      " newer.state='queued' AND newer.receiver=outbox.receiver AND newer.group_key=outbox.group_key"
      " AND newer.id > outbox.id)");
  if (!supersede) return fail(std::move(supersede).error());
  PGTEND_STORE_TRY((*supersede)->bind(1, id).run());
  return count(kSuperseded, db_.changes());
}

Result<OutboxStats> Outbox::stats() {
  auto query = db_.cached(
      "SELECT count(*), count(*) FILTER (WHERE lease_until<>0),"
      " (SELECT count(*) FROM outbox WHERE state<>'queued' AND state='dead'), min(created_at) FROM outbox"
      " WHERE state='queued'");
  if (!query) return fail(std::move(query).error());
  OutboxStats out;
  PGTEND_STORE_TRY(each_row(**query, [&](Statement& row) -> Result<void> {
    out.queued = row.integer(0);
    out.in_flight = row.integer(1);
    out.dead = row.integer(2);
    out.oldest = row.optional_time(3);
    return {};
  }));
  auto superseded = counted(kSuperseded);
  if (!superseded) return fail(std::move(superseded).error());
  auto dropped = counted(kDropped);
  if (!dropped) return fail(std::move(dropped).error());
  auto expired = counted(kExpired);
  if (!expired) return fail(std::move(expired).error());
  auto refused = counted(kRefused);
  if (!refused) return fail(std::move(refused).error());
  out.refused = *refused;
  out.superseded = *superseded;
  out.dropped = *dropped;
  out.expired = *expired;
  return out;
}

Result<bool> Outbox::any_queued() {
  auto query = db_.cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE state='queued')");
  if (!query) return fail(std::move(query).error());
  bool any = true;
  PGTEND_STORE_TRY(each_row(**query, [&](Statement& row) -> Result<void> {
    any = row.integer(0) != 0;
    return {};
  }));
  return any;
}

bool Ledger::may_have_queued() const {
  return impl_->may_have_queued;
}

Result<std::vector<OutboxMessage>> Ledger::claim(UtcTime now, std::size_t limit,
                                                 const std::map<std::string, int>& allowance) {
  std::vector<OutboxMessage> out;
  bool any = true;
  PGTEND_STORE_TRY(impl_->together(nullptr, [&]() -> Result<void> {
    Outbox outbox(*impl_);
    auto claimed = outbox.claim(now, limit, allowance);
    if (!claimed) return fail(std::move(claimed).error());
    out = std::move(*claimed);
    auto left = outbox.any_queued();
    if (!left) return fail(std::move(left).error());
    any = *left;
    return {};
  }));
  impl_->may_have_queued = any;
  return out;
}

Result<void> Ledger::mark_sent(std::int64_t id, const DispatchChange& dispatch) {
  return impl_->together(nullptr, [&]() -> Result<void> {
    PGTEND_STORE_TRY(Outbox(*impl_).finish(id, "sent", ""));
    return save_dispatch(*impl_->db, dispatch);
  });
}

Result<void> Ledger::mark_failed(std::int64_t id, const std::string& error, UtcTime not_before) {
  return impl_->together(nullptr, [&] { return Outbox(*impl_).give_back(id, error, not_before); });
}

Result<void> Ledger::mark_dead(std::int64_t id, const std::string& error, const std::vector<OutboxMessage>& instead,
                               const DispatchChange& dispatch) {
  return impl_->together(nullptr, [&]() -> Result<void> {
    Outbox outbox(*impl_);
    PGTEND_STORE_TRY(outbox.refuse(id, error));
    for (const auto& message : instead) PGTEND_STORE_TRY(outbox.enqueue(message));
    return save_dispatch(*impl_->db, dispatch);
  });
}

Result<std::vector<OutboxMessage>> Ledger::outbox_list(const std::string& state, std::size_t limit) {
  return Outbox(*impl_).list(state, limit);
}

Result<OutboxStats> Ledger::outbox_stats() {
  return Outbox(*impl_).stats();
}

}  // namespace pgtend::store
