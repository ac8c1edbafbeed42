#include "agent/change/parts.hpp"

#include "agent/change/part_pace.hpp"
#include "agent/change/session.hpp"

namespace pgtend::change {
namespace {

// To look for where the next part ends: a sort of the DEFAULT partition at most.
constexpr Millis kLookLimit{30'000};
// Source: ours; what one transaction leaves of WAL and dead rows stays small where time alone would allow more.
constexpr std::int64_t kMostRowsAtOnce = 50'000;

net::TaskResult<RowSet> set_statement_timeout(Asker* asker, Millis limit) {
  const std::string sql = "SELECT set_config('statement_timeout', $1, false)";
  const pg::Params value{std::to_string(limit.count())};
  return asker->ask(sql, value);
}

net::TaskResult<Millis> locked_time(Asker* asker) {
  const std::string sql = "SELECT current_setting('pgtend.locked_ms', true) AS ms";
  const pg::Params none;
  auto rows = co_await asker->ask(sql, none);
  if (!rows) co_return fail(std::move(rows.error()));
  co_return Millis(rows->integer(0, "ms").value_or(0));
}

}  // namespace

net::TaskResult<RowSet> run_in_parts(CorePtr core, pg::Connection* connection, Change change, const Kind* kind,
                                     Step step, Work work) {
  SessionAsker asker(connection, kLookLimit);
  const Millis limit = core->options.lock_hold, otherwise = statement_limit(core->options, change.plan).time;
  PartPace pace(limit, kMostRowsAtOnce);
  while (true) {
    auto more = co_await kind->next_part(&asker, step, work, pace.rows());
    if (!more) co_return fail(std::move(more.error()));
    if (!*more) co_return RowSet();
    auto limited = co_await set_statement_timeout(&asker, limit);
    if (!limited) co_return limited;
    auto done = co_await run_statement(core, connection, change, step.sql, Regime::strong_lock);
    if (!done && done.error().sqlstate != "57014") co_return done;
    auto freed = co_await set_statement_timeout(&asker, otherwise);
    if (!freed) co_return freed;
    if (done) {
      auto locked = co_await locked_time(&asker);
      if (!locked) co_return fail(std::move(locked.error()));
      pace.moved(*locked);
      core->fault(work.reverse ? "reverting.part" : "applying.part");
    } else if (!pace.cut_off()) {
      co_return fail(Errc::timeout,
                     "even " + std::to_string(pace.rows()) + " rows do not move within " +
                         std::to_string(limit.count()) + " ms, and the table would be locked for longer",
                     true);
    }
    if (core->stopping) co_return fail(Errc::cancelled, "the agent stops", true);
    const auto next = core->in(step.pause);
    co_await net::sleep_until(next);
  }
}

}  // namespace pgtend::change
