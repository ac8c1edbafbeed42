#include <algorithm>
#include <cmath>
#include <numbers>

#include "rules/promql/functions.hpp"
#include "rules/promql/numeric.hpp"

namespace pgtend::promql {

namespace {

using enum ValueType;
using functions::Args;

double round_to(double value, Args args) {
  // The inverse keeps 0.1-like steps exact where a division would not.
  const double inverse = 1.0 / (args.empty() ? 1.0 : args[0]);
  return std::floor(value * inverse + 0.5) / inverse;
}

double sign(double value, Args) {
  return value > 0 ? 1 : value < 0 ? -1 : value;
}

Function range_row(std::string_view name, RangeFunction run, bool keeps_name = false) {
  return {name, {matrix}, 0, false, vector, run, keeps_name};
}
Function map_row(std::string_view name, MapFunction run) {
  return {name, {vector}, 0, false, vector, run, false};
}
Function date_row(std::string_view name, VectorFunction run) {
  return {name, {vector}, 1, false, vector, run, false};
}

const std::vector<Function>& table() {
  namespace f = functions;
  static const std::vector<Function> rows = [] {
    std::vector<Function> out{
        range_row("rate", f::rate),
        range_row("increase", f::increase),
        range_row("delta", f::delta),
        range_row("irate", f::irate),
        range_row("idelta", f::idelta),
        range_row("changes", f::changes),
        range_row("resets", f::resets),
        range_row("deriv", f::deriv),
        {"predict_linear", {matrix, scalar}, 0, false, vector, RangeFunction(f::predict_linear), false},
        range_row("avg_over_time", f::avg_over_time),
        range_row("sum_over_time", f::sum_over_time),
        range_row("count_over_time", f::count_over_time),
        range_row("min_over_time", f::min_over_time),
        range_row("max_over_time", f::max_over_time),
        range_row("last_over_time", f::last_over_time, true),
        range_row("present_over_time", f::present_over_time),
        range_row("stddev_over_time", f::stddev_over_time),
        range_row("stdvar_over_time", f::stdvar_over_time),
        {"quantile_over_time", {scalar, matrix}, 0, false, vector, RangeFunction(f::quantile_over_time), false},
        map_row("abs", [](double v, Args) { return std::abs(v); }),
        map_row("ceil", [](double v, Args) { return std::ceil(v); }),
        map_row("floor", [](double v, Args) { return std::floor(v); }),
        map_row("exp", [](double v, Args) { return std::exp(v); }),
        map_row("ln", [](double v, Args) { return std::log(v); }),
        map_row("log2", [](double v, Args) { return std::log2(v); }),
        map_row("log10", [](double v, Args) { return std::log10(v); }),
        map_row("sqrt", [](double v, Args) { return std::sqrt(v); }),
        map_row("sgn", sign),
        map_row("sin", [](double v, Args) { return std::sin(v); }),
        map_row("cos", [](double v, Args) { return std::cos(v); }),
        map_row("tan", [](double v, Args) { return std::tan(v); }),
        map_row("asin", [](double v, Args) { return std::asin(v); }),
        map_row("acos", [](double v, Args) { return std::acos(v); }),
        map_row("atan", [](double v, Args) { return std::atan(v); }),
        map_row("sinh", [](double v, Args) { return std::sinh(v); }),
        map_row("cosh", [](double v, Args) { return std::cosh(v); }),
        map_row("tanh", [](double v, Args) { return std::tanh(v); }),
        map_row("asinh", [](double v, Args) { return std::asinh(v); }),
        map_row("acosh", [](double v, Args) { return std::acosh(v); }),
        map_row("atanh", [](double v, Args) { return std::atanh(v); }),
        map_row("deg", [](double v, Args) { return v * 180 / std::numbers::pi; }),
        map_row("rad", [](double v, Args) { return v * std::numbers::pi / 180; }),
        {"round", {vector, scalar}, 1, false, vector, MapFunction(round_to), false},
        {"clamp", {vector, scalar, scalar}, 0, false, vector, VectorFunction(f::clamp), false},
        {"clamp_min",
         {vector, scalar},
         0,
         false,
         vector,
         MapFunction([](double v, Args args) { return go_max(args[0], v); }),
         false},
        {"clamp_max",
         {vector, scalar},
         0,
         false,
         vector,
         MapFunction([](double v, Args args) { return go_min(args[0], v); }),
         false},
        {"histogram_quantile", {scalar, vector}, 0, false, vector, VectorFunction(f::histogram_quantile), false},
        {"holt_winters", {matrix, scalar, scalar}, 0, false, vector, VectorFunction(f::holt_winters), false},
        {"absent", {vector}, 0, false, vector, VectorFunction(f::absent), false},
        {"absent_over_time", {matrix}, 0, false, vector, VectorFunction(f::absent_over_time), false},
        {"label_join", {vector, string, string, string}, 1, true, vector, VectorFunction(f::label_join), true},
        {"label_replace",
         {vector, string, string, string, string},
         0,
         false,
         vector,
         VectorFunction(f::label_replace),
         true},
        {"sort", {vector}, 0, false, vector, VectorFunction(f::sort), true},
        {"sort_desc", {vector}, 0, false, vector, VectorFunction(f::sort_desc), true},
        {"timestamp", {vector}, 0, false, vector, VectorFunction(f::timestamp), false},
        {"vector", {scalar}, 0, false, vector, VectorFunction(f::vector), false},
        {"pi", {}, 0, false, scalar, ScalarFunction(f::pi), false},
        {"scalar", {vector}, 0, false, scalar, ScalarFunction(f::scalar), false},
        {"time", {}, 0, false, scalar, ScalarFunction(f::time), false},
        date_row("minute", f::minute),
        date_row("hour", f::hour),
        date_row("day_of_week", f::day_of_week),
        date_row("day_of_month", f::day_of_month),
        date_row("day_of_year", f::day_of_year),
        date_row("days_in_month", f::days_in_month),
        date_row("month", f::month),
        date_row("year", f::year),
    };
    std::sort(out.begin(), out.end(), [](const Function& a, const Function& b) { return a.name < b.name; });
    return out;
  }();
  return rows;
}

struct Refused {
  std::string_view name, reason;
};

constexpr std::string_view kNative = "it reads native histograms, which are not stored";
constexpr std::string_view kExperimental = "it is experimental in Prometheus";

// Source: the function lists of Prometheus 2.42 and 3.5, less the rows above.
constexpr Refused kRefused[] = {{"histogram_count", kNative},
                                {"histogram_sum", kNative},
                                {"histogram_fraction", kNative},
                                {"histogram_avg", kNative},
                                {"histogram_stddev", kNative},
                                {"histogram_stdvar", kNative},
                                {"double_exponential_smoothing", kExperimental},
                                {"mad_over_time", kExperimental},
                                {"sort_by_label", kExperimental},
                                {"sort_by_label_desc", kExperimental},
                                {"info", kExperimental},
                                {"limitk", kExperimental},
                                {"limit_ratio", kExperimental},
                                {"first_over_time", kExperimental},
                                {"ts_of_first_over_time", kExperimental},
                                {"ts_of_max_over_time", kExperimental},
                                {"ts_of_min_over_time", kExperimental},
                                {"ts_of_last_over_time", kExperimental}};

}  // namespace

const Function* find_function(std::string_view name) {
  const auto& rows = table();
  const auto found = std::lower_bound(rows.begin(), rows.end(), name,
                                      [](const Function& row, std::string_view wanted) { return row.name < wanted; });
  return found != rows.end() && found->name == name ? &*found : nullptr;
}

std::string_view why_unsupported(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kRefused), std::end(kRefused), [&](const Refused& one) { return one.name == name; });
  return found == std::end(kRefused) ? std::string_view() : found->reason;
}

std::span<const Function> all_functions() {
  return table();
}

}  // namespace pgtend::promql
