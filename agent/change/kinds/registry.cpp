#include "agent/change/kinds/registry.hpp"

#include "agent/change/kinds/index.hpp"
#include "agent/change/kinds/maintenance.hpp"
#include "agent/change/kinds/refresh.hpp"
#include "agent/change/kinds/setting.hpp"

namespace pgtend::change {

const Kind& kind_of(ChangeKind kind) {
  static const IndexKind index;
  static const RefreshKind refresh;
  static const MaintenanceKind maintenance;
  static const SettingKind setting;
  switch (kind) {
    case ChangeKind::index:
      return index;
    case ChangeKind::refresh:
      return refresh;
    case ChangeKind::maintenance:
      return maintenance;
    case ChangeKind::setting:
      return setting;
  }
  return index;
}

}  // namespace pgtend::change
