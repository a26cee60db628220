#include "backend/gpu/drivers/host/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdint>
#include <fstream>

#include <ingot/core/error.h>

#include "backend/gpu/drivers/host/access_checker.h"
#include "backend/gpu/drivers/host/compiler.h"

namespace ingot::gpu {

HostLibrary::HostLibrary(std::string_view name, std::string_view object, bool checked) {
  // What is loaded is what was looked at: a file of our own, not the cache's.
  const ScratchFolder folder;
  const std::string path = folder.file("kernel.so");
  std::ofstream(path, std::ios::binary)
      .write(object.data(), static_cast<std::streamsize>(object.size()));
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle_) {
    const char* why = dlerror();  // NOLINT(concurrency-mt-unsafe)
    throw InternalError(fmt::format("kernel {} cannot be loaded: {}", name, why ? why : "?"));
  }
  entry_ = reinterpret_cast<HostEntry>(dlsym(handle_, "ingot_kernel"));
  const auto* nbytes =
      static_cast<const std::uint64_t*>(dlsym(handle_, "ingot_kernel_shared_nbytes"));
  using Access = void (*)(const void*, std::uint32_t, std::uint32_t, const void*);
  auto* access = checked ? static_cast<Access*>(dlsym(handle_, "ingot_kernel_access")) : nullptr;
  if (!entry_ || !nbytes || (checked && !access)) {
    dlclose(handle_);
    throw InternalError(fmt::format("kernel {} has no entry point", name));
  }
  shared_nbytes_ = *nbytes;
  if (checked) {
    *access = &AccessChecker::access;
    object_ = object;
  }
}

HostLibrary::~HostLibrary() { dlclose(handle_); }

bool HostLibrary::holds(const void* address) const {
  Dl_info ours{}, theirs{};
  return dladdr(reinterpret_cast<const void*>(entry_), &ours) != 0 &&
         dladdr(address, &theirs) != 0 && ours.dli_fbase == theirs.dli_fbase;
}

std::string HostLibrary::line_of(const void* pc) const {
  Dl_info info{};
  if (object_.empty() || dladdr(pc, &info) == 0) return "";
  const ScratchFolder folder;
  const std::string path = folder.file("kernel.so");
  std::ofstream(path, std::ios::binary)
      .write(object_.data(), static_cast<std::streamsize>(object_.size()));
  // The address after the call: the call is before it.
  const auto offset = static_cast<const char*>(pc) - static_cast<const char*>(info.dli_fbase) - 1;
  std::string output;
  if (!run_program({"addr2line", "-e", path, fmt::format("{:#x}", offset)}, output)) return "";
  output = output.substr(0, output.find('\n'));
  output = output.substr(output.rfind('/') + 1);
  return output.substr(0, output.find(" (disc")) == "??:0"
             ? ""
             : output.substr(0, output.find(" (disc"));
}

}  // namespace ingot::gpu
