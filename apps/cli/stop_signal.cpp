#include "cli/stop_signal.h"

#include <ingot/io/atomic_file.h>
#include <signal.h>
#include <unistd.h>

namespace ingot::cli {
namespace {

volatile sig_atomic_t caught = 0;

void on_signal(int number) {
  if (caught != 0) {
    io::remove_temporaries();  // of what is being saved: the older files stay
    ::_exit(128 + number);
  }
  caught = number;
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

int stop_signal() { return caught; }

}  // namespace ingot::cli
