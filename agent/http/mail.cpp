#include "agent/http/mail.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "agent/http/abandon.hpp"

namespace pgtend::http {

namespace {

struct FreeEasy {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Sending {
  const std::string& text;
  std::size_t at = 0;
};

std::size_t give_text(char* buffer, std::size_t size, std::size_t count, void* source) {
  auto& sending = *static_cast<Sending*>(source);
  const auto length = std::min(size * count, sending.text.size() - sending.at);
  std::memcpy(buffer, sending.text.data() + sending.at, length);
  sending.at += length;
  return length;
}

bool is_clean(const std::string& text) {
  return !text.empty() && text.find_first_of("\r\n<> ") == std::string::npos;
}

void set_tls(CURL* handle, const MailRequest& request) {
  const long level = request.tls == MailTls::none ? CURLUSESSL_NONE : CURLUSESSL_ALL;
  curl_easy_setopt(handle, CURLOPT_USE_SSL, level);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, request.tls == MailTls::implicit ? "smtps" : "smtp");
  if (!request.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, request.ca_file.c_str());
}

Error describe(CURLcode code, const MailRequest& request) {
  Error error;
  error.code = code == CURLE_OPERATION_TIMEDOUT ? Errc::timeout : Errc::unavailable;
  error.retryable = true;
  if (code == CURLE_URL_MALFORMAT) {
    error.code = Errc::invalid_argument;
    error.retryable = false;
  }
  error.message = "mail to " + request.server + ": " + curl_easy_strerror(code);
  return error;
}

}  // namespace

Result<int> send_mail_blocking(const MailRequest& request) {
  if (!is_clean(request.from) || !is_clean(request.to))
    return fail(Errc::invalid_argument, "a mail address is malformed");
  const std::unique_ptr<CURL, FreeEasy> easy(curl_easy_init());
  if (!easy) return fail(Errc::resource_exhausted, "libcurl has no handle to give", true);
  CURL* handle = easy.get();
  const std::unique_ptr<curl_slist, FreeList> recipients(curl_slist_append(nullptr, ("<" + request.to + ">").c_str()));
  if (!recipients) return fail(Errc::resource_exhausted, "no memory for a recipient", true);
  const std::string url = (request.tls == MailTls::implicit ? "smtps://" : "smtp://") + request.server;
  const std::string from = "<" + request.from + ">";
  Sending sending{request.text};
  const long timeout = static_cast<long>(std::max<std::int64_t>(request.timeout.count(), 1));
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, timeout);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, timeout);
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  set_abandon(handle);
  set_tls(handle, request);
  if (!request.username.empty()) {
    curl_easy_setopt(handle, CURLOPT_USERNAME, request.username.c_str());
    curl_easy_setopt(handle, CURLOPT_PASSWORD, request.password.c_str());
  }
  curl_easy_setopt(handle, CURLOPT_MAIL_FROM, from.c_str());
  curl_easy_setopt(handle, CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(handle, CURLOPT_READFUNCTION, give_text);
  curl_easy_setopt(handle, CURLOPT_READDATA, &sending);
  const auto code = curl_easy_perform(handle);
  long reply = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &reply);
  if (code == CURLE_OK) return 250;
  // Refused by the server, whatever libcurl calls it.
  if (reply >= 400 && code != CURLE_OPERATION_TIMEDOUT) return static_cast<int>(reply);
  return fail(describe(code, request));
}

net::TaskResult<int> send_mail(net::asio::any_io_executor blocking, MailRequest request) {
  auto shared = std::make_shared<const MailRequest>(std::move(request));
  auto work = [shared] { return send_mail_blocking(*shared); };
  auto result = co_await net::run_on(blocking, work);
  co_return result;
}

}  // namespace pgtend::http
