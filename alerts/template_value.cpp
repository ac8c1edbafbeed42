#include "alerts/template_value.hpp"

#include <array>
#include <chrono>
#include <cmath>

#include "agent/base/clock.hpp"
#include "alerts/template.hpp"
#include "alerts/template_numbers.hpp"

namespace pgtend::alerts::templates {

namespace {

template <class... F>
struct Cases : F... {
  using F::operator()...;
};
template <class... F>
Cases(F...) -> Cases<F...>;

template <class Visitor>
auto visit(const Value& value, Visitor visitor) {
  using Alternatives = std::variant<std::monostate, bool, std::int64_t, double, std::string, Labels, ElementPtr,
                                    Elements, Arguments, Moment, Root>;
  return std::visit(visitor, static_cast<const Alternatives&>(value));
}

std::string map_text(const Labels& labels) {
  std::string out = "map[";
  for (const auto& [name, value] : labels) out += (out.size() == 4 ? "" : " ") + name + ":" + value;
  return out + "]";
}

}  // namespace

std::string printed(const Value& value) {
  return visit(value,
               Cases{[](std::monostate) { return std::string("<no value>"); },
                     [](bool v) { return std::string(v ? "true" : "false"); },
                     [](std::int64_t v) { return std::to_string(v); }, [](double v) { return go_number(v); },
                     [](const std::string& v) { return v; }, [](const Labels& v) { return map_text(v); },
                     [](const ElementPtr& v) { return map_text(v->labels) + " " + go_number(v->value); },
                     [](const Elements& v) {
                       std::string out = "[";
                       for (const auto& one : *v) out += (out.size() == 1 ? "" : " ") + printed(one);
                       return out + "]";
                     },
                     [](const Arguments& v) {
                       std::string out = "map[";
                       for (const auto& [name, each] : *v)
                         out += (out.size() == 4 ? "" : " ") + name + ":" + printed(each);
                       return out + "]";
                     },
                     [](Moment v) { return humanize_timestamp(v.seconds); }, [](Root) { return std::string("{}"); }});
}

bool is_true(const Value& value) {
  return visit(
      value,
      Cases{[](std::monostate) { return false; }, [](bool v) { return v; }, [](std::int64_t v) { return v != 0; },
            [](double v) { return v != 0; }, [](const std::string& v) { return !v.empty(); },
            [](const Labels& v) { return v.size() > 0; }, [](const ElementPtr&) { return true; },
            [](const Elements& v) { return !v->empty(); }, [](const Arguments& v) { return !v->empty(); },
            [](Moment) { return true; }, [](Root) { return true; }});
}

std::string type_of(const Value& value) {
  return visit(value,
               Cases{[](std::monostate) { return std::string("nil"); }, [](bool) { return std::string("bool"); },
                     [](std::int64_t) { return std::string("int"); }, [](double) { return std::string("float64"); },
                     [](const std::string&) { return std::string("string"); },
                     [](const Labels&) { return std::string("map[string]string"); },
                     [](const ElementPtr&) { return std::string("*template.sample"); },
                     [](const Elements&) { return std::string("template.queryResult"); },
                     [](const Arguments&) { return std::string("map[string]interface {}"); },
                     [](Moment) { return std::string("*time.Time"); }, [](Root) { return std::string("struct"); }});
}

std::optional<Value> part_of(const Moment& moment, const std::string& name) {
  constexpr std::array kMonths{"January", "February", "March",     "April",   "May",      "June",
                               "July",    "August",   "September", "October", "November", "December"};
  constexpr std::array kDays{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
  const auto at = UtcTime(Millis(static_cast<std::int64_t>(std::floor(moment.seconds * 1000))));
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(at - day));
  const auto number = [](auto count) { return Value(static_cast<std::int64_t>(count)); };
  if (name == "Unix") return number(std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count());
  if (name == "UnixMilli") return number(at.time_since_epoch().count());
  if (name == "Year") return number(static_cast<int>(date.year()));
  if (name == "Month") return Value(std::string(kMonths[static_cast<unsigned>(date.month()) - 1]));
  if (name == "Day") return number(static_cast<unsigned>(date.day()));
  if (name == "Hour") return number(time.hours().count());
  if (name == "Minute") return number(time.minutes().count());
  if (name == "Second") return number(time.seconds().count());
  if (name == "Weekday") return Value(std::string(kDays[std::chrono::weekday(day).c_encoding()]));
  if (name == "YearDay") return number((day - std::chrono::sys_days(date.year() / 1 / 1)).count() + 1);
  return std::nullopt;
}

}  // namespace pgtend::alerts::templates
