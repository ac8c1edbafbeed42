#include "agent/cli/context.hpp"

#include <grp.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "agent/base/clock.hpp"
#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/cli/exit_codes.hpp"
#include "agent/config/config.hpp"
#include "agent/config/files.hpp"
#include "agent/http/client.hpp"

namespace pgtend::cli {

namespace {

// Audit verification and range queries take the longest; the server gives up after 30 s itself.
constexpr Millis kAnswerTime{35'000};

Result<std::string> socket_path(const Context& context) {
  if (!context.socket.empty()) return context.socket;
  if (const char* given = std::getenv("PGTEND_SOCKET"); given != nullptr && *given != '\0') return std::string(given);
  // A file that was named must be there; what is wrong in it is the agent's to tell, who may run with an older one.
  if (!context.config_file.empty())
    if (const auto text = config::read_text(context.config_file); !text) {
      auto error = text.error();
      error.code = Errc::config;
      return fail(std::move(error), "--config");
    }
  const std::string file = context.effective_config_file();
  return (file.empty() ? config::defaults() : config::load(file)).config.http.socket;
}

// Whoever may read the token may do what it allows. Secrets of containers are often readable by all, so it still works.
void warn_of_open_token(const std::string& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0)
    std::cerr << "pgtend: warning: every user of this machine may read the token in " << file << "; try: chmod 600 "
              << file << "\n";
}

// Who may open the socket is its group; who may do what then is in the configuration.
std::string socket_cure(const std::string& path) {
  struct stat status{};
  std::string group = "the agent's group";
  if (::stat(path.c_str(), &status) == 0)
    if (const auto* entry = ::getgrgid(status.st_gid); entry != nullptr) group = std::string("group ") + entry->gr_name;
  return "run it as root or as the agent's user, or join " + group + " and be named in http.socket_viewers";
}

Error agent_error(int status, const std::string& body) {
  Error error;
  error.message = "the agent answered " + std::to_string(status);
  const auto json = Json::parse(body, nullptr, false);
  std::string code;
  if (json.is_object() && json.contains("error")) {
    const auto& detail = json["error"];
    error.message = detail.value("message", error.message);
    code = detail.value("code", "");
    if (const auto hint = detail.value("hint", ""); !hint.empty()) error.message += "\n  " + hint;
  }
  error.code = Errc::server;
  if (status == 401 || status == 403) error.code = Errc::permission;
  if (status == 404) error.code = Errc::not_found;
  if (status == 409) error.code = Errc::conflict;
  if (code == "refused") error.code = Errc::refused;
  return error;
}

}  // namespace

std::string Context::effective_config_file() const {
  std::error_code ignored;
  if (!config_file.empty()) return config_file;
  return std::filesystem::exists(kConfigFile, ignored) ? kConfigFile : "";
}

Result<http::ClientResponse> exchange(const Context& context, const std::string& method, const std::string& path,
                                      const std::string& body, const std::string& content_type) {
  http::ClientRequest request;
  request.method = method;
  request.timeout = kAnswerTime;
  request.max_body = 64u << 20;
  std::string where = context.host;
  if (context.host.empty()) {
    auto socket = socket_path(context);
    if (!socket) return fail(std::move(socket.error()));
    request.unix_socket = std::move(*socket);
    request.url = "http://localhost" + path;
    where = "socket " + request.unix_socket;
  } else {
    request.url = context.host + path;
  }
  if (!context.token_file.empty()) {
    auto token = config::read_text(context.token_file);
    if (!token) return fail(std::move(token.error()), "read " + context.token_file);
    warn_of_open_token(context.token_file);
    request.headers.emplace_back("Authorization", "Bearer " + std::string(trim(*token)));
  }
  if (!body.empty()) {
    request.headers.emplace_back("Content-Type", content_type);
    request.body = body;
  }
  auto answer = http::send_blocking(request);
  if (!answer && answer.error().code == Errc::permission)
    return fail(Errc::permission, "you may not use the agent's " + where + "\n  " + socket_cure(request.unix_socket));
  if (!answer)
    return fail(Errc::unavailable,
                "cannot reach the agent at " + where + ": " + answer.error().message +
                    "\n  is it running? try: systemctl status pgtend; another socket: --socket PATH");
  if (answer->status < 200 || answer->status > 299) return fail(agent_error(answer->status, answer->body));
  return answer;
}

Result<Json> ask(const Context& context, const std::string& method, const std::string& path, const Json& body) {
  std::string text;
  if (method != "GET") text = body.is_null() ? "{}" : body.dump();
  auto answer = exchange(context, method, path, text);
  if (!answer) return fail(std::move(answer.error()));
  auto json = Json::parse(answer->body, nullptr, false);
  if (json.is_discarded()) return fail(Errc::parse, "the agent's answer is no JSON");
  return json;
}

std::optional<Json> ask_and_show(Context& context, const std::string& path,
                                 const std::function<void(const Json&)>& show) {
  auto answer = ask(context, "GET", path);
  if (!answer) {
    report(context, answer.error());
    return std::nullopt;
  }
  if (context.json()) {
    print(answer->dump(2) + "\n");
  } else {
    show(*answer);
  }
  return std::optional<Json>(std::move(*answer));
}

void report(Context& context, const Error& error) {
  std::cerr << "pgtend: " << error.describe() << "\n";
  switch (error.code) {
    case Errc::unavailable:
      context.exit_code = kUnreachable;
      break;
    case Errc::permission:
      context.exit_code = kNotAuthorised;
      break;
    case Errc::refused:
    case Errc::conflict:
      context.exit_code = kRefused;
      break;
    case Errc::config:
      context.exit_code = kConfigWrong;
      break;
    default:
      context.exit_code = kFailed;
      break;
  }
}

namespace {

int write_failure = 0;

}  // namespace

void print(const std::string& text) {
  errno = 0;
  std::cout << text << std::flush;
  if (!std::cout && write_failure == 0) write_failure = errno == 0 ? EIO : errno;
}

int exit_code_of(const Context& context) {
  if (!std::cout && write_failure == 0) write_failure = EIO;
  // A pager that was closed early has seen what it wanted.
  if (write_failure == 0 || write_failure == EPIPE) return context.exit_code;
  std::cerr << "pgtend: cannot write to standard output: " << std::strerror(write_failure) << "\n";
  return kFailed;
}

std::string url_encode(std::string_view text) {
  constexpr std::string_view kSafe = "-_.~";
  constexpr const char* kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || kSafe.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += std::string("%") + kHex[byte >> 4] + kHex[byte & 15];
    }
  }
  return out;
}

std::string cell(const Json& object, const char* field) {
  if (!object.is_object()) return "";
  const auto it = object.find(field);
  if (it == object.end() || it->is_null()) return "";
  if (it->is_string()) return it->get<std::string>();
  if (it->is_number_float()) return format_double(it->get<double>());
  return it->dump();
}

std::string quantity(const Json& object, const char* field, const std::string& unit) {
  const auto it = object.is_object() ? object.find(field) : object.end();
  if (it == object.end() || !it->is_number()) return cell(object, field);
  return format_quantity(it->get<double>(), unit);
}

std::string short_time(const std::string& rfc3339) {
  const auto time = parse_rfc3339(rfc3339);
  if (!time) return rfc3339;
  const bool today = to_rfc3339(*time).substr(0, 10) == to_rfc3339(SystemClock().now()).substr(0, 10);
  return today ? rfc3339.substr(11, 8) : rfc3339.substr(0, 10) + " " + rfc3339.substr(11, 8);
}

}  // namespace pgtend::cli
