// Keys of what may be changed and how it is proved: policy, change, verify.
#include <array>

#include "agent/config/schema.hpp"

namespace pgtend::config {

namespace {

constexpr Millis kSecond{1'000}, kMinute{60'000}, kDay{24LL * 3'600'000};
constexpr std::int64_t kMaxBudgetBytes = 1LL << 50;
constexpr double kMaxBudgetSeconds = 1e9;

const EnumNames<PolicyMode>& mode_names() {
  static const EnumNames<PolicyMode> names{{PolicyMode::never, "never"},
                                           {PolicyMode::recommend, "recommend"},
                                           {PolicyMode::approve, "approve"},
                                           {PolicyMode::automatic, "auto"}};
  return names;
}

const EnumNames<ActionClass>& action_names() {
  static const EnumNames<ActionClass> names = [] {
    EnumNames<ActionClass> out;
    for (const auto action : all_action_classes()) out.emplace_back(action, std::string(to_string(action)));
    return out;
  }();
  return names;
}

template <class T>
Field<T> optional_bytes(std::string key, std::optional<std::int64_t> T::* member, std::string doc) {
  return {{std::move(key), range_type("size", "0", show_bytes(kMaxBudgetBytes)), std::move(doc), "", {}, {}},
          [member](Reader& r, const Entry& e, T& out) {
            std::int64_t value = 0;
            if (r.bytes(e, value, 0, kMaxBudgetBytes)) out.*member = value;
          },
          [member](const T& from, KeyDoc& to) { to.value = from.*member ? show_bytes(*(from.*member)) : ""; }};
}

Table<PolicyBudget> budget_table() {
  using B = PolicyBudget;
  const auto lag_type = range_type("duration", "1s", format_duration(kDay));
  return {
      optional_integer("changes", &B::changes, 0, 1'000'000, "Number of changes."),
      optional_bytes("bytes", &B::bytes, "Disk space that the changes keep."),
      {{"seconds", range_type("number", "0", show_limit(kMaxBudgetSeconds)), "Run time of the statements.", "", {}, {}},
       [](Reader& r, const Entry& e, B& out) {
         double value = 0;
         if (r.number(e, value, 0, kMaxBudgetSeconds)) out.seconds = value;
       },
       [](const B& from, KeyDoc& to) { to.value = from.seconds ? format_double(*from.seconds) : ""; }},
      optional_bytes("wal_bytes", &B::wal_bytes, "WAL that the server writes while the statements run."),
      {{"replica_lag", lag_type, "Ceiling, not a sum: a standby further behind holds changes back.", "", {}, {}},
       [](Reader& r, const Entry& e, B& out) {
         Millis value{0};
         if (r.duration(e, value, kSecond, kDay)) out.replica_lag = value;
       },
       [](const B& from, KeyDoc& to) { to.value = from.replica_lag ? format_duration(*from.replica_lag) : ""; }},
  };
}

Table<PolicyTrust> trust_table() {
  using T = PolicyTrust;
  return {
      integer("verdicts", &T::verdicts, 0, 10'000, "Verdicts that the class needs. 0: auto counts at once."),
      number("precision", &T::precision, 0, 1, "Lower bound (Wilson, one-sided 90 %) of the share that helped."),
  };
}

Field<PolicyRule> actions_field() {
  return {{"actions", "list of " + join(names_of(action_names()), " | "), "Classes it is for. Empty: all.", "", {}, {}},
          [](Reader& r, const Entry& e, PolicyRule& out) {
            if (!r.is_list(e)) return;
            for (const auto& node : e.value->items) {
              ActionClass action{};
              if (read_enum(r, Entry{"actions", node->at, node}, action_names(), action)) out.actions.push_back(action);
            }
          },
          [](const PolicyRule& from, KeyDoc& to) {
            std::vector<std::string> shown;
            for (const auto action : from.actions) shown.emplace_back(to_string(action));
            to.value = show_list(shown);
          }};
}

Table<PolicyRule> rule_table() {
  using R = PolicyRule;
  return {
      text("name", &R::name, "Name of the rule, once; it is kept in the audit.").required(),
      actions_field(),
      text("database", &R::database, "Pattern (* and ?) of the database."),
      text("object", &R::object, "Pattern of the object: public.orders, role app, setting work_mem."),
      one_of("mode", &R::mode, mode_names(), "What may happen.").required(),
      text("window", &R::window, "Name of the window that auto keeps to. Empty: any time."),
      section("budget", &R::budget, budget_table(),
              "Of this rule, per window (per UTC day without one). What is not set comes from default_budget."),
      duration("cool_down", &R::cool_down, Millis(0), Millis(365 * kDay),
               "Rest of an object after a change. 0s: the general one."),
  };
}

constexpr std::array<std::string_view, 7> kDays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

Field<PolicyWindow> days_field() {
  return {{"days",
           "list of sun | mon | tue | wed | thu | fri | sat",
           "Days on which it starts. Empty: every day.",
           "",
           {},
           {}},
          [](Reader& r, const Entry& e, PolicyWindow& out) {
            static const EnumNames<int> names = [] {
              EnumNames<int> days;
              for (std::size_t i = 0; i < kDays.size(); ++i) days.emplace_back(static_cast<int>(i), kDays[i]);
              return days;
            }();
            if (!r.is_list(e)) return;
            for (const auto& node : e.value->items) {
              int day = 0;
              if (read_enum(r, Entry{"days", node->at, node}, names, day)) out.days.push_back(day);
            }
          },
          [](const PolicyWindow& from, KeyDoc& to) {
            std::vector<std::string> shown;
            for (const int day : from.days) shown.emplace_back(kDays[static_cast<std::size_t>(day)]);
            to.value = show_list(shown);
          }};
}

// "02:00" .. "24:00" to minutes after midnight.
bool read_minute(Reader& reader, const Entry& entry, int& out) {
  std::string value;
  if (!reader.text(entry, value)) return false;
  const auto digit = [&](std::size_t i) { return value[i] >= '0' && value[i] <= '9'; };
  if (value.size() == 5 && value[2] == ':' && digit(0) && digit(1) && digit(3) && digit(4)) {
    const int hour = (value[0] - '0') * 10 + (value[1] - '0');
    const int minute = (value[3] - '0') * 10 + (value[4] - '0');
    if (minute < 60 && hour * 60 + minute <= 24 * 60) {
      out = hour * 60 + minute;
      return true;
    }
  }
  reader.error(Reader::where(entry), "'" + entry.key + "' must be a time of day from 00:00 to 24:00",
               "two digits each, such as 02:30");
  return false;
}

Field<PolicyWindow> minute_field(std::string key, int PolicyWindow::* member, std::string doc) {
  return std::move(Field<PolicyWindow>{
                       {std::move(key), "time of day, 00:00 to 24:00", std::move(doc), "", {}, {}},
                       [member](Reader& r, const Entry& e, PolicyWindow& out) { read_minute(r, e, out.*member); },
                       [member](const PolicyWindow& from, KeyDoc& to) {
                         const auto two = [](int n) { return (n < 10 ? "0" : "") + std::to_string(n); };
                         to.value = show_text(two(from.*member / 60) + ":" + two(from.*member % 60));
                       }})
      .required();
}

Table<PolicyWindow> window_table() {
  using W = PolicyWindow;
  return {
      text("name", &W::name, "Name of the window, once.").required(),
      text("time_zone", &W::time_zone, "IANA name such as Europe/Berlin."),
      days_field(),
      minute_field("start", &W::start_minute, "Start in local time."),
      minute_field("end", &W::end_minute, "End; before the start it is on the next day."),
  };
}

Table<PolicyRetention> retention_table() {
  using R = PolicyRetention;
  return {
      text("table", &R::table, "Pattern of the partitioned table: public.events.").required(),
      text("database", &R::database, "Pattern of the database."),
      duration("keep", &R::keep, kDay, Millis(36'500 * kDay), "Time after the end of a partition's range.").required(),
  };
}

Field<PolicyConfig> defaults_field() {
  const std::string type = join(names_of(mode_names()), " | ");
  Table<PolicyConfig> table;
  for (const auto& each : action_names()) {
    const ActionClass action = each.first;
    table.push_back({{each.second, type, "", "", {}, {}},
                     [action](Reader& r, const Entry& e, PolicyConfig& out) {
                       PolicyMode mode{};
                       if (read_enum(r, e, mode_names(), mode)) out.defaults[action] = mode;
                     },
                     [action](const PolicyConfig& from, KeyDoc& to) {
                       const auto found = from.defaults.find(action);
                       to.value = found == from.defaults.end() ? "" : std::string(to_string(found->second));
                     }});
  }
  return {{"defaults", "section", "What may happen where no rule matches.", "", {}, {}},
          [table](Reader& r, const Entry& e, PolicyConfig& out) { read_map(r, e, table, out); },
          [table](const PolicyConfig& from, KeyDoc& to) { to.children = describe(table, from); }};
}

void place(Reader& reader, const Node& node, PolicyRule& rule) {
  rule.file = reader.file();
  rule.line = node.at.line;
}

}  // namespace

Table<PolicyConfig> policy_table() {
  using P = PolicyConfig;
  return {
      list_of("rules", &P::rules, rule_table(),
              "The first rule that matches decides; rules of later files come after those of earlier ones.", {place}),
      defaults_field(),
      list_of("windows", &P::windows, window_table(), "Named times of the week. Lists of later files are appended."),
      section("default_budget", &P::default_budget, budget_table(),
              "What runs by itself, for each rule (and each class without one), per window or UTC day."),
      duration("cool_down", &P::cool_down, Millis(0), Millis(365 * kDay), "Rest of an object after a change."),
      duration("cool_down_after_undo", &P::cool_down_after_undo, Millis(0), Millis(365 * kDay),
               "Rest after a change was undone; doubles with each undo of the object."),
      duration("approval_ttl", &P::approval_ttl, Millis(0), Millis(365 * kDay), "How long an approval holds."),
      section("trust", &P::trust, trust_table(),
              "The record that an index or setting class needs in the last year before auto counts for it; until then "
              "it asks."),
      list_of(
          "retention", &P::retention, retention_table(),
          "How long partitions are kept; older ones are proposed to be detached, by approval. The first that matches "
          "decides; without one nothing is detached."),
      boolean("frozen", &P::frozen, "Stops every change before it is applied."),
  };
}

Table<ChangeConfig> change_table() {
  using C = ChangeConfig;
  return {
      duration("lock_timeout", &C::lock_timeout, Millis(1), Millis(10 * kSecond),
               "Longest wait for a strong lock, so that nobody queues behind it."),
      integer("lock_attempts", &C::lock_attempts, 1, 10'000, "Attempts before the change is deferred."),
      duration("lock_budget", &C::lock_budget, kSecond, kDay, "Time for all attempts."),
      duration("wait_budget", &C::wait_budget, kSecond, kDay,
               "Longest stay of a concurrent build in its waiting phases."),
      number("disk_factor", &C::disk_factor, 1, 100, "Free disk space needed, as a multiple of the predicted size."),
      duration("max_xact_age", &C::max_xact_age, kSecond, kDay,
               "An older transaction in the database holds a concurrent build back."),
      duration("index_timeout", &C::index_timeout, kSecond, Millis(30 * kDay),
               "Longest run of a statement of an index, and of a migration."),
      duration("refresh_timeout", &C::refresh_timeout, kSecond, Millis(30 * kDay), "Longest run of a refresh."),
      duration("maintenance_timeout", &C::maintenance_timeout, kSecond, Millis(30 * kDay),
               "Longest run of ANALYZE, of VACUUM and of a statement of a partition."),
      duration("setting_timeout", &C::setting_timeout, kSecond, Millis(10 * kMinute),
               "Longest run of a statement that changes a setting or a policy, or ends a session."),
      text("freeze_file", &C::freeze_file, "While this file exists, nothing is applied. Empty: no such file.", "path"),
  };
}

Table<VerifyConfig> verify_table() {
  using V = VerifyConfig;
  return {
      duration("window", &V::window, kSecond, Millis(60 * kMinute), "Length of one measurement."),
      duration("block", &V::block, kSecond, kDay, "Measurements are averaged over this before they are compared."),
      integer("min_windows", &V::min_windows, 2, 100'000, "Measurements needed on each side."),
      integer("min_calls", &V::min_calls, 1, 1'000'000'000, "Calls of the target statements needed on each side."),
      duration("before", &V::before, kSecond, Millis(30 * kDay), "History looked at before the change."),
      duration("after", &V::after, kSecond, Millis(30 * kDay), "Time looked at after the change."),
      duration("warm_up", &V::warm_up, Millis(0), kDay, "Time after the change that is left out."),
      duration("max_observe", &V::max_observe, kSecond, Millis(90 * kDay),
               "Without a clear result it ends here, and a new index without effect is taken back."),
      number("effect_blocks", &V::effect_blocks, 0, 10, "Smallest change of buffers per call that counts."),
      number("effect_time", &V::effect_time, 0, 10, "Smallest change of time per call that counts."),
      number("p_value", &V::p_value, 1e-9, 0.5, "Largest p of the test that counts."),
      integer("min_control", &V::min_control, 1, 1000, "Statements on other tables to compare with."),
      boolean("undo_no_effect", &V::undo_no_effect,
              "Takes a new index back that had no effect until 'max_observe'; it costs writes."),
      duration("trip_replica_lag", &V::trip_replica_lag, kSecond, kDay,
               "A standby further behind, which it was not before, takes the change back at once."),
      number("trip_disk_free", &V::trip_disk_free, 0, 1, "So does less free disk; a share of the whole."),
      integer("trip_lock_waiters", &V::trip_lock_waiters, 0, 100'000,
              "So do more sessions of the database that wait for locks."),
      number("trip_rollbacks", &V::trip_rollbacks, 0, 1,
             "So does a share of transactions rolled back that rose by this much."),
  };
}

}  // namespace pgtend::config
