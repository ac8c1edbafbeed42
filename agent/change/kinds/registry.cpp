#include "agent/change/kinds/registry.hpp"

#include "agent/change/kinds/index.hpp"
#include "agent/change/kinds/maintenance.hpp"
#include "agent/change/kinds/refresh.hpp"
#include "agent/change/kinds/reindex.hpp"
#include "agent/change/kinds/setting.hpp"

namespace pgtend::change {

const Kind& kind_of(const ProposedChange& plan) {
  static const IndexKind index;
  static const ReindexKind reindex;
  static const RefreshKind refresh;
  static const MaintenanceKind maintenance;
  static const SettingKind setting;
  // Of the same kind for policy and the ledger, and another statement with other leftovers.
  if (plan.action == ActionClass::reindex) return reindex;
  switch (plan.kind) {
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
