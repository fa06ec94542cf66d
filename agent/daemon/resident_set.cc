#include "agent/daemon/resident_set.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace fleetsync::daemon {
namespace {

// Of one loaded object those segments that are never written to: their pages are the file's.
int ForgetReadOnly(dl_phdr_info* info, size_t, void*) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const uintptr_t first = (info->dlpi_addr + segment.p_vaddr + page - 1) / page * page;
    const uintptr_t end = (info->dlpi_addr + segment.p_vaddr + segment.p_memsz) / page * page;
    // An error leaves the pages where they are.
    if (first < end)
      static_cast<void>(madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED));
  }
  return 1;  // the program is the first; libraries are shared with others
}

}  // namespace

void ForgetStartUp() { dl_iterate_phdr(ForgetReadOnly, nullptr); }

}  // namespace fleetsync::daemon
