#include "agent/store/codec/ticks.hpp"

#include "agent/store/codec/bytes.hpp"

namespace pgtend::store::codec {

// Sums wrap in unsigned arithmetic, so that hostile bytes are no undefined behaviour.
std::string encode_ticks(std::span<const std::int64_t> times_ms) {
  ByteWriter out;
  out.varint(times_ms.size());
  std::uint64_t last = 0, step = 0;
  for (const auto time : times_ms) {
    const auto next = static_cast<std::uint64_t>(time) - last;
    out.varint(zigzag(static_cast<std::int64_t>(next - step)));
    step = next;
    last = static_cast<std::uint64_t>(time);
  }
  return out.take();
}

Result<std::vector<std::int64_t>> decode_ticks(std::string_view bytes, std::size_t limit) {
  ByteReader in(bytes);
  const auto count = in.varint();
  if (count > limit || count > in.left()) return fail(Errc::corrupt, "ticks: too many");
  std::vector<std::int64_t> times;
  times.reserve(static_cast<std::size_t>(count));
  std::uint64_t last = 0, step = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    step += static_cast<std::uint64_t>(unzigzag(in.varint()));
    last += step;
    times.push_back(static_cast<std::int64_t>(last));
  }
  if (!in.complete()) return fail(Errc::corrupt, "ticks: the bytes do not end with the last");
  return times;
}

}  // namespace pgtend::store::codec
