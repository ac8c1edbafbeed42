#include "agent/http/abandon.hpp"

#include <curl/curl.h>

#include <atomic>

namespace pgtend::http {

namespace {

std::atomic<bool> abandoned{false};

// Source: CURLOPT_XFERINFOFUNCTION(3): called about once a second while nothing comes; not 0 ends the transfer.
int is_abandoned(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return abandoned.load(std::memory_order_relaxed) ? 1 : 0;
}

}  // namespace

void abandon_exchanges() {
  abandoned.store(true, std::memory_order_relaxed);
}

void set_abandon(void* handle) {
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, is_abandoned);
}

}  // namespace pgtend::http
