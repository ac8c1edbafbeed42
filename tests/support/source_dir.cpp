#include "tests/support/source_dir.hpp"

namespace pgtend::test {

const char* source_dir() {
  return PGTEND_SOURCE_DIR;
}

}  // namespace pgtend::test
