#include "backend/gpu/drivers/host/compiler.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

#include <ingot/core/error.h>

extern "C" char** environ;  // NOLINT

namespace ingot::gpu {
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

HostCompiler find_compiler() {
  std::vector<std::vector<std::string>> candidates;
  const char* wanted = std::getenv("CXX");  // NOLINT(concurrency-mt-unsafe)
  if (wanted && *wanted) {
    std::istringstream words(wanted);
    candidates.emplace_back();
    for (std::string word; words >> word;) candidates.back().push_back(word);
  } else {
    candidates = {{"c++"}, {"g++"}, {"clang++"}};
  }
  for (const std::vector<std::string>& command : candidates) {
    if (command.empty()) continue;
    std::vector<std::string> ask = command;
    ask.emplace_back("--version");
    std::string output;
    if (run_program(ask, output))
      return {command, fmt::format("{}", fmt::join(command, " ")) + "\n" + output, ""};
  }
  return {{},
          "",
          wanted && *wanted ? fmt::format("the compiler that CXX names, {}, does not run", wanted)
                            : "there is no C++ compiler (c++, g++ or clang++); CXX may name one"};
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::error_code error;
  std::string pattern = std::filesystem::temp_directory_path(error).string();
  if (error || pattern.empty()) pattern = "/tmp";
  pattern += "/ingot-kernel-XXXXXX";
  if (!mkdtemp(pattern.data()))
    throw InternalError(fmt::format("{}: cannot make a folder for a kernel: {}", pattern,
                                    std::generic_category().message(errno)));
  path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

bool run_program(const std::vector<std::string>& command, std::string& output) {
  const ScratchFolder folder;
  const std::string file = folder.file("output");
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, file.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return false;
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return false;
  output = contents(file);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

const HostCompiler& host_compiler() {
  static const HostCompiler compiler = find_compiler();
  return compiler;
}

std::vector<std::string> compiler_flags(bool checked) {
  std::vector<std::string> flags = {"-x",
                                    "c++",
                                    "-std=c++17",
                                    "-O1",
                                    "-fPIC",
                                    "-w",
                                    "-ffp-contract=off",
                                    "-fno-math-errno",
                                    "-fno-exceptions",
                                    "-fno-rtti",
                                    "-fno-strict-aliasing",
                                    "-fvisibility=hidden"};
  if (checked) {
    flags.emplace_back("-g");
    flags.emplace_back("-fsanitize=thread");
  }
#if defined(__APPLE__)
  for (const char* flag : {"-dynamiclib", "-undefined", "dynamic_lookup"}) flags.emplace_back(flag);
#else
  // Mathematics comes from the process; instrumentation goes to the dialect's own hooks.
  flags.emplace_back("-shared");
  flags.emplace_back("-nostdlib");
#endif
  return flags;
}

std::string compile_shared_object(std::string_view name, std::string_view text, bool checked) {
  const HostCompiler& compiler = host_compiler();
  if (compiler.command.empty()) throw InternalError(compiler.why_not);
  const ScratchFolder folder;
  const std::string source = folder.file("kernel.cpp"), object = folder.file("kernel.so");
  std::ofstream(source, std::ios::binary) << text;
  std::vector<std::string> command = compiler.command;
  for (const std::string& flag : compiler_flags(checked)) command.push_back(flag);
  command.insert(command.end(), {source, "-o", object});
  std::string output;
  if (!run_program(command, output))
    throw InternalError(fmt::format("kernel {} does not compile:\n{}", name, output));
  return contents(object);
}

}  // namespace ingot::gpu
