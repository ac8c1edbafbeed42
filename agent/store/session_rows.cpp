#include "agent/store/session_rows.hpp"

#include <array>
#include <limits>
#include <unordered_map>

#include "agent/store/codec/bytes.hpp"
#include "agent/store/codec/packing.hpp"
#include "agent/store/history_schema.hpp"

namespace pgtend::store {

namespace {

constexpr std::uint8_t kFormat = 1;
// Content of one row. Source: 1,064 groups, the most that are kept, with names of their greatest length are 0.5 MB.
constexpr std::size_t kMostBytes = 1 << 20;
// A text and a group take at least one and nine bytes, so that no count can ask for more memory than the row has.
constexpr std::size_t kLeastGroupBytes = 9;

constexpr std::array kTexts{&SessionTraits::wait,   &SessionTraits::state,       &SessionTraits::database,
                            &SessionTraits::user,   &SessionTraits::application, &SessionTraits::backend_type,
                            &SessionTraits::blocker};

Error corrupt() {
  Error error;
  error.code = Errc::corrupt;
  error.message = "a row of active sessions is damaged";
  return error;
}

}  // namespace

std::string encode_sessions(const SessionBucket& bucket) {
  std::unordered_map<std::string, std::uint64_t> places;
  std::vector<const std::string*> texts;
  codec::ByteWriter groups;
  for (const auto& [traits, seen] : bucket.groups) {
    for (const auto text : kTexts) {
      const auto [at, added] = places.emplace(traits.*text, places.size());
      if (added) texts.push_back(&at->first);
      groups.varint(at->second);
    }
    groups.varint(codec::zigzag(traits.query_id));
    groups.varint(seen);
  }
  codec::ByteWriter out;
  out.u8(kFormat);
  out.varint(static_cast<std::uint64_t>(bucket.interval.count()));
  out.varint(bucket.samples);
  out.varint(texts.size());
  for (const auto* text : texts) {
    out.varint(text->size());
    out.bytes(*text);
  }
  out.varint(bucket.groups.size());
  out.bytes(groups.view());
  return codec::pack(out.view());
}

Result<SessionBucket> decode_sessions(UtcTime from, UtcTime to, std::string_view data) {
  const auto bytes = codec::unpack(data, kMostBytes);
  if (!bytes) return fail(corrupt());
  codec::ByteReader in(*bytes);
  SessionBucket out;
  out.from = from;
  out.to = to;
  if (in.u8() != kFormat) return fail(corrupt());
  const auto interval = in.varint(), samples = in.varint(), text_count = in.varint();
  // A day between two samples, and a sample every millisecond of it, are beyond any configuration.
  constexpr std::uint64_t kMost = 86'400'000;
  if (interval > kMost || samples == 0 || samples > kMost || text_count > in.left()) return fail(corrupt());
  out.interval = Millis(static_cast<std::int64_t>(interval));
  out.samples = static_cast<std::uint32_t>(samples);
  std::vector<std::string> texts(text_count);
  for (auto& text : texts) text = in.bytes(in.varint());
  const auto group_count = in.varint();
  if (group_count > in.left() / kLeastGroupBytes) return fail(corrupt());
  out.groups.resize(group_count);
  for (auto& [traits, seen] : out.groups) {
    for (const auto text : kTexts) {
      const auto place = in.varint();
      if (place >= texts.size()) return fail(corrupt());
      traits.*text = texts[place];
    }
    traits.query_id = codec::unzigzag(in.varint());
    const auto count = in.varint();
    if (count > std::numeric_limits<std::uint32_t>::max()) return fail(corrupt());
    seen = static_cast<std::uint32_t>(count);
  }
  if (!in.complete()) return fail(corrupt());
  return out;
}

bool sessions_are_sound(std::int64_t from_ms, std::int64_t to_ms, std::int64_t crc, std::string_view data) {
  return crc == sessions_crc(from_ms, to_ms, data) &&
         decode_sessions(pgtend::from_ms(from_ms), pgtend::from_ms(to_ms), data).has_value();
}

}  // namespace pgtend::store
