#include "agent/change/migrate/apply.hpp"

#include <algorithm>

#include "agent/change/locks.hpp"

namespace pgtend::migrate {

namespace {

// The row of the log of a file that is through; sequence and hashes come with append().
LogRow row_for(const Session& session, const Work& work) {
  const auto& identity = session.connection->identity();
  LogRow row;
  row.id = work.file->id;
  row.name = work.file->name;
  row.action = work.action;
  row.checksum = work.file->checksum;
  row.objects = work.progress.objects;
  row.applied_by = session.actor;
  row.applied_at = session.clock->now();
  row.duration_ms = work.progress.duration_ms;
  row.system_identifier = identity.system_identifier;
  row.timeline = identity.timeline;
  return row;
}

net::TaskResult<RowSet> keep(Session* session, const Progress* progress) {
  const auto limit = session->in(kLook);
  auto done = co_await put_progress(session->connection, session->set, *progress, limit);
  co_return done;
}

// What the log says of a failed file; the failure itself is what the caller reports.
net::Task<void> note_failure(Session* session, Work* work, Error error) {
  auto rolled = co_await roll_back(session);
  if (!rolled || !session->connection->healthy()) co_return;
  work->progress.error = error.describe();
  auto role = co_await run(session, "RESET ROLE");
  if (!role) co_return;
  auto kept = co_await keep(session, &work->progress);
  if (!kept) session->tell("the failure could not be noted: " + kept.error().describe());
}

// The end of a file inside the caller's transaction: checks, the row, nothing under way any more.
net::TaskResult<LogRow> finish(Session* session, Work* work) {
  const auto limit = session->in(kLook);
  if (work->action == Action::up) {
    auto checked = co_await run_checks(session, work->file, &work->file->post);
    if (!checked) co_return fail(std::move(checked.error()));
  }
  auto row = co_await append(session->connection, session->set, row_for(*session, *work), limit);
  if (!row) co_return row;
  auto cleared = co_await clear_progress(session->connection, session->set, limit);
  if (!cleared) co_return fail(std::move(cleared.error()));
  co_return row;
}

net::TaskResult<LogRow> try_transaction(Session* session, Work* work) {
  const bool local = true;
  auto may = co_await may_begin(session);
  if (!may) co_return fail(std::move(may.error()), work->file->path);
  const auto limit = session->in(kLook);
  const auto begun = session->clock->steady_now();
  auto begin = co_await run(session, "BEGIN");
  if (!begin) co_return fail(std::move(begin.error()));
  auto before = co_await read_catalog(session->connection, limit);
  if (!before) co_return fail(std::move(before.error()));
  auto role = co_await become_role(session, work->file, local);
  if (!role) co_return fail(std::move(role.error()));
  for (const auto& one : work->steps()) {
    const auto* step = &one;
    auto done = co_await run_change(session, work->file, step);
    if (!done) co_return fail(std::move(done.error()));
  }
  auto back = co_await run(session, "RESET ROLE");
  if (!back) co_return fail(std::move(back.error()));
  const auto later = session->in(kLook);
  auto after = co_await read_catalog(session->connection, later);
  if (!after) co_return fail(std::move(after.error()));
  work->progress.objects = to_text(difference(*before, *after));
  work->progress.duration_ms += std::chrono::duration_cast<Millis>(session->clock->steady_now() - begun).count();
  auto row = co_await finish(session, work);
  if (!row) co_return row;
  auto committed = co_await run(session, "COMMIT");
  if (!committed) co_return fail(std::move(committed.error()));
  co_return row;
}

// Whether the attempt may be made again, after a rest; a lock is asked for briefly and often, so that nobody queues
// behind it.
struct Attempts {
  int made = 0;
  Deadline give_up;
};
net::TaskResult<bool> rest_before_next(Session* session, Attempts* attempts, const Error* error) {
  if (!change::is_lock_failure(*error) && error->sqlstate != "40001") co_return false;
  auto rolled = co_await roll_back(session);
  if (!rolled) co_return fail(std::move(rolled.error()));
  const auto next = session->in(session->jitter(change::longest_lock_rest(++attempts->made)));
  if (attempts->made >= session->options.lock_attempts || next >= attempts->give_up)
    co_return fail(Errc::timeout,
                   "the lock was not granted in " + std::to_string(attempts->made) +
                       " attempts; see who holds it: pgtend blocking. A run goes on from here: pgtend migrate up",
                   true);
  if (attempts->made == 1) session->tell("waiting for a lock: " + error->describe());
  co_await net::sleep_until(next);
  co_return true;
}

net::TaskResult<LogRow> apply_whole(Session* session, Work* work) {
  Attempts attempts{0, session->in(session->options.lock_budget)};
  while (true) {
    auto row = co_await try_transaction(session, work);
    if (row) co_return row;
    const auto failure = row.error();
    auto again = co_await rest_before_next(session, &attempts, &failure);
    if (!again)
      co_return fail(std::move(again.error()), failure.context.empty() ? work->file->path : failure.context.back());
    if (!*again) co_return row;
  }
}

// --- tx=none

net::TaskResult<Catalog> read_now(Session* session) {
  const auto limit = session->in(kLook);
  auto catalog = co_await read_catalog(session->connection, limit);
  co_return catalog;
}

void merge(Progress& progress, const Objects& more) {
  auto objects = parse_objects(progress.objects).value_or(Objects());
  for (const auto& [key, definition] : more) objects[key] = definition;
  progress.objects = to_text(objects);
}

void step_is_done(Progress& progress, const Step& step, const Objects& objects) {
  merge(progress, objects);
  progress.digests.push_back(step.digest());
  progress.under_way.clear();
  progress.error.clear();
}

net::TaskResult<RowSet> try_step(Session* session, Work* work, const Step* step) {
  const bool local = true;
  auto may = co_await may_begin(session);
  if (!may) co_return fail(std::move(may.error()), work->file->place(*step));
  auto begin = co_await run(session, "BEGIN");
  if (!begin) co_return begin;
  auto before = co_await read_now(session);
  if (!before) co_return fail(std::move(before.error()));
  auto role = co_await become_role(session, work->file, local);
  if (!role) co_return role;
  auto done = co_await run_change(session, work->file, step);
  if (!done) co_return done;
  auto back = co_await run(session, "RESET ROLE");
  if (!back) co_return back;
  auto after = co_await read_now(session);
  if (!after) co_return fail(std::move(after.error()));
  auto next = work->progress;
  step_is_done(next, *step, difference(*before, *after));
  auto kept = co_await keep(session, &next);
  if (!kept) co_return kept;
  auto committed = co_await run(session, "COMMIT");
  if (committed) work->progress = std::move(next);
  co_return committed;
}

net::TaskResult<RowSet> run_inside(Session* session, Work* work, const Step* step) {
  Attempts attempts{0, session->in(session->options.lock_budget)};
  while (true) {
    auto done = co_await try_step(session, work, step);
    if (done) co_return done;
    const auto failure = done.error();
    auto again = co_await rest_before_next(session, &attempts, &failure);
    if (!again) co_return fail(std::move(again.error()), work->file->place(*step));
    if (!*again) co_return done;
  }
}

// What the log expected of the objects that an interrupted statement names: what was there before it is not known.
Catalog remembered(const Work& work, const Step& step, const Catalog& now) {
  auto objects = work.expected;
  for (auto& [key, definition] : parse_objects(work.progress.objects).value_or(Objects())) objects[key] = definition;
  auto out = now;
  for (const auto& [key, definition] : now)
    if (!step.sql.name.empty() && key.find(step.sql.name) != std::string::npos) out.erase(key);
  for (const auto& [key, definition] : objects)
    if (definition && !step.sql.name.empty() && key.find(step.sql.name) != std::string::npos) out[key] = *definition;
  return out;
}

// One attempt: it waits for old transactions within its budget, and what it leaves is removed when it fails.
net::TaskResult<RowSet> execute_outside(Session* session, Work* work, const Step* step, bool resumed) {
  const bool local = false;
  const std::string patient = "SET lock_timeout TO " + std::to_string(session->options.wait_budget.count());
  auto waits = co_await run(session, patient);
  if (!waits) co_return waits;
  auto role = co_await become_role(session, work->file, local);
  if (!role) co_return role;
  auto done = co_await run_change(session, work->file, step);
  const bool there_already = !done && resumed && step->sql.effect == sql::ScriptEffect::create &&
                             (done.error().sqlstate == "42P04" || done.error().sqlstate == "42710");
  if (there_already) co_return RowSet();
  if (done || !session->connection->healthy()) co_return done;
  auto cleaned = co_await clean_up(session, step);
  if (!cleaned) session->tell("what it left was not removed; a run does it first: " + cleaned.error().describe());
  // Only what is clean may be changed in the file and run anew.
  if (cleaned) work->progress.under_way.clear();
  co_return done;
}

net::TaskResult<RowSet> run_outside(Session* session, Work* work, const Step* step) {
  const bool resumed = work->progress.under_way == step->digest();
  const bool local = false;
  auto may = co_await may_begin(session);
  if (!may) co_return fail(std::move(may.error()), work->file->place(*step));
  auto role = co_await become_role(session, work->file, local);
  if (!role) co_return role;
  auto found = co_await look_before(session, work->file, step, resumed);
  if (!found) co_return fail(std::move(found.error()));
  auto back = co_await run(session, "RESET ROLE");
  if (!back) co_return back;
  auto before = co_await read_now(session);
  if (!before) co_return fail(std::move(before.error()));
  if (*found == Found::nothing) {
    auto room = co_await look_for_room(session, work->file, step);
    if (!room) co_return room;
    work->progress.under_way = step->digest();
    auto intent = co_await keep(session, &work->progress);
    if (!intent) co_return intent;
    auto done = co_await execute_outside(session, work, step, resumed);
    if (!done) co_return done;
    auto again = co_await run(
        session, "RESET ROLE; SET lock_timeout TO " + std::to_string(session->options.lock_timeout.count()));
    if (!again) co_return again;
  }
  auto after = co_await read_now(session);
  if (!after) co_return fail(std::move(after.error()));
  step_is_done(work->progress, *step, difference(resumed ? remembered(*work, *step, *before) : *before, *after));
  auto kept = co_await keep(session, &work->progress);
  co_return kept;
}

net::TaskResult<RowSet> run_steps(Session* session, Work* work) {
  const auto& steps = work->steps();
  for (std::size_t i = work->progress.digests.size(); i < steps.size(); ++i) {
    const auto* step = &steps[i];
    const auto begun = session->clock->steady_now();
    auto done = step->sql.outside_transaction ? run_outside(session, work, step) : run_inside(session, work, step);
    auto result = co_await std::move(done);
    work->progress.duration_ms += std::chrono::duration_cast<Millis>(session->clock->steady_now() - begun).count();
    if (!result) co_return result;
  }
  co_return RowSet();
}

// Steps that are done, and the one under way, must be those of the file.
Result<void> resumable(const Work& work) {
  const auto& steps = work.steps();
  const auto& p = work.progress;
  const auto restore = "; restore it and run again, or take the file back: pgtend migrate down";
  for (std::size_t i = 0; i < p.digests.size(); ++i) {
    if (i < steps.size() && steps[i].digest() == p.digests[i]) continue;
    const auto place = i < steps.size() ? work.file->place(steps[i]) : work.file->path;
    return fail(Errc::conflict,
                place + ": statement " + std::to_string(i + 1) + " is done and the file has another now" + restore);
  }
  if (p.under_way.empty()) return {};
  const bool same = p.digests.size() < steps.size() && steps[p.digests.size()].digest() == p.under_way;
  if (same) return {};
  return fail(Errc::conflict,
              work.file->path + ": the statement that was interrupted is not in the file any more" + restore);
}

net::TaskResult<LogRow> end_of_steps(Session* session, Work* work) {
  auto begin = co_await run(session, "BEGIN");
  if (!begin) co_return fail(std::move(begin.error()));
  auto row = co_await finish(session, work);
  if (!row) co_return row;
  auto committed = co_await run(session, "COMMIT");
  if (!committed) co_return fail(std::move(committed.error()));
  co_return row;
}

// A check of @post failed when everything was done: @down runs, so that nothing half-right stays.
net::TaskResult<RowSet> take_back(Session* session, Work* work) {
  auto rolled = co_await roll_back(session);
  if (!rolled) co_return rolled;
  work->action = Action::down;
  if (work->progress.action != "undo") {
    work->progress.action = "undo";
    work->progress.digests.clear();
    work->progress.under_way.clear();
    auto kept = co_await keep(session, &work->progress);
    if (!kept) co_return kept;
  }
  auto undone = co_await run_steps(session, work);
  if (!undone) co_return undone;
  const auto limit = session->in(kLook);
  auto cleared = co_await clear_progress(session->connection, session->set, limit);
  co_return cleared;
}

net::TaskResult<LogRow> apply_steps(Session* session, Work* work) {
  if (work->progress.action == "undo") work->action = Action::down;
  if (auto may = resumable(*work); !may) co_return fail(std::move(may.error()));
  if (work->progress.action == "undo") {
    auto undone = co_await take_back(session, work);
    if (!undone) co_return fail(std::move(undone.error()));
    work->action = Action::up;
    work->progress = Progress{work->file->id, "up", work->file->checksum, {}, {}, "{}", {}, 0};
  }
  auto kept = co_await keep(session, &work->progress);
  if (!kept) co_return fail(std::move(kept.error()));
  auto done = co_await run_steps(session, work);
  if (!done) co_return fail(std::move(done.error()));
  auto row = co_await end_of_steps(session, work);
  const bool check_failed = !row && row.error().code == Errc::refused && row.error().sqlstate.empty();
  if (!check_failed || work->action == Action::down || work->file->down.empty()) co_return row;
  auto error = row.error();
  auto undone = co_await take_back(session, work);
  if (!undone) co_return fail(std::move(undone.error()), "taking it back after " + error.describe());
  error.message += "; it was taken back";
  co_return fail(std::move(error));
}

net::TaskResult<RowSet> check_before(Session* session, Work* work) {
  const bool begun = !work->progress.digests.empty() || !work->progress.under_way.empty();
  if (work->action == Action::down || work->file->pre.empty() || begun) co_return RowSet();
  auto begin = co_await run(session, "BEGIN READ ONLY");
  if (!begin) co_return begin;
  auto checked = co_await run_checks(session, work->file, &work->file->pre);
  auto rolled = co_await roll_back(session);
  if (!checked) co_return checked;
  co_return rolled;
}

}  // namespace

net::TaskResult<LogRow> apply(Session* session, Work* work) {
  work->progress.checksum = work->file->checksum;
  auto prepared = co_await prepare(session, work->file);
  if (!prepared) co_return fail(std::move(prepared.error()));
  auto checked = co_await check_before(session, work);
  if (!checked) co_return fail(std::move(checked.error()));
  auto task = work->file->transactional ? apply_whole(session, work) : apply_steps(session, work);
  auto row = co_await std::move(task);
  if (row || work->progress.action == "undo") co_return row;
  auto error = row.error();
  co_await note_failure(session, work, error);
  co_return fail(std::move(error));
}

}  // namespace pgtend::migrate
