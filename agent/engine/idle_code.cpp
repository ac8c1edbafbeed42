#include "agent/engine/idle_code.hpp"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace pgtend::engine {
namespace {

// Only what cannot have been written: its pages are those of the file. Besides code these are the symbols and
// relocations that only the loader reads.
int give_back(dl_phdr_info* info, std::size_t, void*) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
    const auto begin = (info->dlpi_addr + part.p_vaddr + page - 1) / page * page;
    const auto end = (info->dlpi_addr + part.p_vaddr + part.p_memsz) / page * page;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the addresses come as numbers.
    if (end > begin) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void give_back_idle_code() {
  dl_iterate_phdr(give_back, nullptr);
}

}  // namespace pgtend::engine
