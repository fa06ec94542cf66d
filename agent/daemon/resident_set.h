#pragma once

namespace fleetsync::daemon {

// Unmaps the program's own code and constants: what only the start needed is then no longer in this
// process's memory, and what is needed comes back from the file page by page. Harmless at any time.
void ForgetStartUp();

}  // namespace fleetsync::daemon
