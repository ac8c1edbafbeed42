#pragma once

namespace pgtend::cli {

// Documented by `pgtend help exit-codes`; scripts rely on them: never renumber.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kWarnings = 3,
  kCritical = 4,
  kRefused = 5,
  kNotAuthorised = 6,
  kUnreachable = 7,
  kConfigWrong = 78,  // EX_CONFIG: systemd shows it as CONFIG
  kInterrupted = 130,
};

inline constexpr const char* kExitCodes =
    "  0    ok\n"
    "  1    failed\n"
    "  2    usage: unknown command or option\n"
    "  3    ok, and warnings were found; alerts: one fires\n"
    "  4    ok, and something critical was found; alerts: a critical one fires\n"
    "       (alerts of severity none or heartbeat always fire and do not count)\n"
    "  5    refused: by policy, the freeze switch, or because the plan changed\n"
    "  6    not authorised: the token or the user may not do this\n"
    "  7    the agent cannot be reached\n"
    "  78   the configuration is wrong (systemd shows CONFIG)\n"
    "  130  interrupted\n";

}  // namespace pgtend::cli
