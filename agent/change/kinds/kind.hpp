#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/change/kinds/asker.hpp"
#include "agent/change/kinds/pooler.hpp"
#include "agent/model/change.hpp"
#include "agent/net/task.hpp"

namespace pgtend::change {

// How a statement takes its locks.
enum class Regime {
  strong_lock,  // short lock_timeout, full-jitter retries
  concurrent,   // no lock_timeout; a watcher cancels when the wait budget is spent
  plain,        // takes no lock that others wait for
};

enum class Presence {
  not_begun,  // as before the change
  partial,    // a leftover of an interrupted statement, which clean() removes
  done,       // the catalogs say it is there
  foreign,    // neither what was nor what was wanted: somebody else changed it
};

struct Standing {
  Presence presence = Presence::not_begun;
  std::string detail;  // what was found, one sentence
};

struct Relation {
  std::string schema, name;
};

// One direction of one change, as the kinds see it.
struct Work {
  ProposedChange plan;
  std::string change_id;
  bool reverse = false;        // sql_down
  bool ours = false;           // an intent of this change is in the ledger: what is half done under its name is its own
  bool returned = false;       // the statement reported success
  std::string catalog;         // what snapshot() gave before the change, JSON
  std::int64_t ram_bytes = 0;  // of the server's host; 0 unknown
  std::optional<Pooler> pooler;  // that the plan is for, when it is configured
};

struct Step {
  std::string sql;
  Regime regime = Regime::plain;
  Millis pause{0};       // after it, before the next one
  bool by_kind = false;  // no statement of the acting session: carry_out() does it
  // Moves one part each time it is run, with next_part() before; `pause` is after each. It leaves in pgtend.locked_ms
  // how long it held its lock.
  bool in_parts = false;
};

// What the pipeline must know of one kind of change. Stateless; coroutines take their askers from the caller's frame.
class Kind {
 public:
  virtual ~Kind() = default;

  // Writes the statements that a person left out, as far as the detail alone tells them.
  virtual void compose(ProposedChange& plan) const;
  // The plan is of this kind and its statements are what its detail says. Errors: invalid_argument, refused.
  [[nodiscard]] virtual Result<void> validate(const ProposedChange& plan) const = 0;
  // Whether the gates look as run_as_role, because others' sessions are not shown to the acting role itself.
  [[nodiscard]] virtual bool looks_as_owner() const { return false; }
  // What policy's patterns are matched with: "schema.table", "role app", "setting work_mem". REQUIRES: validate()
  // passed.
  [[nodiscard]] virtual std::string object_of(const ProposedChange& plan) const = 0;
  // Whether it is taken back when it harms, so that a plan without a way back is refused.
  [[nodiscard]] virtual bool needs_way_back() const { return false; }
  [[nodiscard]] virtual Regime regime(const ProposedChange& plan) const = 0;
  // True when statements decide whether it is kept; false when the catalogs do.
  [[nodiscard]] virtual bool is_measured(const ProposedChange& plan) const = 0;

  // What says so when no statements decide, for people.
  [[nodiscard]] virtual std::string shown_by() const { return "the catalogs show"; }

  // What grows on disk by it, its indexes and partitions included; nullopt: nothing does.
  [[nodiscard]] virtual std::optional<Relation> grows(const ProposedChange& plan) const;

  // Fills what a person left out and the catalogs know: previous value, way back. Errors: not_found, server errors.
  virtual net::TaskResult<ProposedChange> complete(Asker* asker, Work work) const;
  // Rights that the session lacks, each as "what it is for: the SQL that cures it". Touches nothing.
  virtual net::TaskResult<std::vector<std::string>> missing_rights(Asker* asker, Work work) const = 0;
  // What the object was when the plan was made; unequal texts mean that the plan is stale.
  // Errors: not_found, conflict (an equal one exists, or somebody else changed it), refused, unsupported.
  virtual net::TaskResult<std::string> fingerprint(Asker* asker, Work work) const = 0;
  // Facts that probe() compares with afterwards, JSON.
  virtual net::TaskResult<std::string> snapshot(Asker* asker, Work work) const;
  virtual net::TaskResult<Standing> probe(Asker* asker, Work work) const = 0;
  // The statements that are still to be run, each in its regime; all of them unless the kind goes on.
  virtual net::TaskResult<std::vector<Step>> steps(Asker* asker, Work work) const;
  // Does a step that is no statement of the acting session; that session holds the locks meanwhile. The freeze switch
  // was read. What it does must be found half done by probe() after a crash at any moment.
  virtual net::TaskResult<RowSet> carry_out(Step step, Work work) const;
  // Of a step in parts: makes the acting session ready for the next part, of about `rows` rows. The value: false when
  // nothing is left.
  virtual net::TaskResult<bool> next_part(Asker* asker, Step step, Work work, std::int64_t rows) const;
  // After a crash what is half done is gone on with, not removed and begun again.
  [[nodiscard]] virtual bool goes_on() const { return false; }
  // So it is after a failure that passes, too, instead of being removed until the next attempt. When nothing passes any
  // more it ends with what is done, which undo takes back.
  [[nodiscard]] virtual bool keeps_half() const { return false; }
  // Removes a leftover; idempotent. Runs in the acting session, as the owner.
  virtual net::TaskResult<RowSet> clean(Asker* asker, Work work) const;
  // What belongs to the change after its statements; idempotent. Runs in the acting session, as the owner.
  virtual net::TaskResult<RowSet> finish(Asker* asker, Work work) const;
  // Whether takes_effect() is to be asked, for which a session is opened.
  [[nodiscard]] virtual bool needs_new_session(const ProposedChange&) const { return false; }
  // Looks from a new session whether it took effect. Errors: conflict (it did not).
  // The value: true when it takes effect only after a restart.
  virtual net::TaskResult<bool> takes_effect(Asker* fresh, Work work) const;
};

// Rights to act as the owner of a relation; with `creates`, to create in its schema.
// Errors: not_found (no such relation).
net::TaskResult<std::vector<std::string>> missing_ownership(Asker* asker, std::string schema, std::string relation,
                                                            std::string run_as_role, bool creates);

}  // namespace pgtend::change
