// The twin: a device that is no hardware, for tests. It has a memory of its own that the host
// cannot read, a stream with a thread behind it, and the cpu's or the reference's kernels. It can
// be told to be slow, to lack ops, to run out of memory and to fail: what a GPU does on a bad day.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "backend/device_allocator.h"

namespace ingot {

struct TwinOptions {
  bool async = true;                ///< a thread runs the steps; else submit() does
  bool reference = false;           ///< the reference's kernels instead of the cpu's
  int max_delay_us = 0;             ///< before each step a random wait up to this
  std::vector<std::string> refuse;  ///< ops that it has no kernel for; "*" stands for all
  std::size_t memory_nbytes = std::size_t{4} << 30;
  /// The n-th step from now fails, counted from 0; -1: none does.
  std::int64_t fail_at = -1;
  /// The same, but there the device is lost for good, until configure() puts another in its place.
  std::int64_t lose_at = -1;
  /// Limits::max_operands.
  std::size_t max_operands = 31;
  /// An op, of float32, whose kernels compute something else: the first element is 1 too large.
  std::string corrupt;
  /// One memory with the host: Backend::unified().
  bool unified = false;
};

/// Device twin:0 or twin:1, made when it is first asked for; from then on it is available.
class Twin : public Backend {
 public:
  /// Waits for what is submitted, then changes the options. Plans made before are out of date.
  virtual void configure(const TwinOptions& options) = 0;
  /// Holds its thread back: what is submitted waits, and so does who waits for it. Not in
  /// synchronous times, and for 4,095 steps at most.
  virtual void hold(bool on) = 0;
  /// Steps that it has run.
  virtual std::uint64_t steps_run() const = 0;
};
Twin& twin(int index = 0);
inline constexpr int kNumTwins = 2;

/// INGOT_TWIN=1, or options:
/// "sync,reference,delay=50,refuse=conv2d+softmax,memory=1000000,fail=17,lost=17,unified". Throws
/// ValueError for another word.
TwinOptions parse_twin_options(std::string_view text);

}  // namespace ingot
