#include "agent/change/plan_hash.hpp"

#include <variant>

#include "agent/store/sha256.hpp"

namespace pgtend::change {
namespace {

// Length-prefixed, so that no two lists of fields give the same bytes.
class Canonical {
 public:
  Canonical& add(std::string_view field) {
    text_ += std::to_string(field.size()) + ":";
    text_ += field;
    return *this;
  }
  Canonical& add(bool flag) { return add(std::string_view(flag ? "t" : "f")); }
  Canonical& add(const std::vector<std::string>& list) {
    add(std::to_string(list.size()));
    for (const auto& item : list) add(std::string_view(item));
    return *this;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void add_detail(Canonical& out, const IndexChange& d) {
  out.add(d.schema).add(d.index).add(d.table).add(d.key_columns).add(d.include_columns).add(d.method).add(d.is_drop);
  out.add(d.definition);
  // Left out where it is empty: the hashes of plans that were made before it stay what they were.
  if (!d.served_by.empty()) out.add(d.served_by);
  if (d.on_partitions) out.add(std::string_view("on partitions"));
}
void add_detail(Canonical& out, const RefreshChange& d) {
  out.add(d.schema).add(d.matview).add(d.concurrently);
}
void add_detail(Canonical& out, const MaintenanceChange& d) {
  out.add(d.schema).add(d.table).add(d.vacuum).add(d.analyze);
}
void add_detail(Canonical& out, const SettingChange& d) {
  out.add(d.name).add(d.value).add(d.unit).add(d.role).add(d.schema).add(d.table);
  out.add(d.previous.has_value()).add(d.previous.value_or(""));
  if (!d.database.empty()) out.add(std::string_view("database")).add(d.database);
  if (!d.column.empty()) out.add(std::string_view("column")).add(d.column);
}
void add_detail(Canonical& out, const StatisticsChange& d) {
  out.add(d.schema).add(d.name).add(d.table).add(d.kinds).add(d.columns).add(d.expressions);
  out.add(d.is_drop).add(d.definition);
}
void add_detail(Canonical& out, const SessionChange& d) {
  out.add(std::to_string(d.pid)).add(d.started).add(d.terminate).add(d.of_superuser).add(d.of_replication);
}
void add_detail(Canonical& out, const RowSecurityChange& d) {
  out.add(d.schema).add(d.table).add(d.policy);
}
void add_detail(Canonical& out, const PartitionChange& d) {
  out.add(d.schema).add(d.table).add(d.partition).add(d.from).add(d.to).add(std::to_string(d.grace_days));
  if (d.ranges.empty()) return;
  for (const auto& range : d.ranges) out.add(range.partition).add(range.from).add(range.to);
  out.add(std::to_string(d.most_rows)).add(d.default_partition).add(d.key).add(d.columns);
}
void add_detail(Canonical& out, const PgbouncerChange& d) {
  out.add(d.pooler).add(d.name).add(d.value).add(d.previous.has_value()).add(d.previous.value_or(""));
}

}  // namespace

std::string plan_hash(const ProposedChange& plan) {
  Canonical out;
  out.add("pgtend plan 1").add(to_string(plan.action)).add(to_string(plan.kind));
  out.add(plan.system_identifier).add(plan.database).add(plan.object).add(plan.run_as_role);
  out.add(plan.sql_up).add(plan.sql_down).add(to_string(plan.lock));
  std::visit([&](const auto& detail) { add_detail(out, detail); }, plan.detail);
  return store::sha256_hex(out.text());
}

std::int32_t lock_key(std::string_view object) {
  std::uint32_t hash = 2166136261U;
  for (const char c : object) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 16777619U;
  }
  return hash == 0 ? 1 : static_cast<std::int32_t>(hash);
}

}  // namespace pgtend::change
