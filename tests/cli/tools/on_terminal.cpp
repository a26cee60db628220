// on_terminal COLUMNS [--type-at TEXT KEYS] COMMAND...: runs the command on a terminal of its own
// with that many columns and copies to stdout what the command writes there, control characters and
// all. KEYS are typed once, when TEXT has been written ("\003" is Ctrl-C). Ends with the command's
// exit code, or 128 + the signal that ended it.
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <util.h>
#else
#include <pty.h>
#endif

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

int main(int argc, char** argv) {
  int next = 1;
  std::string wait_for, keys;
  winsize size{};
  size.ws_row = 25;
  if (next < argc) size.ws_col = static_cast<unsigned short>(std::atoi(argv[next++]));
  if (next + 2 < argc && std::string_view(argv[next]) == "--type-at") {
    wait_for = argv[next + 1];
    keys = argv[next + 2];
    next += 3;
  }
  if (next >= argc) {
    std::fputs("usage: on_terminal COLUMNS [--type-at TEXT KEYS] COMMAND...\n", stderr);
    return 2;
  }
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, &size);
  if (child < 0) {
    std::perror("on_terminal: forkpty");
    return 2;
  }
  if (child == 0) {
    execvp(argv[next], argv + next);
    std::perror(argv[next]);
    _exit(127);
  }
  std::string seen;
  char buffer[4096];
  while (true) {
    const ssize_t count = read(terminal, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;  // Linux says EIO when the last writer is gone
    std::fwrite(buffer, 1, static_cast<std::size_t>(count), stdout);
    if (keys.empty()) continue;
    seen.append(buffer, static_cast<std::size_t>(count));
    if (seen.find(wait_for) == std::string::npos) continue;
    if (write(terminal, keys.data(), keys.size()) < 0) std::perror("on_terminal: write");
    keys.clear();
  }
  std::fflush(stdout);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
