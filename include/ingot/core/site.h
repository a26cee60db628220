// Site: a place in the user's program. Errors and profiles show where something was recorded.
//
// Functions that record take one as their last argument, `Site at = Site::current()`, which is the
// caller's line. Who wraps them passes his own caller's on. A Site holds pointers to texts that
// live as long as the program: those of the compiler, or those that interned() keeps.
#pragma once

#include <cstdint>
#include <source_location>
#include <string_view>

namespace ingot {

class Site {
 public:
  /// No place: line() is 0.
  constexpr Site() = default;
  /// The texts must live as long as the program; those that do not go through interned().
  constexpr Site(const char* file, std::uint32_t line, const char* function)
      : file_(file), function_(function), line_(line) {}
  constexpr Site(const std::source_location& place)
      : Site(place.file_name(), place.line(), place.function_name()) {}

  /// As a default argument, the line of the call.
  static constexpr Site current(const char* file = __builtin_FILE(),
                                std::uint32_t line = __builtin_LINE(),
                                const char* function = __builtin_FUNCTION()) {
    return {file, line, function};
  }
  /// A place whose texts are kept for good, each once: how a binding to another language names a
  /// line of that language, `Site::interned("train.py", 41, "main")`. Safe on several threads.
  static Site interned(std::string_view file, std::uint32_t line, std::string_view function = {});

  constexpr const char* file_name() const { return file_; }
  constexpr std::uint32_t line() const { return line_; }
  constexpr const char* function_name() const { return function_; }

 private:
  const char* file_ = "";
  const char* function_ = "";
  std::uint32_t line_ = 0;
};

}  // namespace ingot
