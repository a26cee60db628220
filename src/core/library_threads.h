// Threads that libraries bring: Debian's oneDNN comes with GCC's OpenMP runtime.
#pragma once

namespace ingot::detail {

/// While it lives, the OpenMP runtime that libraries share with the program uses as many threads on
/// the calling thread as Ingot's loops may; afterwards as many as before, so that the program's own
/// `#pragma omp` loops keep their number. Costs some nanoseconds.
class LibraryThreads {
 public:
  LibraryThreads();
  ~LibraryThreads();
  LibraryThreads(const LibraryThreads&) = delete;
  LibraryThreads& operator=(const LibraryThreads&) = delete;

 private:
  int before_ = 0;  ///< 0: nothing to bring back
};

}  // namespace ingot::detail
