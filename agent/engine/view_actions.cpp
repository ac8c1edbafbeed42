#include "agent/base/log.hpp"
#include "agent/change/plan_hash.hpp"
#include "agent/engine/view.hpp"

// What people ask the agent to do.
namespace pgtend::engine {

namespace {

Error no_ledger() {
  Error error;
  error.code = Errc::unavailable;
  error.message = "there is no ledger, so pgtend only recommends";
  return error;
}

// Whether a person's yes is enough for a recommendation that has no open change.
Result<void> may_be_approved(const api::RecommendationView& view) {
  if (view.state == "applied") return fail(Errc::conflict, "it is done: " + view.reason);
  const auto& decision = view.decision;
  if (decision.kind != DecisionKind::recommend && decision.kind != DecisionKind::refused) return {};
  // The switch may be off again by now; the pipeline looks.
  if (decision.limit == "freeze") return {};
  return fail(Errc::refused, "policy does not let this be done, not even with an approval: " + decision.limit + ": " +
                                 decision.reason + " Run the shown SQL yourself, or set the mode of " +
                                 std::string(to_string(view.recommendation.change.action)) + " to approve");
}

}  // namespace

net::TaskResult<api::ChangeView> View::seen(Result<Change> change) {
  if (!change) co_return fail(std::move(change.error()));
  auto view = co_await seen(std::move(*change));
  co_return view;
}

net::TaskResult<api::ChangeView> View::approve_recommendation(std::string id, std::string plan_hash,
                                                              std::string actor) {
  if (changes_ == nullptr) co_return fail(no_ledger());
  auto view = co_await recommendation(id);
  if (!view) co_return fail(std::move(view.error()));
  if (view->plan_hash != plan_hash)
    co_return fail(Errc::conflict, "the plan has changed since it was shown: its hash is " + view->plan_hash +
                                       "; look at it again and approve that");
  std::string change_id = view->change_id;
  if (change_id.empty()) {
    if (auto may = may_be_approved(*view); !may) co_return fail(std::move(may.error()));
    Decision asked{DecisionKind::needs_approval, "approval", "approved by " + actor, std::nullopt};
    auto submitted = co_await changes_->submit(view->recommendation, asked);
    if (!submitted) co_return fail(std::move(submitted.error()));
    change_id = submitted->id;
  }
  auto approved = co_await changes_->approve(change_id, plan_hash, actor);
  auto view_now = co_await seen(std::move(approved));
  co_return view_now;
}

net::TaskResult<api::ChangeView> View::approve(std::string id, std::string plan_hash, std::string actor) {
  if (changes_ == nullptr) co_return fail(no_ledger());
  auto approved = co_await changes_->approve(std::move(id), std::move(plan_hash), std::move(actor));
  auto view_now = co_await seen(std::move(approved));
  co_return view_now;
}

net::TaskResult<api::ChangeView> View::reject(std::string id, std::string reason, std::string actor) {
  if (changes_ == nullptr) co_return fail(no_ledger());
  auto rejected = co_await changes_->reject(std::move(id), std::move(reason), std::move(actor));
  auto view_now = co_await seen(std::move(rejected));
  co_return view_now;
}

net::TaskResult<api::ChangeView> View::undo(std::string id, std::string actor) {
  if (changes_ == nullptr) co_return fail(no_ledger());
  auto undone = co_await changes_->undo(std::move(id), std::move(actor));
  auto view_now = co_await seen(std::move(undone));
  co_return view_now;
}

net::TaskResult<api::ChangeView> View::propose(ProposedChange plan, std::string actor) {
  if (changes_ == nullptr) co_return fail(no_ledger());
  if (plan.system_identifier.empty()) plan.system_identifier = parts_.lanes.identity().system_identifier;
  auto submitted = co_await changes_->submit_plan(std::move(plan), std::move(actor));
  auto view_now = co_await seen(std::move(submitted));
  co_return view_now;
}

net::TaskResult<api::FreezeView> View::set_freeze(bool frozen, std::string reason, std::string actor) {
  auto set = [frozen, actor, reason](store::Ledger& ledger) { return ledger.set_freeze(frozen, actor, reason); };
  auto done = co_await parts_.with_ledger(set);
  if (!done) co_return fail(std::move(done.error()));
  log::info(frozen ? "frozen" : "unfrozen", {{"by", actor}});
  auto view = co_await freeze_view();
  co_return view;
}

net::TaskResult<std::optional<store::KnownAnswer>> View::known_answer(std::string key) {
  if (parts_.ledger == nullptr) co_return std::nullopt;
  auto read = [key](store::Ledger& ledger) { return ledger.known_answer(key); };
  auto known = co_await parts_.with_ledger(read);
  co_return known;
}

net::TaskResult<bool> View::keep_answer(store::KnownAnswer answer) {
  if (parts_.ledger == nullptr) co_return false;
  auto write = [answer](store::Ledger& ledger) { return ledger.put_answer(answer); };
  auto kept = co_await parts_.with_ledger(write);
  if (!kept) co_return fail(std::move(kept.error()));
  co_return true;
}

net::TaskResult<bool> View::forget_answer(std::string key) {
  if (parts_.ledger == nullptr) co_return false;
  auto write = [key](store::Ledger& ledger) { return ledger.forget_answer(key); };
  auto gone = co_await parts_.with_ledger(write);
  if (!gone) co_return fail(std::move(gone.error()));
  co_return true;
}

net::TaskResult<std::string> View::migration_history(std::string key) {
  auto read = [key](store::Ledger& ledger) { return ledger.get_meta(key); };
  auto text = co_await parts_.with_ledger(read);
  if (!text) co_return fail(std::move(text.error()));
  co_return text->value_or("");
}

net::TaskResult<std::string> View::note_migrations(std::string key, std::string history,
                                                   std::vector<store::AuditDraft> drafts) {
  auto write = [key, history, drafts](store::Ledger& ledger) -> Result<std::string> {
    if (auto noted = ledger.set_meta(key, history, drafts); !noted) return fail(std::move(noted.error()));
    return history;
  };
  auto done = co_await parts_.with_ledger(write);
  co_return done;
}

}  // namespace pgtend::engine
