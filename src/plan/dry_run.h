// DryRun: while one lives, evaluations of its thread plan and compute nothing. Values are handed
// out as usual, in memory that is only counted; so a program can be asked what a training step
// would need and where it would run, before anything has been computed (`ingot check`).
//
// What is decided when a plan is bound — whose memory is written over, which arena serves — is
// decided as in a real run, by the same code. Who looks at a value gets a ValueError: there is
// none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ingot/core/device.h>

#include "plan/plan.h"

namespace ingot::plan {

/// What a plan's device has no kernel for, of one recorded op.
struct LackingOp {
  std::string recorded;          ///< the recorded op: "softmax"
  std::vector<std::string> ops;  ///< itself, or those of its expansion; each once, sorted
  std::string operand;           ///< of the first: "float32[2, 3]"
  std::string place;             ///< the user's line: "train.cpp:41"
  Device device;
  bool refused = false;      ///< INGOT_FALLBACK=error: evaluating it would throw
  std::uint64_t nbytes = 0;  ///< copied there and back because of it
  std::int64_t transfers = 0;
};

/// One evaluation that was planned.
struct DryEvaluation {
  std::vector<LackingOp> lacking;
  std::uint64_t transferred_nbytes = 0;             ///< in all, with what the program itself copies
  std::map<std::string, std::size_t> arena_nbytes;  ///< per device
  std::size_t steps = 0;
};

class DryRun {
 public:
  /// One at a time per thread.
  DryRun();
  ~DryRun();
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;
  /// This thread's, or null.
  static DryRun* current() noexcept;
  /// Throws ValueError while this thread has one.
  static void refuse_to_look();

  /// In place of execute().
  void run(Batch& batch, Backend& host);

  /// Of all evaluations since the last call.
  std::vector<DryEvaluation> take_evaluations();
  /// Bytes that values and temporaries of the dry run would take on the device now, and the most
  /// that they took: as memory_allocated() and max_memory_allocated() would say.
  std::size_t allocated_nbytes(Device device) const;
  std::size_t peak_nbytes(Device device) const;

 private:
  class CountingAllocator;
  class CountingBackend;
  CountingBackend& counting(Backend& real);

  std::map<const Backend*, std::unique_ptr<CountingBackend>> backends_;
  std::vector<DryEvaluation> evaluations_;
};

}  // namespace ingot::plan
