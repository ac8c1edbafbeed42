#pragma once

#include <array>

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

struct ExitCodeText {
  ExitCode code;
  const char* meaning;
};

inline constexpr std::array kExitCodes{
    ExitCodeText{kOk, "ok"},
    ExitCodeText{kFailed, "failed"},
    ExitCodeText{kUsage, "usage: unknown command or option"},
    ExitCodeText{kWarnings, "ok, and warnings were found; alerts: one fires"},
    ExitCodeText{kCritical,
                 "ok, and something critical was found; alerts: a critical one fires (alerts of severity none or "
                 "heartbeat always fire and do not count)"},
    ExitCodeText{kRefused, "refused: by policy, the freeze switch, because the plan changed, or because it is in use"},
    ExitCodeText{kNotAuthorised, "not authorised: the token or the user may not do this"},
    ExitCodeText{kUnreachable, "the agent cannot be reached"},
    ExitCodeText{kConfigWrong, "the configuration is wrong (systemd shows CONFIG)"},
    ExitCodeText{kInterrupted, "interrupted"},
};

}  // namespace pgtend::cli
