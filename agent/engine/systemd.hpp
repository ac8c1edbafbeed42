#pragma once

#include <optional>
#include <string>

#include "agent/base/clock.hpp"

// What systemd hears (sd_notify); all of it does nothing when the process does not run under systemd.
namespace pgtend::engine::systemd {

void ready();
void status(const std::string& line);
void reloading();
void stopping();
void watchdog();
// Half of WATCHDOG_USEC; nullopt when the unit has no watchdog.
[[nodiscard]] std::optional<Millis> watchdog_interval();

}  // namespace pgtend::engine::systemd
