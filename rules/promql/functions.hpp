#pragma once

#include <optional>
#include <span>

#include "rules/promql/function.hpp"

// Implementations behind the rows of function_table.cpp, grouped by file.
namespace pgtend::promql::functions {

using Args = std::span<const double>;
using Maybe = std::optional<double>;

// functions_counter.cpp
Maybe rate(const Window& window, Args args);
Maybe increase(const Window& window, Args args);
Maybe delta(const Window& window, Args args);
Maybe irate(const Window& window, Args args);
Maybe idelta(const Window& window, Args args);
Maybe changes(const Window& window, Args args);
Maybe resets(const Window& window, Args args);
Maybe deriv(const Window& window, Args args);
Maybe predict_linear(const Window& window, Args args);

// functions_over_time.cpp
Maybe avg_over_time(const Window& window, Args args);
Maybe sum_over_time(const Window& window, Args args);
Maybe count_over_time(const Window& window, Args args);
Maybe min_over_time(const Window& window, Args args);
Maybe max_over_time(const Window& window, Args args);
Maybe last_over_time(const Window& window, Args args);
Maybe present_over_time(const Window& window, Args args);
Maybe stddev_over_time(const Window& window, Args args);
Maybe stdvar_over_time(const Window& window, Args args);
Maybe quantile_over_time(const Window& window, Args args);

// functions_smoothing.cpp
Result<Elements> holt_winters(Query& query, const Call& call, UtcTime at);

// functions_histogram.cpp
Result<Elements> histogram_quantile(Query& query, const Call& call, UtcTime at);

// functions_vector.cpp
Result<Elements> absent(Query& query, const Call& call, UtcTime at);
Result<Elements> absent_over_time(Query& query, const Call& call, UtcTime at);
Result<Elements> clamp(Query& query, const Call& call, UtcTime at);
Result<Elements> label_join(Query& query, const Call& call, UtcTime at);
Result<Elements> label_replace(Query& query, const Call& call, UtcTime at);
Result<Elements> sort(Query& query, const Call& call, UtcTime at);
Result<Elements> sort_desc(Query& query, const Call& call, UtcTime at);
Result<Elements> timestamp(Query& query, const Call& call, UtcTime at);
Result<Elements> vector(Query& query, const Call& call, UtcTime at);
Result<double> pi(Query& query, const Call& call, UtcTime at);
Result<double> scalar(Query& query, const Call& call, UtcTime at);
Result<double> time(Query& query, const Call& call, UtcTime at);

// functions_time.cpp
Result<Elements> minute(Query& query, const Call& call, UtcTime at);
Result<Elements> hour(Query& query, const Call& call, UtcTime at);
Result<Elements> day_of_week(Query& query, const Call& call, UtcTime at);
Result<Elements> day_of_month(Query& query, const Call& call, UtcTime at);
Result<Elements> day_of_year(Query& query, const Call& call, UtcTime at);
Result<Elements> days_in_month(Query& query, const Call& call, UtcTime at);
Result<Elements> month(Query& query, const Call& call, UtcTime at);
Result<Elements> year(Query& query, const Call& call, UtcTime at);

}  // namespace pgtend::promql::functions
