#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/series.hpp"
#include "rules/promql/ast.hpp"

// The function table: one row per function, read by the type checker and by the evaluator.
namespace pgtend::promql {

class Query;

// What a range vector holds of one series at one evaluation: samples without stale markers, ascending.
struct Window {
  std::span<const Sample> samples;
  std::span<const std::size_t> edges;                 // epoch starts, as indexes into `samples` plus `base`
  std::optional<std::span<const std::size_t>> falls;  // samples below the one before them, likewise; nullopt: unknown
  std::size_t base = 0;
  UtcTime from, to;       // bounds of the range, offset applied
  UtcTime at;             // the moment of evaluation
  bool left_open = true;  // as EvalOptions: which Prometheus rates follow

  // Whether samples[i] begins a new reset epoch; i from 1.
  [[nodiscard]] bool is_edge(std::size_t i) const;
};

struct Element {
  const Labels* labels = nullptr;  // interned: equal labels have equal pointers
  double value = 0;
};
using Elements = std::vector<Element>;

// One number out of one window; `args`: the scalar arguments in order. nullopt: the series gives nothing.
using RangeFunction = std::optional<double> (*)(const Window& window, std::span<const double> args);
// One number out of one number; `args`: the scalar arguments in order.
using MapFunction = double (*)(double value, std::span<const double> args);
using VectorFunction = Result<Elements> (*)(Query& query, const Call& call, UtcTime at);
using ScalarFunction = Result<double> (*)(Query& query, const Call& call, UtcTime at);

struct Function {
  std::string_view name;
  std::vector<ValueType> args;
  std::size_t optional = 0;  // how many of the last arguments may be left out
  bool variadic = false;     // the last argument may be repeated (or left out when optional is 1)
  ValueType result = ValueType::vector;
  std::variant<RangeFunction, MapFunction, VectorFunction, ScalarFunction> run;
  bool keeps_name = false;
};

// nullptr when there is none.
[[nodiscard]] const Function* find_function(std::string_view name);
// Why a function (or aggregation) that Prometheus has is refused here; empty for a name that it does not have.
[[nodiscard]] std::string_view why_unsupported(std::string_view name);
// All rows, for documentation and the lint of rule files.
[[nodiscard]] std::span<const Function> all_functions();

}  // namespace pgtend::promql
