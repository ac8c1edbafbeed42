#pragma once

namespace pgtend::http {

// Ends every exchange of this process that is under way or begins later, within about a second, as if the other side
// did not answer: the process stops. Any thread; there is no way back.
void abandon_exchanges();

// Makes an exchange end by abandon_exchanges(). `handle`: libcurl's, not yet performing.
void set_abandon(void* handle);

}  // namespace pgtend::http
