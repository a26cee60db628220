#include <ingot/core/site.h>

#include <functional>
#include <mutex>
#include <set>
#include <string>

namespace ingot {

namespace {

// Never destroyed: places may be shown while the program ends.
const char* kept(std::string_view text) {
  static std::mutex& mutex = *new std::mutex;
  static auto& texts = *new std::set<std::string, std::less<>>;  // nodes: pointers stay valid
  const std::lock_guard lock(mutex);
  auto found = texts.find(text);
  if (found == texts.end()) found = texts.emplace(text).first;
  return found->c_str();
}

}  // namespace

Site Site::interned(std::string_view file, std::uint32_t line, std::string_view function) {
  return {kept(file), line, kept(function)};
}

}  // namespace ingot
