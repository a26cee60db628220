// Runs one op case: lays out its inputs, records forward and backward, evaluates, and gives all
// results as host values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "core/node.h"
#include "support/op_cases.h"
#include "support/op_values.h"

namespace ingot::optest {

struct RunOptions {
  Backend* backend = nullptr;  ///< default: what computes for the cpu anyway
  bool backward = true;
  bool eager = false;           ///< as INGOT_EAGER=1
  Device device = {};           ///< where the inputs are
  std::uint64_t live_seed = 0;  ///< not 0: Cells hold a random part of the recorded nodes
  /// Sees every recorded node before it is evaluated, those of expansions included.
  std::function<void(const Node&)> observe = {};
};

struct CaseResult {
  std::vector<HostValues> outputs;
  /// One per input; undefined (no bytes, dtype bool, has_grad false) where there is none.
  std::vector<HostValues> grads;
  std::vector<bool> has_grad;
};

/// The inputs of a case as host values, laid out.
std::vector<HostValues> case_inputs(const OpCase& c, DType dtype, Layout layout);
/// Records, differentiates (sum over floating outputs of output · weight) and evaluates.
CaseResult run_case(const OpCase& c, DType dtype, Layout layout, const RunOptions& options = {});
/// The same from given input values.
CaseResult run_case_on(const OpCase& c, const std::vector<HostValues>& inputs, Layout layout,
                       const RunOptions& options = {});

/// "float64 transposed": for messages.
std::string label(const OpCase& c, DType dtype, Layout layout);
/// The name with letters, digits and underscores only: for test names.
std::string identifier(const OpCase& c);
/// The dtypes of a case in order, and the layouts that change at least one of its inputs.
std::vector<DType> dtypes_of(const OpCase& c);
std::vector<Layout> layouts_of(const OpCase& c);

/// Every output and gradient compared; empty when all agree within `allowed(tolerance)`, else a
/// text with one line per disagreement. `worst` receives the largest relative differences.
struct Worst {
  double forward = 0;
  double backward = 0;
};
std::string compare(const OpCase& c, DType dtype, const CaseResult& got, const CaseResult& expected,
                    Worst* worst = nullptr);

/// For EXPECT_PRED1: prints what `compare` found without gtest's quoting.
inline bool agrees(const std::string& disagreement) { return disagreement.empty(); }

/// Sets this thread's eager mode while it lives.
class EagerScope {
 public:
  explicit EagerScope(bool on);
  ~EagerScope();
  EagerScope(const EagerScope&) = delete;
  EagerScope& operator=(const EagerScope&) = delete;

 private:
  bool previous_;
};

}  // namespace ingot::optest
