#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "agent/api/json.hpp"
#include "agent/base/strings.hpp"

namespace pgtend::api {

namespace {

// Reads the fields of one object and remembers the first thing that is wrong with it.
class Fields {
 public:
  Fields(const Json& object, std::string path, std::string& error)
      : object_(object), path_(std::move(path)), error_(error) {
    if (!object.is_object()) error_ = "\"" + path_ + "\" must be an object";
  }

  const Json* take(const std::string& name) {
    seen_.push_back(name);
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  void complain(const std::string& name, const std::string& what) {
    if (error_.empty()) error_ = "\"" + path_ + "." + name + "\" " + what;
  }

  void read(const std::string& name, std::string& out) {
    const auto* field = take(name);
    if (field == nullptr) return;
    if (!field->is_string()) return complain(name, "must be text");
    out = field->get<std::string>();
  }
  void read(const std::string& name, std::optional<std::string>& out) {
    if (take(name) == nullptr) return;
    read(name, out.emplace());
  }
  void read(const std::string& name, bool& out) {
    const auto* field = take(name);
    if (field == nullptr) return;
    if (!field->is_boolean()) return complain(name, "must be true or false");
    out = field->get<bool>();
  }
  void read(const std::string& name, std::int64_t& out) {
    const auto* field = take(name);
    if (field == nullptr) return;
    if (!field->is_number_integer() || field->get<std::int64_t>() < 0)
      return complain(name, "must be a whole number, 0 or more");
    out = field->get<std::int64_t>();
  }
  void read(const std::string& name, int& out) {
    std::int64_t wide = out;
    read(name, wide);
    if (wide > std::numeric_limits<int>::max()) return complain(name, "is too large");
    out = static_cast<int>(wide);
  }
  void read(const std::string& name, double& out) {
    const auto* field = take(name);
    if (field == nullptr) return;
    if (!field->is_number() || field->get<double>() < 0) return complain(name, "must be a number, 0 or more");
    out = field->get<double>();
  }
  void read(const std::string& name, std::vector<std::string>& out) {
    const auto* field = take(name);
    if (field == nullptr) return;
    if (!field->is_array()) return complain(name, "must be a list of texts");
    for (const auto& item : *field) {
      if (!item.is_string()) return complain(name, "must be a list of texts");
      out.push_back(item.get<std::string>());
    }
  }
  void read(const std::string& name, std::vector<PartitionRange>& out) {
    const auto* field = take(name);
    if (field == nullptr) return;
    if (!field->is_array()) return complain(name, "must be a list of objects");
    for (const auto& item : *field) {
      Fields fields(item, path_ + "." + name + "[" + std::to_string(out.size()) + "]", error_);
      auto& range = out.emplace_back();
      fields.read("partition", range.partition);
      fields.read("from", range.from);
      fields.read("to", range.to);
      fields.reject_others();
    }
  }
  // An enumeration by name.
  template <class T, class Parse>
  void read(const std::string& name, T& out, Parse parse) {
    std::string text;
    read(name, text);
    if (text.empty()) return complain(name, "is missing");
    const auto value = parse(text);
    if (!value) return complain(name, "has no value \"" + text + "\"");
    out = *value;
  }

  void reject_others() {
    if (!object_.is_object()) return;
    for (const auto& [name, value] : object_.items()) {
      if (std::find(seen_.begin(), seen_.end(), name) != seen_.end()) continue;
      const auto close = nearest(name, seen_);
      complain(name, "is not known here" + (close ? "; did you mean \"" + *close + "\"?" : std::string()));
    }
  }

 private:
  const Json& object_;
  std::string path_;
  std::string& error_;
  std::vector<std::string> seen_;
};

std::optional<LockLevel> parse_lock(std::string_view name) {
  for (const auto lock : {LockLevel::none, LockLevel::share_update_exclusive, LockLevel::share,
                          LockLevel::share_row_exclusive, LockLevel::exclusive, LockLevel::access_exclusive})
    if (to_string(lock) == name) return lock;
  return std::nullopt;
}

void read_detail(Fields& fields, IndexChange& detail) {
  fields.read("schema", detail.schema);
  fields.read("index", detail.index);
  fields.read("table", detail.table);
  fields.read("key_columns", detail.key_columns);
  fields.read("include_columns", detail.include_columns);
  fields.read("method", detail.method);
  fields.read("is_drop", detail.is_drop);
  fields.read("definition", detail.definition);
  fields.read("served_by", detail.served_by);
  fields.read("on_partitions", detail.on_partitions);
}

void read_detail(Fields& fields, RefreshChange& detail) {
  fields.read("schema", detail.schema);
  fields.read("matview", detail.matview);
  fields.read("concurrently", detail.concurrently);
}

void read_detail(Fields& fields, MaintenanceChange& detail) {
  fields.read("schema", detail.schema);
  fields.read("table", detail.table);
  fields.read("vacuum", detail.vacuum);
  fields.read("analyze", detail.analyze);
}

void read_detail(Fields& fields, SettingChange& detail) {
  fields.read("name", detail.name);
  fields.read("value", detail.value);
  fields.read("unit", detail.unit);
  fields.read("role", detail.role);
  fields.read("schema", detail.schema);
  fields.read("table", detail.table);
  fields.read("previous", detail.previous);
  fields.read("database", detail.database);
  fields.read("column", detail.column);
}

void read_detail(Fields& fields, StatisticsChange& detail) {
  fields.read("schema", detail.schema);
  fields.read("name", detail.name);
  fields.read("table", detail.table);
  fields.read("kinds", detail.kinds);
  fields.read("columns", detail.columns);
  fields.read("expressions", detail.expressions);
  fields.read("is_drop", detail.is_drop);
  fields.read("definition", detail.definition);
}

void read_detail(Fields& fields, SessionChange& detail) {
  fields.read("pid", detail.pid);
  fields.read("started", detail.started);
  fields.read("terminate", detail.terminate);
  fields.read("of_superuser", detail.of_superuser);
  fields.read("of_replication", detail.of_replication);
}

void read_detail(Fields& fields, RowSecurityChange& detail) {
  fields.read("schema", detail.schema);
  fields.read("table", detail.table);
  fields.read("policy", detail.policy);
}

void read_detail(Fields& fields, PartitionChange& detail) {
  fields.read("schema", detail.schema);
  fields.read("table", detail.table);
  fields.read("partition", detail.partition);
  fields.read("from", detail.from);
  fields.read("to", detail.to);
  fields.read("grace_days", detail.grace_days);
  fields.read("ranges", detail.ranges);
  fields.read("most_rows", detail.most_rows);
  fields.read("default_partition", detail.default_partition);
  fields.read("key", detail.key);
  fields.read("columns", detail.columns);
}

void read_detail(Fields& fields, PgbouncerChange& detail) {
  fields.read("pooler", detail.pooler);
  fields.read("name", detail.name);
  fields.read("value", detail.value);
  fields.read("previous", detail.previous);
}

ChangeDetail empty_detail(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::index:
      return IndexChange{};
    case ChangeKind::refresh:
      return RefreshChange{};
    case ChangeKind::maintenance:
      return MaintenanceChange{};
    case ChangeKind::setting:
      return SettingChange{};
    case ChangeKind::statistics:
      return StatisticsChange{};
    case ChangeKind::session:
      return SessionChange{};
    case ChangeKind::row_security:
      return RowSecurityChange{};
    case ChangeKind::partition:
      return PartitionChange{};
    case ChangeKind::pgbouncer:
      return PgbouncerChange{};
  }
  return MaintenanceChange{};
}

void read_statements(Fields& fields, std::vector<std::int64_t>& out) {
  std::vector<std::string> texts;
  fields.read("target_statements", texts);
  for (const auto& text : texts) {
    std::int64_t id = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (ec != std::errc() || end != text.data() + text.size())
      return fields.complain("target_statements", "must hold 64-bit numbers as texts");
    out.push_back(id);
  }
}

}  // namespace

Result<ProposedChange> decode_proposed_change(const Json& json) {
  std::string error;
  ProposedChange plan;
  Fields fields(json, "plan", error);
  fields.read("action", plan.action, parse_action_class);
  fields.read("kind", plan.kind, parse_change_kind);
  fields.read("system_identifier", plan.system_identifier);
  fields.read("database", plan.database);
  fields.read("object", plan.object);
  fields.read("run_as_role", plan.run_as_role);
  fields.read("sql_up", plan.sql_up);
  fields.read("sql_down", plan.sql_down);
  if (const auto* lock = fields.take("lock"); lock != nullptr) fields.read("lock", plan.lock, parse_lock);
  fields.read("target_tables", plan.target_tables);
  read_statements(fields, plan.target_statements);
  plan.detail = empty_detail(plan.kind);
  if (const auto* detail = fields.take("detail"); detail != nullptr) {
    Fields inner(*detail, "plan.detail", error);
    std::visit([&inner](auto& kind) { read_detail(inner, kind); }, plan.detail);
    inner.reject_others();
  }
  if (const auto* cost = fields.take("cost"); cost != nullptr) {
    Fields inner(*cost, "plan.cost", error);
    inner.read("bytes", plan.cost.bytes);
    inner.read("seconds", plan.cost.seconds);
    inner.read("wal_bytes", plan.cost.wal_bytes);
    inner.reject_others();
  }
  fields.reject_others();
  // What is left out, the kind of change writes where its detail tells it.
  if (plan.sql_up.empty() && fields.take("sql_up") != nullptr)
    fields.complain("sql_up", "must hold at least one statement");
  if (!error.empty()) return fail(Errc::invalid_argument, error);
  return plan;
}

}  // namespace pgtend::api
