#pragma once

namespace pgtend::test {

// The top of the source tree. A function, so that one file alone is compiled with the path and the rest of the tests
// are the same to ccache in every clone.
[[nodiscard]] const char* source_dir();

}  // namespace pgtend::test
