#include "agent/change/kinds/registry.hpp"

#include "agent/change/kinds/column_setting.hpp"
#include "agent/change/kinds/drain.hpp"
#include "agent/change/kinds/index.hpp"
#include "agent/change/kinds/maintenance.hpp"
#include "agent/change/kinds/partition.hpp"
#include "agent/change/kinds/partitioned_index.hpp"
#include "agent/change/kinds/pgbouncer.hpp"
#include "agent/change/kinds/refresh.hpp"
#include "agent/change/kinds/reindex.hpp"
#include "agent/change/kinds/row_security.hpp"
#include "agent/change/kinds/session.hpp"
#include "agent/change/kinds/setting.hpp"
#include "agent/change/kinds/statistics.hpp"

namespace pgtend::change {

const Kind& kind_of(const ProposedChange& plan) {
  static const IndexKind index;
  static const ReindexKind reindex;
  static const PartitionedIndexKind partitioned_index;
  static const RefreshKind refresh;
  static const MaintenanceKind maintenance;
  static const SettingKind setting;
  static const ColumnSettingKind column_setting;
  static const StatisticsKind statistics;
  static const SessionKind session;
  static const RowSecurityKind row_security;
  static const PartitionKind partition;
  static const DropPartitionKind drop_partition;
  static const DrainKind drain;
  static const PgbouncerKind pgbouncer;
  // Of the same kind for policy and the ledger, and another statement with other leftovers.
  if (plan.action == ActionClass::reindex) return reindex;
  if (plan.action == ActionClass::drop_partition) return drop_partition;
  if (plan.action == ActionClass::drain_default) return drain;
  if (plan.action == ActionClass::column_setting) return column_setting;
  const auto* built = std::get_if<IndexChange>(&plan.detail);
  if (built != nullptr && built->on_partitions) return partitioned_index;
  switch (plan.kind) {
    case ChangeKind::index:
      return index;
    case ChangeKind::refresh:
      return refresh;
    case ChangeKind::maintenance:
      return maintenance;
    case ChangeKind::setting:
      return setting;
    case ChangeKind::statistics:
      return statistics;
    case ChangeKind::session:
      return session;
    case ChangeKind::row_security:
      return row_security;
    case ChangeKind::partition:
      return partition;
    case ChangeKind::pgbouncer:
      return pgbouncer;
  }
  return index;
}

}  // namespace pgtend::change
