// Ctrl-C and polite kills: the first asks the running command to save and stop, the second ends the
// program at once.
#pragma once

namespace ingot::cli {

/// From now on SIGINT and SIGTERM only set stop_signal(); a second one exits with 128 + its number.
void catch_stop_signals();
/// The signal that asked to stop; 0 when none did.
int stop_signal();

}  // namespace ingot::cli
