#pragma once

#include "agent/base/clock.hpp"

namespace pgtend::change {

// Every limit of the verdict in one place. Source of each default: the auto-tuning study, section 4.4, unless said.
struct VerifyOptions {
  Millis window{Millis(60'000)};     // one comparison window; at least the statements collector's interval
  Millis block{Millis(600'000)};     // windows are averaged over this before a test: autocorrelation breaks naive tests
  Millis before{Millis(3'600'000)};  // history looked at before the change
  Millis after{Millis(3'600'000)};   // observed time that is needed for a full verdict, gaps not counted
  Millis warm_up{Millis(600'000)};   // dropped after the change: caches fill, plans are made again
  Millis max_observe{Millis(72LL * 3'600'000)};  // Azure's limit; then "insufficient" is kept and flagged
  int min_windows = 20;                          // a side
  int min_calls = 100;                           // of the target set, a side
  int min_control = 5;                           // statements in the control group
  double effect_blocks = 0.10;                   // ratio; smaller changes of buffers per call are no effect
  double effect_time = 0.15;                     // ratio; host time is noisier than block counts
  double effect_wal_alone = 0.50;  // ratio; WAL per call when no control statement writes: checkpoints move it
  double p_value = 0.01;
  double veto_share = 0.01;      // of the load: smaller statements cannot veto
  double veto_ratio = 1.5;       // a statement this much worse, significantly, vetoes the change
  double guard_ratio = 2;        // untouched statements this much slower, all together, end it (calibrated as below)
  double max_reset_share = 0.5;  // of a side's windows that may be lost to resets
  double outweighed = 0.5;       // a write's extra cost does not veto when the whole target set fell by this ratio
  double cusum_k = 0.25;         // slack, in σ of the before windows
  double cusum_h = 5;            // trip, in σ
  int cusum_min_windows = 10;    // since the onset, before a trip is believed (calibrated in the verdict simulator)
  double cusum_effect = 0.20;    // ratio, at least; less is left to the whole comparison (same source)
  double cusum_p_value = 0.001;  // of those windows; stricter, because it is asked after every window (same source)
  // Hard trips: what is so bad that nobody waits for statistics, when it was not so before. Source of the limits: ours.
  Millis trip_replica_lag{Millis(120'000)};
  double trip_disk_free = 0.03;  // ratio of the disk that is free, at least
  int trip_lock_waiters = 20;    // sessions of the database that wait for locks
  double trip_rollbacks = 0.20;  // rise of the share of transactions that end in a rollback
  int trip_transactions = 200;   // that must have ended since the change before that share is believed
  bool undo_no_effect = true;    // an index that does not help still costs writes
};

}  // namespace pgtend::change
