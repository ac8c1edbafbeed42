#include "agent/model/notification.hpp"

namespace pgtend {

std::string_view to_string(NotificationReason reason) {
  switch (reason) {
    case NotificationReason::firing:
      return "firing";
    case NotificationReason::resolved:
      return "resolved";
    case NotificationReason::repeat:
      return "repeat";
    case NotificationReason::escalation:
      return "escalation";
    case NotificationReason::flapping:
      return "flapping";
    case NotificationReason::test:
      return "test";
  }
  return "firing";
}

}  // namespace pgtend
