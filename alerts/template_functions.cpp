#include "alerts/template_functions.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "agent/base/units.hpp"
#include "alerts/template.hpp"
#include "alerts/template_compare.hpp"
#include "alerts/template_numbers.hpp"
#include "alerts/template_printf.hpp"
#include "alerts/template_regex.hpp"
#include "alerts/template_texts.hpp"

namespace pgtend::alerts::templates {

namespace {

using Given = std::vector<Value>;
using Answer = Result<Value>;

tl::unexpected<Error> wrong(std::string what) {
  return fail(Errc::invalid_argument, std::move(what));
}

Result<std::string> text_of(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return wrong("wrong type for value; expected string; got " + type_of(value));
}

Result<double> number_of(const Value& value) {
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return wrong("can't convert " + type_of(value) + " to float");
  char* end = nullptr;
  const double number = std::strtod(text->c_str(), &end);
  if (text->empty() || *end != '\0') return wrong("strconv.ParseFloat: parsing \"" + *text + "\": invalid syntax");
  return number;
}

template <std::string (*format)(double)>
Answer of_number(const Given& arguments, const Surroundings&) {
  const auto number = number_of(arguments[0]);
  if (!number) return fail(number.error());
  return Value(format(*number));
}

template <std::string (*change)(std::string)>
Answer of_text(const Given& arguments, const Surroundings&) {
  auto text = text_of(arguments[0]);
  if (!text) return fail(text.error());
  return Value(change(std::move(*text)));
}

// Source: Prometheus keeps a moment as nanoseconds in 64 bits.
Result<void> check_moment(double seconds) {
  constexpr double kMost = 9223372036854775807.0;
  if (std::abs(seconds * 1e9) <= kMost) return {};
  return wrong(go_number(seconds) + " cannot be represented as a nanoseconds timestamp since it overflows int64");
}

Answer humanized_moment(const Given& arguments, const Surroundings&) {
  const auto seconds = number_of(arguments[0]);
  if (!seconds) return fail(seconds.error());
  if (std::isfinite(*seconds))
    if (auto fits = check_moment(*seconds); !fits) return fail(std::move(fits.error()));
  return Value(humanize_timestamp(*seconds));
}

// A text is no page: nothing of it is escaped anyway.
std::string unchanged(std::string text) {
  return text;
}

// Links into Prometheus's own pages, which are not here.
std::string nothing(std::string /*text*/) {
  return {};
}

Answer query(const Given& arguments, const Surroundings& around) {
  const auto expr = text_of(arguments[0]);
  if (!expr) return fail(expr.error());
  auto found = around.query(*expr);
  if (!found) return fail(std::move(found.error()));
  return Value(std::move(*found));
}

Result<Elements> elements_of(const Value& value) {
  if (const auto* elements = std::get_if<Elements>(&value)) return *elements;
  return wrong("wrong type for value; expected template.queryResult; got " + type_of(value));
}

Result<ElementPtr> element_of(const Value& value) {
  if (const auto* element = std::get_if<ElementPtr>(&value)) return *element;
  return wrong("wrong type for value; expected *template.sample; got " + type_of(value));
}

Answer first(const Given& arguments, const Surroundings&) {
  const auto elements = elements_of(arguments[0]);
  if (!elements) return fail(elements.error());
  if ((*elements)->empty()) return wrong("first() called on vector with no elements");
  return Value((*elements)->front());
}

Answer value(const Given& arguments, const Surroundings&) {
  const auto element = element_of(arguments[0]);
  if (!element) return fail(element.error());
  return Value((*element)->value);
}

Answer label(const Given& arguments, const Surroundings&) {
  const auto name = text_of(arguments[0]);
  const auto element = element_of(arguments[1]);
  if (!name) return fail(name.error());
  if (!element) return fail(element.error());
  return Value(std::string((*element)->labels.get(*name)));
}

Answer strvalue(const Given& arguments, const Surroundings& around) {
  return label({Value(std::string("__value__")), arguments[0]}, around);
}

Answer sort_by_label(const Given& arguments, const Surroundings&) {
  const auto name = text_of(arguments[0]);
  const auto elements = elements_of(arguments[1]);
  if (!name) return fail(name.error());
  if (!elements) return fail(elements.error());
  auto sorted = **elements;
  std::stable_sort(sorted.begin(), sorted.end(), [&](const ElementPtr& a, const ElementPtr& b) {
    return a->labels.get(*name) < b->labels.get(*name);
  });
  return Value(std::make_shared<const std::vector<ElementPtr>>(std::move(sorted)));
}

Answer match(const Given& arguments, const Surroundings&) {
  const auto pattern = text_of(arguments[0]), text = text_of(arguments[1]);
  if (!pattern) return fail(pattern.error());
  if (!text) return fail(text.error());
  const auto found = found_in(*pattern, *text);
  if (!found) return fail(found.error());
  return Value(*found);
}

Answer replace(const Given& arguments, const Surroundings&) {
  const auto pattern = text_of(arguments[0]), with = text_of(arguments[1]), text = text_of(arguments[2]);
  for (const auto* one : {&pattern, &with, &text})
    if (!*one) return fail(one->error());
  auto replaced = replace_all(*pattern, *with, *text);
  if (!replaced) return fail(std::move(replaced.error()));
  return Value(std::move(*replaced));
}

Answer duration(const Given& arguments, const Surroundings&) {
  const auto text = text_of(arguments[0]);
  if (!text) return fail(text.error());
  const auto parsed = parse_duration(*text);
  if (!parsed) return fail(parsed.error());
  return Value(static_cast<double>(parsed->count()) / 1000);
}

Answer to_time(const Given& arguments, const Surroundings&) {
  const auto seconds = number_of(arguments[0]);
  if (!seconds) return fail(seconds.error());
  if (!std::isfinite(*seconds)) return wrong("value is NaN or Inf");
  if (auto fits = check_moment(*seconds); !fits) return fail(std::move(fits.error()));
  return Value(Moment{*seconds});
}

Answer external_url(const Given&, const Surroundings& around) {
  return Value(around.external_url);
}

Answer path_prefix(const Given&, const Surroundings& around) {
  const auto& url = around.external_url;
  const auto scheme = url.find("://");
  const auto path = scheme == std::string::npos ? std::string::npos : url.find('/', scheme + 3);
  return Value(path == std::string::npos ? std::string() : url.substr(path));
}

Answer args(const Given& arguments, const Surroundings&) {
  auto out = std::make_shared<std::map<std::string, Value>>();
  for (std::size_t i = 0; i < arguments.size(); ++i) out->emplace("arg" + std::to_string(i), arguments[i]);
  return Value(Arguments(std::move(out)));
}

Answer length(const Given& arguments, const Surroundings&) {
  const auto& of = arguments[0];
  if (const auto* text = std::get_if<std::string>(&of)) return Value(static_cast<std::int64_t>(text->size()));
  if (const auto* labels = std::get_if<Labels>(&of)) return Value(static_cast<std::int64_t>(labels->size()));
  if (const auto* elements = std::get_if<Elements>(&of)) return Value(static_cast<std::int64_t>((*elements)->size()));
  if (const auto* named = std::get_if<Arguments>(&of)) return Value(static_cast<std::int64_t>((*named)->size()));
  return wrong("len of type " + type_of(of));
}

Answer element_at(const Value& of, const Value& key) {
  if (const auto* labels = std::get_if<Labels>(&of)) {
    const auto name = text_of(key);
    if (!name) return fail(name.error());
    return Value(std::string(labels->get(*name)));
  }
  if (const auto* named = std::get_if<Arguments>(&of)) {
    const auto name = text_of(key);
    if (!name) return fail(name.error());
    const auto found = (*named)->find(*name);
    return found == (*named)->end() ? Value() : found->second;
  }
  const auto* place = std::get_if<std::int64_t>(&key);
  const auto* elements = std::get_if<Elements>(&of);
  const auto* text = std::get_if<std::string>(&of);
  if (elements == nullptr && text == nullptr) return wrong("can't index item of type " + type_of(of));
  if (place == nullptr) return wrong("cannot index slice/array with type " + type_of(key));
  const auto size = elements != nullptr ? (*elements)->size() : text->size();
  if (*place < 0 || static_cast<std::size_t>(*place) >= size)
    return wrong("index out of range: " + std::to_string(*place));
  const auto at = static_cast<std::size_t>(*place);
  if (elements != nullptr) return Value((**elements)[at]);
  return Value(static_cast<std::int64_t>(static_cast<unsigned char>((*text)[at])));
}

Answer index(const Given& arguments, const Surroundings&) {
  Value at = arguments[0];
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    auto next = element_at(at, arguments[i]);
    if (!next) return next;
    at = std::move(*next);
  }
  return at;
}

// Nothing, as Go's fmt prints it.
std::string shown(const Value& value) {
  return std::holds_alternative<std::monostate>(value) ? "<nil>" : printed(value);
}

std::string print_text(const Given& arguments) {
  std::string out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool texts = i > 0 && (std::holds_alternative<std::string>(arguments[i]) ||
                                 std::holds_alternative<std::string>(arguments[i - 1]));
    out += (i > 0 && !texts ? " " : "") + shown(arguments[i]);
  }
  return out;
}

