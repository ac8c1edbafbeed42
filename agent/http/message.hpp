#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgtend::http {

// What a caller may do; each includes the ones before it. Names are written in configuration files.
enum class Right { none, viewer, approver, admin };
[[nodiscard]] std::string_view to_string(Right right);
[[nodiscard]] std::optional<Right> parse_right(std::string_view name);

// Who asks, in the form that the audit keeps: "token:NAME", "person:USER via socket", "anonymous".
struct Identity {
  std::string name;
  Right right = Right::none;
};

struct Peer {
  bool unix_socket = false;
  std::optional<unsigned> uid;  // by SO_PEERCRED, only for the unix socket
  std::string address;          // "127.0.0.1"; empty for the unix socket
};

struct Request {
  std::string method, path;                                      // path percent-decoded only inside `parameters`
  std::map<std::string, std::string> query;                      // percent-decoded; the first of repeated names
  std::vector<std::pair<std::string, std::string>> query_items;  // all of them in order
  std::map<std::string, std::string> headers;                    // names in lower case
  std::string body;
  Peer peer;
  std::map<std::string, std::string> parameters;  // {id} of the route
  Identity identity;                              // set by the server before a handler sees it
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// {"error":{"code":…,"message":…,"hint":…}}, the only shape of an error that the server gives; `hint` is left out when
// empty.
[[nodiscard]] Response error_response(int status, std::string_view code, std::string_view message,
                                      std::string_view hint = {});

// "%2F" -> "/"; with `plus`, "+" -> " ". nullopt when an escape is malformed or decodes to NUL.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus = false);
// Everything but unreserved characters as %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

// Adds the items of "a=b&c", percent-decoded, to Request::query and query_items. False when malformed.
[[nodiscard]] bool add_items(std::string_view text, Request& request);

// Splits "/path?a=b&c" into Request::path, query and query_items. False when malformed.
[[nodiscard]] bool split_target(std::string_view target, Request& request);

}  // namespace pgtend::http
