#pragma once

#include <memory>
#include <optional>

#include "agent/engine/cost_account.hpp"
#include "agent/engine/log_finding.hpp"
#include "agent/engine/parts.hpp"
#include "agent/model/snapshot.hpp"
#include "agent/net/wakeup.hpp"
#include "agent/tail/directory_watch.hpp"

namespace pgtend::engine {

// Counts what the server writes into its log. The file is read and understood on the blocking pool, when inotify tells
// of something new, at most once a second. REQUIRES: io thread.
class LogTailing {
 public:
  LogTailing(Parts& parts, CostAccount& cost);
  ~LogTailing();

  // Whether the log is read; off until it is told. Off, nothing is open.
  void enable(bool on);
  // Reads until it is cancelled.
  net::Task<void> loop();
  // One reading: whether something had been written. What went wrong is said by the next run.
  net::Task<bool> read();
  // A run of the collector: looks for the log now and then, and puts what was counted into the snapshot.
  net::Task<void> run(std::shared_ptr<Snapshot> snapshot);
  // `server_log`, as of the last look; nothing before it and while off.
  [[nodiscard]] const std::optional<pg::Capability>& capability() const { return capability_; }

 private:
  struct Tail;
  net::Task<void> look();
  net::Task<void> follow(FoundLog found);

  Parts& parts_;
  CostAccount& cost_;
  net::asio::any_io_executor reader_;  // on the blocking pool, one job at a time
  net::Wakeup wakeup_;
  bool on_ = false;
  std::optional<pg::Capability> capability_;
  std::optional<Error> trouble_;  // of the last look or reading
  Deadline look_due_{}, read_at_{}, scanned_at_{};
  int version_ = 0;  // of the server when it was asked last
  std::shared_ptr<Tail> tail_;
  std::shared_ptr<tail::DirectoryWatch> watch_;
};

}  // namespace pgtend::engine
