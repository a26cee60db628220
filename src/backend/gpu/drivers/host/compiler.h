// The system's C++ compiler, which makes kernels for the host driver.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ingot::gpu {

struct HostCompiler {
  std::vector<std::string> command;  ///< empty when there is none
  std::string identity;              ///< what it says to --version
  std::string why_not;               ///< when there is none
};

/// $CXX (a program, perhaps with arguments), else the first of c++, g++, clang++ that runs.
const HostCompiler& host_compiler();

/// The arguments for a kernel. `checked`: its accesses of memory are watched.
std::vector<std::string> compiler_flags(bool checked);

/// The shared object for a text. Throws InternalError with what the compiler says.
std::string compile_shared_object(std::string_view name, std::string_view text, bool checked);

/// A folder for short-lived files; removed with what is in it.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

/// Runs a program found on the PATH; what it prints goes into `output`. False when it does not run
/// or fails.
bool run_program(const std::vector<std::string>& command, std::string& output);

}  // namespace ingot::gpu
