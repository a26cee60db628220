// The texts of kernels in a dialect: what the op cases' steps and their gradients become.
#pragma once

#include <string>
#include <vector>

#include <ingot/core/error.h>

#include "backend/gpu/text.h"
#include "support/op_run.h"
#include "support/text_driver.h"

namespace ingot::test {

/// Of every `every`-th case: case i in its dtype number i, in its layout number i. With the
/// dialect's own text in front.
inline std::vector<gpu::KernelSource> kernel_texts(const std::string& dialect, bool has_float64,
                                                   std::size_t every) {
  TextBackend backend(dialect, has_float64);
  const std::vector<optest::OpCase>& cases = optest::all_op_cases();
  for (std::size_t i = 0; i < cases.size(); i += every) {
    std::vector<DType> dtypes = optest::dtypes_of(cases[i]);
    if (!has_float64) std::erase(dtypes, DType::Float64);
    if (dtypes.empty()) continue;
    const std::vector<optest::Layout> layouts = optest::layouts_of(cases[i]);
    const DType dtype = dtypes[i / every % dtypes.size()];
    const optest::Layout layout = layouts[i / every % layouts.size()];
    try {
      run_case_on(cases[i], case_inputs(cases[i], dtype, layout), layout, {.backend = &backend});
    } catch (const Error&) {
      // Nothing was computed: a value that a shape depends on may be any.
    }
  }
  std::vector<gpu::KernelSource> texts;
  for (const auto& [text, source] : backend.driver().sources()) {
    texts.push_back(source);
    texts.back().text = std::string(gpu::text_of("dialect/" + dialect)) + text;
  }
  return texts;
}

}  // namespace ingot::test
