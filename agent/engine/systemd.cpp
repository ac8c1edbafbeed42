#include "agent/engine/systemd.hpp"

#include <systemd/sd-daemon.h>

#include <ctime>

namespace pgtend::engine::systemd {

void ready() {
  sd_notify(0, "READY=1");
}

void status(const std::string& line) {
  sd_notify(0, ("STATUS=" + line).c_str());
}

void reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto usec = static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(usec)).c_str());
}

void stopping() {
  sd_notify(0, "STOPPING=1");
}

void watchdog() {
  sd_notify(0, "WATCHDOG=1");
}

std::optional<Millis> watchdog_interval() {
  std::uint64_t usec = 0;
  if (sd_watchdog_enabled(0, &usec) <= 0 || usec == 0) return std::nullopt;
  return Millis(static_cast<std::int64_t>(usec / 2000));
}

}  // namespace pgtend::engine::systemd
