// Keys of the routing tree, inhibition and time intervals, as alertmanager.yml spells them.
#include <algorithm>
#include <array>
#include <set>

#include "agent/config/schema.hpp"
#include "agent/model/matcher_text.hpp"

namespace pgtend::config {

namespace {

constexpr Millis kDay{24LL * 3'600'000};

struct RangeWords {
  std::vector<std::string> names;
  int base = 0, low = 0, high = 0;
  std::string what;
  bool only_names = false;
};

// Names in order, the first being number `base`; a number is taken as it is.
std::optional<int> number_or_name(const std::string& text, const RangeWords& words) {
  const auto word = to_lower(trim(text));
  for (std::size_t i = 0; i < words.names.size(); ++i)
    if (words.names[i] == word) return words.base + static_cast<int>(i);
  if (words.only_names || word.empty() || word.size() > 5) return std::nullopt;
  int value = 0;
  const bool negative = word.front() == '-';
  for (std::size_t i = negative ? 1 : 0; i < word.size(); ++i) {
    if (word[i] < '0' || word[i] > '9') return std::nullopt;
    value = value * 10 + (word[i] - '0');
  }
  return negative ? -value : value;
}

Field<TimeInterval> ranges_field(std::string key, std::vector<NumberRange> TimeInterval::* member, RangeWords words,
                                 std::string doc) {
  return {{std::move(key), "list of text", std::move(doc), "", {}, {}},
          [member, words](Reader& r, const Entry& e, TimeInterval& out) {
            std::vector<std::string> texts;
            if (!r.text_list(e, texts)) return;
            (out.*member).clear();
            for (const auto& text : texts) {
              const auto colon = text.find(':');
              const auto first = number_or_name(text.substr(0, colon), words);
              const auto last = colon == std::string::npos ? first : number_or_name(text.substr(colon + 1), words);
              // From the fifth to the last but one: only days count from both ends.
              const bool from_both_ends = words.low < 0 && first && last && *first > 0 && *last < 0;
              const bool backwards = first && last && *first < 0 && *last > 0;
              const bool valid = first && last && !backwards && *first >= words.low && *last <= words.high &&
                                 (*first <= *last || from_both_ends) && (words.low >= 0 || (*first != 0 && *last != 0));
              if (!valid) {
                r.error(Reader::where(e), "'" + text + "' is no range of " + words.what, "FIRST or FIRST:LAST");
                continue;
              }
              (out.*member).push_back({*first, *last});
            }
          },
          [member](const TimeInterval& from, KeyDoc& to) {
            std::vector<std::string> shown;
            for (const auto& range : from.*member)
              shown.push_back(std::to_string(range.first) + ":" + std::to_string(range.last));
            to.value = show_list(shown);
          }};
}

struct MinuteText {
  std::string start, end;
};

std::optional<int> minute_of(const std::string& text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const int i : {0, 1, 3, 4})
    if (text[static_cast<std::size_t>(i)] < '0' || text[static_cast<std::size_t>(i)] > '9') return std::nullopt;
  const int minute = std::stoi(text.substr(0, 2)) * 60 + std::stoi(text.substr(3));
  return minute <= 24 * 60 && std::stoi(text.substr(3)) < 60 ? std::optional(minute) : std::nullopt;
}

Field<TimeInterval> times_field() {
  const Table<MinuteText> table{
      text("start_time", &MinuteText::start, "Start, HH:MM in the local time of `location`.").required(),
      text("end_time", &MinuteText::end, "End, HH:MM, after the start; 24:00 is midnight.").required(),
  };
  return {{"times", "list", "Times of the day. Empty: the whole day.", "", {}, {}, true},
          [table](Reader& r, const Entry& e, TimeInterval& out) {
            if (!r.is_list(e)) return;
            for (const auto& node : e.value->items) {
              MinuteText text;
              if (!read_map(r, Entry{e.key, node->at, node}, table, text)) continue;
              const auto start = minute_of(text.start), end = minute_of(text.end);
              if (!start || !end || *end <= *start) {
                r.error(node->at, "times need a start_time before their end_time, HH:MM each",
                        "past midnight is two entries");
                continue;
              }
              out.times.push_back({*start, *end});
            }
          },
          [table](const TimeInterval&, KeyDoc& to) { to.children = describe(table, MinuteText{}); }};
}

Table<TimeInterval> interval_table() {
  using T = TimeInterval;
  return {
      times_field(),
      ranges_field(
          "weekdays", &T::weekdays,
          {{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}, 0, 0, 6, "weekdays", true},
          "Days of the week, such as monday:friday."),
      ranges_field("days_of_month", &T::days_of_month, {{}, 1, -31, 31, "days"},
                   "Days of the month, such as 1:5; -1 is the last day."),
      ranges_field("months", &T::months,
                   {{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
                     "november", "december"},
                    1,
                    1,
                    12,
                    "months"},
                   "Months, such as january:march or 1:3."),
      ranges_field("years", &T::years, {{}, 0, 1970, 9999, "years"}, "Years, such as 2026 or 2026:2028."),
      text("location", &T::location, "IANA time zone such as Europe/Berlin."),
  };
}

Field<Route> optional_duration(std::string key, std::optional<Millis> Route::* member, Millis low, std::string doc) {
  return {{std::move(key), range_type("duration", format_duration(low), "365d"), std::move(doc), "", {}, {}},
          [member, low](Reader& r, const Entry& e, Route& out) {
            Millis value{0};
            if (r.duration(e, value, low, Millis(365 * kDay))) out.*member = value;
          },
          [member](const Route& from, KeyDoc& to) { to.value = from.*member ? format_duration(*(from.*member)) : ""; }};
}

void add_matchers(Reader& reader, const Entry& entry, const std::string& text, std::vector<Matcher>& out) {
  auto parsed = parse_matchers(text);
  if (!parsed) {
    reader.error(Reader::where(entry), parsed.error().message);
    return;
  }
  for (auto& matcher : *parsed) out.push_back(std::move(matcher));
}

template <class T>
Field<T> matchers_field(std::string key, std::vector<Matcher> T::* member, std::string doc) {
  return {{std::move(key), "list of text", std::move(doc), "", {}, {}},
          [member](Reader& r, const Entry& e, T& out) {
            std::vector<std::string> texts;
            if (!r.text_list(e, texts)) return;
            for (const auto& text : texts) add_matchers(r, e, text, out.*member);
          },
          [member](const T& from, KeyDoc& to) {
            std::vector<std::string> shown;
            for (const auto& matcher : from.*member) shown.push_back(to_string(matcher));
            to.value = show_list(shown);
          }};
}

// Alertmanager's older spelling: {label: value}.
template <class T>
Field<T> match_map(std::string key, std::vector<Matcher> T::* member, MatchOp op, std::string doc) {
  return {{std::move(key), "map of text", std::move(doc), "", {}, {}},
          [member, op](Reader& r, const Entry& e, T& out) {
            std::map<std::string, std::string> pairs;
            if (!r.text_map(e, pairs)) return;
            for (const auto& [name, value] : pairs) {
              if (!r.label_name(Reader::where(e), name)) continue;
              auto matcher = Matcher::make(name, op, value);
              if (matcher) {
                (out.*member).push_back(std::move(*matcher));
              } else {
                r.error(Reader::where(e), matcher.error().message);
              }
            }
          },
          nullptr};
}

// As Alertmanager takes them: '...' has no others beside it, and each label stands once.
bool can_group(Reader& r, const Entry& e, const std::vector<std::string>& labels) {
  const std::set<std::string> each(labels.begin(), labels.end());
  if (each == std::set<std::string>{"..."}) return true;
  if (each.contains("...")) {
    r.error(Reader::where(e), "'...' means every label and stands alone", "group_by: ['...']");
    return false;
  }
  if (each.size() < labels.size()) r.error(Reader::where(e), "a label stands twice", "each label once");
  const bool named =
      std::ranges::all_of(labels, [&](const std::string& name) { return r.label_name(Reader::where(e), name); });
  return named && each.size() == labels.size();
}

Field<Route> group_by_field() {
  return {{"group_by", "list of text", "Labels that make one message; '...' alone: each alert its own.", "", {}, {}},
          [](Reader& r, const Entry& e, Route& out) {
            std::vector<std::string> labels;
            if (r.text_list(e, labels) && can_group(r, e, labels)) out.group_by = std::move(labels);
          },
          [](const Route& from, KeyDoc& to) { to.value = from.group_by ? show_list(*from.group_by) : ""; }};
}

// A route holds routes: the table is made again for each level that is there.
Field<Route> routes_field() {
  return {{"routes",
           "list",
           "Routes below this one, with the same keys; the first that matches takes the alert.",
           "",
           {},
           {},
           true},
          [](Reader& r, const Entry& e, Route& out) {
            list_of("routes", &Route::routes, route_table(), "").read(r, e, out);
          },
          [](const Route& from, KeyDoc& to) {
            for (const auto& route : from.routes) to.items.push_back(describe(route_table(), route));
          }};
}

}  // namespace

