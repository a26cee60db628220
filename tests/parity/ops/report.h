// Collects the largest errors per function and writes them as docs/parity.md.
#pragma once

#include <map>
#include <set>
#include <string>

#include "support/op_run.h"

namespace ingot::optest {

class Report {
 public:
  static Report& instance();

  void add(const OpCase& c, DType dtype, Layout layout, const Worst& reference, const Worst& torch);
  /// Writes to the file that INGOT_PARITY_REPORT names; does nothing without it.
  void write() const;

 private:
  struct Errors {
    double reference = 0;
    double torch = 0;
  };
  struct Row {
    std::set<std::string> cases;
    std::set<DType> dtypes;
    std::set<Layout> layouts;
    bool has_backward = false;
    /// By class of dtype: float64, float32, the two 16-bit types.
    std::map<DType, Errors> forward, backward;
  };
  std::map<std::string, Row> rows_;
  std::vector<std::string> order_;
  std::size_t runs_ = 0;
};

}  // namespace ingot::optest
