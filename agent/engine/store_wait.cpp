#include "agent/engine/store_wait.hpp"

#include "agent/base/log.hpp"

namespace pgtend::engine {

bool StoreWait::is_stalled() {
  if (back_ != nullptr && back_->load()) {
    log::info("the disk of history and ledger answers again", {});
    back_.reset();
  }
  return back_ != nullptr;
}

void StoreWait::note_late() {
  if (is_stalled()) return;
  log::error("the disk of history and ledger does not answer: rules and messages go on from memory",
             {{"waited_s", std::to_string(kPatience.count())}});
  back_ = std::make_shared<std::atomic<bool>>(false);
  net::asio::post(store_, [back = back_] { back->store(true); });
}

}  // namespace pgtend::engine
