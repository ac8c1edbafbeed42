#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/bench/history/stream.hpp"

namespace pgtend::bench {

using Options = std::map<std::string, std::string>;  // --name value

[[nodiscard]] std::string text_option(const Options& options, const std::string& name);
[[nodiscard]] std::int64_t number_option(const Options& options, const std::string& name, std::int64_t fallback);
[[nodiscard]] StreamOptions stream_options(const Options& options);

// Each measures one thing in this process and gives it as JSON; they throw std::runtime_error.

// The stream into pgtend's store, commit by commit. --stream DIR --db FILE [--shift MS] [--every N] [--quantise 1]
// [--pace TICKS_PER_SECOND]
nlohmann::json ingest(const Options& options);
// The stream to a remote write receiver. --stream DIR --url URL [--shift MS] [--every N]
nlohmann::json push(const Options& options);
// What a scrape of /metrics costs, over HTTP. --series N
nlohmann::json scrape(const Options& options);
// Resident memory with the store and /metrics at so many series, an hour of 10 s ticks. --series N --db FILE
nlohmann::json memory(const Options& options);
// The slowest of a corpus of hostile regular expressions.
nlohmann::json regex(const Options& options);

}  // namespace pgtend::bench
