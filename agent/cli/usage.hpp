#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace pgtend::cli {

// What is wrong with a command line and what was probably meant; several lines, for stderr.
[[nodiscard]] std::string usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace pgtend::cli