Answer print(const Given& arguments, const Surroundings&) {
  return Value(print_text(arguments));
}

// Of all arguments as one text; nothing is the text "<no value>" here.
template <std::string (*change)(std::string)>
Answer of_texts(const Given& arguments, const Surroundings&) {
  Given texts = arguments;
  for (auto& each : texts)
    if (std::holds_alternative<std::monostate>(each)) each = Value(printed(each));
  return Value(change(print_text(texts)));
}

Answer println(const Given& arguments, const Surroundings&) {
  std::string out;
  for (const auto& each : arguments) out += (out.empty() ? "" : " ") + shown(each);
  return Value(out + "\n");
}

Answer print_formatted(const Given& arguments, const Surroundings&) {
  if (auto format = text_of(arguments[0]); !format) return fail(format.error());
  return Value(go_printf(arguments));
}

Answer negated(const Given& arguments, const Surroundings&) {
  return Value(!is_true(arguments[0]));
}

template <bool stops_at>
Answer logic(const Given& arguments, const Surroundings&) {
  for (const auto& each : arguments)
    if (is_true(each) == stops_at) return each;
  return arguments.back();
}

template <Comparison comparison>
Answer compared(const Given& arguments, const Surroundings&) {
  auto out = compare(comparison, arguments);
  if (!out) return fail(std::move(out.error()));
  return Value(*out);
}

