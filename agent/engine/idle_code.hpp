#pragma once

namespace pgtend::engine {

// Lets go of the pages of code that are not in use: those that only the start needed (the command line, the
// configuration, its checks) and what is done every few minutes. The kernel maps sixteen around each that is used, and
// they would count as resident for as long as nothing else wants the memory. What is used again comes back from the
// page cache. Any thread.
void give_back_idle_code();

}  // namespace pgtend::engine
