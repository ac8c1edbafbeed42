#pragma once

#include <string>

#include "agent/base/clock.hpp"
#include "agent/change/verify/options.hpp"

namespace pgtend::change {

// Every limit of the pipeline in one place. Source: the planned-systems study, sections 6.2 and 6.3, unless said.
struct PipelineOptions {
  Millis lock_timeout{Millis(100)};         // strong-lock statements; keeps the worst reader near this
  Millis lock_hold{Millis(150)};            // one part of a step in parts, its wait for the lock included (section 3.2)
  int lock_attempts = 60;                   // of a strong-lock statement
  Millis lock_budget{Millis(600'000)};      // whole time spent on those attempts
  Millis wait_budget{Millis(900'000)};      // concurrent class: time in waiting phases, then cancel, clean and defer
  Millis advisory_wait{Millis(300'000)};    // polling for the advisory lock
  Millis advisory_poll{Millis(250)};        // plus jitter of the same size
  double disk_factor = 2.0;                 // free space over the estimated size
  Millis max_xact_age{Millis(60'000)};      // oldest snapshot or statement in the database before a concurrent build
  Millis max_replica_lag{Millis(60'000)};   // replay lag of any standby before work is started
  Millis progress_interval{Millis(1'000)};  // how often a running build is looked at
  Millis poll_interval{Millis(1'000)};      // how often the ledger is asked for work
  Millis defer_for{Millis(60'000)};         // a deferred change is tried again after this, doubling up to an hour
  int max_attempts = 20;                    // deferrals before a change fails
  Millis approval_ttl{Millis(7LL * 24 * 3600 * 1000)};
  // Longest run of one statement that changes the server; source: as for its kind in config/settings.hpp.
  Millis statement_budget{Millis(6LL * 3600 * 1000)};  // indexes and migrations
  Millis refresh_budget{Millis(3'600'000)};
  Millis maintenance_budget{Millis(3'600'000)};  // ANALYZE, VACUUM, partitions
  Millis setting_budget{Millis(10'000)};         // settings, policies, signals
  Millis adopt_above{Millis(600'000)};           // builds estimated longer survive a crash of the agent and are adopted
  std::string home_database = "postgres";        // cluster-wide changes take their advisory lock here
  std::string freeze_file;                       // its presence stops new work; empty: none
  VerifyOptions verify;
};

}  // namespace pgtend::change