struct Function {
  std::string_view name;
  std::size_t least, most;
  Answer (*run)(const Given&, const Surroundings&);
};

constexpr std::size_t kAny = 1000;

constexpr std::array kFunctions{
    Function{"and", 1, kAny, logic<false>},
    Function{"args", 0, kAny, args},
    Function{"eq", 2, kAny, compared<Comparison::equal>},
    Function{"externalURL", 0, 0, external_url},
    Function{"first", 1, 1, first},
    Function{"ge", 2, 2, compared<Comparison::greater_equal>},
    Function{"graphLink", 1, 1, of_text<nothing>},
    Function{"gt", 2, 2, compared<Comparison::greater>},
    Function{"html", 0, kAny, of_texts<escaped_html>},
    Function{"humanize", 1, 1, of_number<humanize>},
    Function{"humanize1024", 1, 1, of_number<humanize1024>},
    Function{"humanizeDuration", 1, 1, of_number<humanize_duration>},
    Function{"humanizePercentage", 1, 1, of_number<humanize_percentage>},
    Function{"humanizeTimestamp", 1, 1, humanized_moment},
    Function{"index", 1, kAny, index},
    Function{"label", 2, 2, label},
    Function{"le", 2, 2, compared<Comparison::less_equal>},
    Function{"len", 1, 1, length},
    Function{"lt", 2, 2, compared<Comparison::less>},
    Function{"match", 2, 2, match},
    Function{"ne", 2, 2, compared<Comparison::not_equal>},
    Function{"not", 1, 1, negated},
    Function{"or", 1, kAny, logic<true>},
    Function{"parseDuration", 1, 1, duration},
    Function{"pathPrefix", 0, 0, path_prefix},
    Function{"print", 0, kAny, print},
    Function{"printf", 1, kAny, print_formatted},
    Function{"println", 0, kAny, println},
    Function{"query", 1, 1, query},
    Function{"reReplaceAll", 3, 3, replace},
    Function{"safeHtml", 1, 1, of_text<unchanged>},
    Function{"sortByLabel", 2, 2, sort_by_label},
    Function{"stripDomain", 1, 1, of_text<strip_domain>},
    Function{"stripPort", 1, 1, of_text<strip_port>},
    Function{"strvalue", 1, 1, strvalue},
    Function{"tableLink", 1, 1, of_text<nothing>},
    Function{"title", 1, 1, of_text<title>},
    Function{"toLower", 1, 1, of_text<lower>},
    Function{"toTime", 1, 1, to_time},
    Function{"toUpper", 1, 1, of_text<upper>},
    Function{"urlquery", 0, kAny, of_texts<escaped_query>},
    Function{"value", 1, 1, value},
};

const Function* find(std::string_view name) {
  const auto found = std::find_if(kFunctions.begin(), kFunctions.end(), [&](const auto& f) { return f.name == name; });
  return found == kFunctions.end() ? nullptr : found;
}

}  // namespace

bool is_function(std::string_view name) {
  return find(name) != nullptr;
}

Result<Value> call(const std::string& name, const std::vector<Value>& arguments, const Surroundings& around) {
  const auto* function = find(name);
  if (function == nullptr) return wrong("\"" + name + "\" is not a defined function");
  if (arguments.size() < function->least || arguments.size() > function->most)
    return wrong("wrong number of args for " + name + ": want " +
                 (function->most == kAny ? "at least " : std::string()) + std::to_string(function->least) + " got " +
                 std::to_string(arguments.size()));
  auto out = function->run(arguments, around);
  if (!out) return fail(Errc::invalid_argument, "error calling " + name + ": " + out.error().message);
  return out;
}

}  // namespace pgtend::alerts::templates
