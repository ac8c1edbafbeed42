#include "agent/http/client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>

#include "agent/base/strings.hpp"
#include "agent/http/abandon.hpp"

namespace pgtend::http {

namespace {

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

using HeaderList = std::unique_ptr<curl_slist, FreeList>;

struct Receiving {
  ClientResponse response;
  std::size_t limit = 0;
  bool truncate = false, too_large = false;
};

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* target) {
  auto& receiving = *static_cast<Receiving*>(target);
  const auto length = size * count;
  const auto room = receiving.limit - receiving.response.body.size();
  if (length > room && !receiving.truncate) {
    receiving.too_large = true;
    return 0;
  }
  receiving.response.body.append(bytes, std::min(length, room));
  return length;
}

std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* target) {
  // A line longer than this is no header that any caller reads. Source: libcurl CURL_MAX_HTTP_HEADER is 100 kB.
  constexpr std::size_t kLongest = 16 * 1024;
  auto& receiving = *static_cast<Receiving*>(target);
  const auto length = size * count;
  const std::string_view line(bytes, length);
  if (line.starts_with("HTTP/")) receiving.response.headers.clear();
  const auto colon = line.find(':');
  if (colon != std::string_view::npos && length <= kLongest && receiving.response.headers.size() < 200)
    receiving.response.headers[to_lower(trim(line.substr(0, colon)))] = std::string(trim(line.substr(colon + 1)));
  return length;
}

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string out = text;
  curl_free(text);
  return out;
}

bool is_token(std::string_view text) {
  constexpr std::string_view kAlso = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kAlso.find(c) != kAlso.npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

Result<HeaderList> make_headers(const ClientRequest& request) {
  HeaderList list;
  const auto append = [&list](const std::string& line) {
    if (auto* longer = curl_slist_append(list.get(), line.c_str()); longer != nullptr) {
      (void)list.release();
      list.reset(longer);
    }
  };
  // libcurl would wait a second for a 100-continue that few servers send.
  append("Expect:");
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name) || !is_field_value(value)) return fail(Errc::invalid_argument, "a request header is malformed");
    append(value.empty() ? name + ";" : name + ": " + value);
  }
  return list;
}

Error describe(CURLcode code, CURL* handle, const Receiving& receiving, const ClientRequest& request) {
  Error error;
  error.code = Errc::unavailable;
  error.retryable = true;
  if (code == CURLE_OPERATION_TIMEDOUT) error.code = Errc::timeout;
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    error.code = Errc::invalid_argument;
    error.retryable = false;
  }
  if (receiving.too_large) {
    error.code = Errc::resource_exhausted;
    error.retryable = false;
  }
  const auto target = request.unix_socket.empty() ? origin_of(request.url) : "unix:" + request.unix_socket;
  error.message = request.method + " " + target + ": " +
                  (receiving.too_large ? "the answer is larger than allowed" : curl_easy_strerror(code));
  long sent = 0;
  if (curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &sent) == CURLE_OK && sent > 0) error.message += kAfterSending;
  long os_error = 0;
  if (curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK && os_error != 0 &&
      code != CURLE_OPERATION_TIMEDOUT) {
    // A socket that may not be used stays so, however often it is tried.
    if (!request.unix_socket.empty() && (os_error == EACCES || os_error == EPERM)) {
      error.code = Errc::permission;
      error.retryable = false;
    }
    error.message += " (" + std::generic_category().message(static_cast<int>(os_error)) + ")";
  }
  return error;
}

void set_method(CURL* handle, const ClientRequest& request) {
  if (request.method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    return;
  }
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.method == "GET" && request.body.empty()) return;
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
}

void set_limits(CURL* handle, const ClientRequest& request) {
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(request.timeout.count(), 1)));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   static_cast<long>(std::max<std::int64_t>(request.timeout.count(), 1)));
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "pgtend");
  curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set_abandon(handle);
}

void set_place(CURL* handle, const ClientRequest& request) {
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  if (!request.username.empty()) {
    curl_easy_setopt(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    curl_easy_setopt(handle, CURLOPT_USERNAME, request.username.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, request.password.c_str());
  }
  if (!request.unix_socket.empty()) {
    curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
  }
}

void receive(CURL* handle, const ClientRequest& request, Receiving& receiving) {
  receiving.limit = request.max_body;
  receiving.truncate = request.truncate_body;
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &receiving);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &receiving);
}

}  // namespace

std::string origin_of(std::string_view url) {
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  if (!parsed ||
      curl_url_set(parsed.get(), CURLUPART_URL, std::string(url).c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
    return "(malformed URL)";
  const auto scheme = part(parsed.get(), CURLUPART_SCHEME), host = part(parsed.get(), CURLUPART_HOST);
  const auto port = part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (scheme.empty() || host.empty()) return "(malformed URL)";
  return scheme + "://" + host + (port.empty() ? "" : ":" + port);
}

KeptConnection::KeptConnection() {
  static std::once_flag started;
  std::call_once(started, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  handle_ = curl_easy_init();
}

KeptConnection::~KeptConnection() {
  curl_easy_cleanup(handle_);
}

Result<ClientResponse> send_blocking(const ClientRequest& request, KeptConnection* kept) {
  if (!is_token(request.method)) return fail(Errc::invalid_argument, "the request method is malformed");
  auto headers = make_headers(request);
  if (!headers) return fail(headers.error(), request.method + " " + origin_of(request.url));
  std::optional<KeptConnection> own;
  CURL* handle = kept != nullptr ? kept->handle_ : own.emplace().handle_;
  if (handle == nullptr) return fail(Errc::resource_exhausted, "libcurl has no handle to give");
  curl_easy_reset(handle);  // leaves its connection open
  Receiving receiving;
  set_limits(handle, request);
  set_method(handle, request);
  set_place(handle, request);
  receive(handle, request, receiving);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers->get());
  const auto code = curl_easy_perform(handle);
  if (code != CURLE_OK) return fail(describe(code, handle, receiving, request));
  long status = 0, connects = 1;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle, CURLINFO_NUM_CONNECTS, &connects);
  receiving.response.status = static_cast<int>(status);
  receiving.response.connected = connects > 0;
  return std::move(receiving.response);
}

net::TaskResult<ClientResponse> Client::send(ClientRequest request, std::shared_ptr<KeptConnection> kept) {
  auto shared = std::make_shared<const ClientRequest>(std::move(request));
  auto work = [shared, kept = std::move(kept)] { return send_blocking(*shared, kept.get()); };
  auto result = co_await net::run_on(blocking_, work);
  co_return result;
}

}  // namespace pgtend::http
