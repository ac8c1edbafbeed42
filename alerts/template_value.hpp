#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/model/series.hpp"

// What the pieces of a Go template work on; only for the template's own files.
namespace pgtend::alerts::templates {

struct Value;

// One element of a query's result.
struct Element {
  Labels labels;  // with __name__
  double value = 0;
};
using ElementPtr = std::shared_ptr<const Element>;
using Elements = std::shared_ptr<const std::vector<ElementPtr>>;
// What `args` makes: arg0, arg1, ...
using Arguments = std::shared_ptr<const std::map<std::string, Value>>;
// What `toTime` makes.
struct Moment {
  double seconds = 0;  // since 1970; finite
};
// The dot of the whole text, with Labels, ExternalLabels, ExternalURL and Value.
struct Root {};

// monostate: nil.
struct Value : std::variant<std::monostate, bool, std::int64_t, double, std::string, Labels, ElementPtr, Elements,
                            Arguments, Moment, Root> {
  using variant::variant;
};

// As fmt.Sprint prints it.
[[nodiscard]] std::string printed(const Value& value);
// As `if` reads it: what is empty, zero or nil is false.
[[nodiscard]] bool is_true(const Value& value);
// What a method of Go's time.Time without arguments gives (Unix, Year, Weekday, ...); nullopt: it has none of that
// name.
[[nodiscard]] std::optional<Value> part_of(const Moment& moment, const std::string& name);
// "float64", "string", ...: Go's name of the type.
[[nodiscard]] std::string type_of(const Value& value);

}  // namespace pgtend::alerts::templates
