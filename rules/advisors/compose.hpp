#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"
#include "rules/advisors/options.hpp"

// Inside rules/advisors: the parts that every advisor's findings and recommendations have in common.
namespace pgtend::advisors {

// The same for the same (advisor, database, object, intent) on every run and every machine: 16 hex digits.
[[nodiscard]] std::string stable_id(std::string_view advisor, const DatabaseFacts& facts, std::string_view object,
                                    std::string_view intent);

[[nodiscard]] Finding make_finding(std::string_view check, const DatabaseFacts& facts, std::string subject,
                                   Severity severity, std::string summary, std::vector<Evidence> evidence);

// A recommendation with ids, database and owner filled in; `intent` tells two of one advisor and object apart.
[[nodiscard]] Recommendation start_recommendation(std::string_view advisor, const DatabaseFacts& facts, Finding finding,
                                                  std::string object, std::string_view intent);

// Adds it unless it was undone a short time ago; then says so instead.
void offer(Advice& advice, Recommendation recommendation, const AdvisorOptions& options);

// "pgtend_<table>_<columns>_idx", at most 63 bytes and not among `taken`; a hash replaces what does not fit.
[[nodiscard]] std::string index_name(std::string_view table, const std::vector<std::string>& columns,
                                     const std::vector<IndexFact>& taken);

// Text of a number for a person: no exponent, at most one decimal.
[[nodiscard]] std::string count(double value);
[[nodiscard]] std::string percent(double ratio);

}  // namespace pgtend::advisors
