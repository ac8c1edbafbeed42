#include "agent/engine/parts.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace pgtend::engine {

void lower_own_priority() {
  // Source: sched(7), each step of nice is a factor of about 1.25: a tenth of a core on which rules want to run.
  constexpr int kNice = 10;
  thread_local bool lowered = false;
  if (lowered) return;
  // Linux keeps it per thread. One that may not be lowered computes all the same.
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  lowered = true;
}

}  // namespace pgtend::engine
