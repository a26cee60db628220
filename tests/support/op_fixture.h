// PyTorch's results of the op cases: tests/fixtures/ops/*.json, written by make_op_fixtures.py.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/op_run.h"

namespace ingot::optest {

/// Names of all cases in the fixture files.
const std::set<std::string>& fixture_names();
/// The version of PyTorch that wrote them.
const std::string& fixture_torch_version();

/// The inputs the fixture's case was made with, as InputSpec::str() writes them.
std::vector<std::string> fixture_inputs(const std::string& name);
/// True when the file has a result to compare with for this dtype.
bool fixture_has(const std::string& name, DType dtype);
/// How far PyTorch's own results in `dtype` are from its float64 ones: the largest of the case's
/// outputs and gradients; 0 where nothing is known.
double fixture_deviation(const std::string& name, DType dtype);

/// Compares outputs and gradients with PyTorch's; empty when all agree, else one line for each
/// disagreement. Floating dtypes are compared with the float64 result, rounded to the dtype; the
/// bound is allowed(tolerance), or four times PyTorch's own distance where that is more.
std::string compare_with_fixture(const OpCase& c, DType dtype, const CaseResult& got,
                                 Worst* worst = nullptr);

}  // namespace ingot::optest
