#include "agent/store/codec/packing.hpp"

#include <zstd.h>

#include <memory>

namespace pgtend::store::codec {

namespace {

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

std::string pack(std::string_view bytes, int level) {
  // A context is about 1 MB to set up; each thread keeps its own.
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const auto size = ZSTD_compressCCtx(context.get(), out.data(), out.size(), bytes.data(), bytes.size(), level);
  out.resize(ZSTD_isError(size) != 0 ? 0 : size);
  return out;
}

Result<std::size_t> unpacked_size(std::string_view frame, std::size_t limit) {
  const auto declared = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (declared == ZSTD_CONTENTSIZE_ERROR || declared == ZSTD_CONTENTSIZE_UNKNOWN || declared > limit)
    return fail(Errc::corrupt, "not a packed block");
  return static_cast<std::size_t>(declared);
}

Result<std::string> unpack(std::string_view frame, std::size_t limit) {
  const auto declared = unpacked_size(frame, limit);
  if (!declared) return fail(declared.error());
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  std::string out(*declared, '\0');
  const auto size = ZSTD_decompressDCtx(context.get(), out.data(), out.size(), frame.data(), frame.size());
  if (ZSTD_isError(size) != 0 || size != out.size()) return fail(Errc::corrupt, "a packed block does not unpack");
  return out;
}

}  // namespace pgtend::store::codec
