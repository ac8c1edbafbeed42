#pragma once

namespace pgtend::cli {

// The commit this binary was built from, "-dirty" behind it when files had changed; "unknown" outside a checkout.
extern const char* const kRevision;

}  // namespace pgtend::cli
