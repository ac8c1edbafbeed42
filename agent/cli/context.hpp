#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "agent/base/result.hpp"
#include "agent/http/client.hpp"

namespace pgtend::cli {

using Json = nlohmann::json;

// Where the packaged unit looks.
inline constexpr const char* kConfigFile = "/etc/pgtend/pgtend.yaml";

// The options that every subcommand shares, and what the process exits with.
struct Context {
  std::string config_file;  // empty: kConfigFile when it exists, else the defaults in the binary
  std::string socket;       // empty: $PGTEND_SOCKET, else http.socket of the configuration
  std::string host;         // URL of a remote agent; wins over the socket
  std::string token_file;
  std::string output = "table";
  int exit_code = 0;

  [[nodiscard]] bool json() const { return output == "json"; }
  // The file to read: as given, or kConfigFile when it is there, or empty.
  [[nodiscard]] std::string effective_config_file() const;
};

// Asks the agent. Result: the answer's JSON.
// Errors: unavailable when it cannot be reached; what the agent answered otherwise, with its hint in the message.
[[nodiscard]] Result<Json> ask(const Context& context, const std::string& method, const std::string& path,
                               const Json& body = {});

// One request as it is: any content, headers too. `path` starts with /; `body` is sent with `content_type` unless
// empty. Errors: as ask.
[[nodiscard]] Result<http::ClientResponse> exchange(const Context& context, const std::string& method,
                                                    const std::string& path, const std::string& body = {},
                                                    const std::string& content_type = "application/json");

// Prints an error to stderr and sets the exit code that fits it.
void report(Context& context, const Error& error);

// Asks and prints: JSON as it came when -o json, else by `show`. Returns the answer for further looks.
std::optional<Json> ask_and_show(Context& context, const std::string& path,
                                 const std::function<void(const Json&)>& show);

// Prints text to stdout: the answer, never a remark.
void print(const std::string& text);
// What the process exits with: context.exit_code, unless the answer could not be written, which it tells on stderr.
[[nodiscard]] int exit_code_of(const Context& context);
// Percent-encodes a query value.
[[nodiscard]] std::string url_encode(std::string_view text);
// A JSON field as a cell: strings bare, null and missing as "", numbers in their shortest form.
[[nodiscard]] std::string cell(const Json& object, const char* field);
// A number field with its unit, as a person reads it; empty when it is none, and the text of one that JSON cannot hold.
[[nodiscard]] std::string quantity(const Json& object, const char* field, const std::string& unit);
// "2026-11-23T12:30:00Z" as "12:30:00" of today or with its date, UTC.
[[nodiscard]] std::string short_time(const std::string& rfc3339);

}  // namespace pgtend::cli
