#pragma once

#include <string>
#include <vector>

#include "alerts/template_value.hpp"

// Numbers as Prometheus and Go write them.
namespace pgtend::alerts::templates {

// Prometheus's humanize functions. Source: Prometheus documentation, "Template reference", Numbers.
[[nodiscard]] std::string humanize(double value);
[[nodiscard]] std::string humanize1024(double value);
[[nodiscard]] std::string humanize_duration(double value);
[[nodiscard]] std::string humanize_percentage(double value);
// "2023-11-14 22:13:20 +0000 UTC"; empty when it does not fit nanoseconds in 64 bits.
[[nodiscard]] std::string humanize_timestamp(double seconds);

// fmt.Sprintf: the first argument is the format.
[[nodiscard]] std::string go_printf(const std::vector<Value>& arguments);

}  // namespace pgtend::alerts::templates
