#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/http/message.hpp"
#include "agent/net/task.hpp"

namespace pgtend::http {

// Answers one request; must not throw (what it throws is caught, logged and answered with 500).
// REQUIRES: runs on the server's executor; what it captures outlives the server.
using Handler = std::function<net::Task<Response>(Request)>;

struct Route {
  std::string method;   // GET, POST, …; GET also answers HEAD
  std::string pattern;  // "/v1/changes/{id}"
  Right right = Right::admin;
  Handler handler;
};

// One table of routes; the first that matches wins.
class Router {
 public:
  // REQUIRES: pattern begins with '/'; a {name} fills a whole segment.
  void add(std::string method, std::string pattern, Right right, Handler handler);

  // Answers a request whose identity is set: 404, 405 with Allow, 401 or 403 before the handler is called, then the
  // handler's answer. HEAD runs the GET handler and keeps its body, which the server does not send.
  [[nodiscard]] net::Task<Response> respond(Request request) const;

  // The route of this method that fits the path; nullptr: there is none.
  [[nodiscard]] const Route* find(std::string_view method, std::string_view path) const;

  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace pgtend::http
