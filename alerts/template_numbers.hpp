#pragma once

#include <string>

// Numbers as Prometheus and Go write them.
namespace pgtend::alerts::templates {

// Prometheus's humanize functions. Source: Prometheus documentation, "Template reference", Numbers.
[[nodiscard]] std::string humanize(double value);
[[nodiscard]] std::string humanize1024(double value);
[[nodiscard]] std::string humanize_duration(double value);
[[nodiscard]] std::string humanize_percentage(double value);
// "2023-11-14 22:13:20 +0000 UTC". REQUIRES: NaN, infinite, or nanoseconds that 64 bits hold.
[[nodiscard]] std::string humanize_timestamp(double seconds);

}  // namespace pgtend::alerts::templates
