#include "agent/model/silence.hpp"

namespace pgtend {

bool is_active(const Silence& silence, UtcTime now) {
  if (silence.ended_at && *silence.ended_at <= now) return false;
  return silence.starts_at <= now && (!silence.ends_at || now < *silence.ends_at);
}

}  // namespace pgtend
