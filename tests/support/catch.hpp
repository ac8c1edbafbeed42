#pragma once

// Without a try block around each assertion: a fifteenth of a test's compile time (measured). An exception still fails
// the test, under the name of its last assertion.
#define CATCH_CONFIG_FAST_COMPILE

#include <nlohmann/json.hpp>
#include <string>

// Catch2 3 (Debian 13) splits what Catch2 2 (Debian 12) has in one header.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
using Catch::Matchers::Contains;
inline auto ContainsSubstring(const std::string& text) {
  return Contains(text);
}
#endif

// Declared, so that not every test compiles how Catch2 would print a JSON value by itself (one second each, measured).
template <>
struct Catch::StringMaker<nlohmann::json> {
  static std::string convert(const nlohmann::json& value);
};