Table<Route> route_table() {
  using R = Route;
  using S = EscalationStep;
  Table<S> step{
      duration("after", &S::after, Millis(0), Millis(30 * kDay), "Time since the first message of the trouble.")
          .required(),
      text("receiver", &S::receiver, "Who is told then, besides those before.").required(),
  };
  return {
      text("receiver", &R::receiver, "Name of the receiver. Empty: the parent's."),
      matchers_field("matchers", &R::matchers,
                     R"(Conditions that all hold, such as severity="critical" or team=~"db|app".)"),
      match_map("match", &R::matchers, MatchOp::equal, "The older spelling of matchers with =."),
      match_map("match_re", &R::matchers, MatchOp::regex, "The older spelling of matchers with =~."),
      group_by_field(),
      optional_duration("group_wait", &R::group_wait, Millis(0), "Wait before the first message of a group."),
      optional_duration("group_interval", &R::group_interval, Millis(1000),
                        "Wait before the next one when things changed."),
      optional_duration("repeat_interval", &R::repeat_interval, Millis(1000),
                        "Wait before it is said again unchanged."),
      boolean("continue", &R::continues, "The routes after this one are tried as well."),
      text_list("mute_time_intervals", &R::mute_time_intervals, "Names of time intervals in which nothing is sent."),
      text_list("active_time_intervals", &R::active_time_intervals,
                "Names of time intervals outside which nothing is sent."),
      list_of("escalate", &R::escalate, std::move(step), "Further receivers when nobody acknowledges."),
      routes_field(),
  };
}

Table<InhibitRule> inhibit_table() {
  using I = InhibitRule;
  return {
      matchers_field("source_matchers", &I::source, "Conditions of the alert that silences."),
      matchers_field("target_matchers", &I::target, "Conditions of the alerts that are silenced."),
      match_map("source_match", &I::source, MatchOp::equal, "The older spelling."),
      match_map("source_match_re", &I::source, MatchOp::regex, "The older spelling."),
      match_map("target_match", &I::target, MatchOp::equal, "The older spelling."),
      match_map("target_match_re", &I::target, MatchOp::regex, "The older spelling."),
      text_list("equal", &I::equal, "Labels that both must have alike; two that are missing are alike."),
  };
}

Table<NamedIntervals> intervals_table() {
  using N = NamedIntervals;
  return {
      text("name", &N::name, "Name that routes use.").required(),
      list_of("time_intervals", &N::intervals, interval_table(), "Moments that belong to it; one of them is enough."),
  };
}

}  // namespace pgtend::config
