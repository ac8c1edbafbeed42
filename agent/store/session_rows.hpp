#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.hpp"
#include "agent/store/active_sessions.hpp"

// Buckets of active sessions as rows of history.db; private to agent/store.
namespace pgtend::store {

// Groups, interval and samples; from and to are columns of the row. Texts are written once, in one zstd frame.
[[nodiscard]] std::string encode_sessions(const SessionBucket& bucket);

// What encode_sessions() wrote. Errors: corrupt, for any bytes that it cannot have written; not retryable.
[[nodiscard]] Result<SessionBucket> decode_sessions(UtcTime from, UtcTime to, std::string_view data);

// Whether a row says what was written, by its check sum and its form.
[[nodiscard]] bool sessions_are_sound(std::int64_t from_ms, std::int64_t to_ms, std::int64_t crc,
                                      std::string_view data);

}  // namespace pgtend::store
