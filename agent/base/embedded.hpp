#pragma once

#include <span>
#include <string_view>

namespace pgtend {

// A file of the source tree compiled into the binary by pgtend_embed() in cmake/rooms.cmake.
struct EmbeddedFile {
  std::string_view name;  // path relative to the source tree
  std::string_view text;
};

}  // namespace pgtend
