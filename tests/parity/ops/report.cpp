#include "parity/ops/report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include "support/op_fixture.h"

namespace ingot::optest {
namespace {

struct WriteReport final : testing::Environment {
  void TearDown() override { Report::instance().write(); }
};
testing::Environment* const kWriteReport = testing::AddGlobalTestEnvironment(new WriteReport);

std::string error(double v) { return v == 0 ? "0" : fmt::format("{:.1e}", v); }

std::string dtypes_text(const std::set<DType>& dtypes) {
  std::set<DType> left = dtypes;
  std::string text;
  const auto take = [&](const char* name, std::initializer_list<DType> group) {
    for (const DType t : group)
      if (!left.count(t)) return;
    for (const DType t : group) left.erase(t);
    text += (text.empty() ? "" : ", ") + std::string(name);
  };
  take("floats", {DType::Float16, DType::BFloat16, DType::Float32, DType::Float64});
  take("integers", {DType::UInt8, DType::Int8, DType::Int16, DType::Int32, DType::Int64});
  for (const DType t : left) text += (text.empty() ? "" : ", ") + std::string(ingot::name(t));
  return text;
}

std::string layouts_text(const std::set<Layout>& layouts) {
  if (layouts.size() == std::size(kLayouts)) return "all";
  std::string text;
  for (const Layout l : layouts) text += (text.empty() ? "" : ", ") + std::string(name(l));
  return text;
}

constexpr const char* kIntroduction = R"(# Parity of the operations

Each public function is run on every dtype it takes and on inputs in every layout: contiguous,
transposed, expanded (stride 0), offset (a window of a larger buffer) and channels-last; zero-dim and
empty tensors are cases of their own. The results on the `cpu` backend, outputs and gradients, are
compared with the `reference` backend on the same values, and with PyTorch {} in float64.

Errors are the largest of all cases, `||ours - theirs|| / ||theirs||`, outputs / gradients. float16
and bfloat16 results are compared with PyTorch's float64 result rounded to that type, of which one
rounding is at most 4.9e-04 and 3.9e-03. Most inputs have 8-bit mantissas, exact in every floating
type (hence the many zeros); "fine" cases of sums, products and convolutions fill the mantissa of
float32. Integers and bool agree exactly, or the test fails. "-"
means that there is no gradient.

To make this page again:

    INGOT_PARITY_REPORT=docs/parity.md build/bin/tests/parity_ops --gtest_brief=1

and for PyTorch's results `python3 tests/fixtures/make_op_fixtures.py` (needs torch).

{} functions, {} cases, {} runs.

| function | cases | dtypes | layouts | float64: reference | PyTorch | float32: reference | PyTorch | float16: PyTorch | bfloat16: PyTorch |
|---|---|---|---|---|---|---|---|---|---|
)";

}  // namespace

Report& Report::instance() {
  static Report report;
  return report;
}

void Report::add(const OpCase& c, DType dtype, Layout layout, const Worst& reference,
                 const Worst& torch) {
  const std::string function = c.function();
  if (!rows_.count(function)) order_.push_back(function);
  Row& row = rows_[function];
  row.cases.insert(c.name);
  row.dtypes.insert(dtype);
  row.layouts.insert(layout);
  row.has_backward |= c.differentiable();
  Errors& f = row.forward[dtype];
  f.reference = std::max(f.reference, reference.forward);
  f.torch = std::max(f.torch, torch.forward);
  Errors& b = row.backward[dtype];
  b.reference = std::max(b.reference, reference.backward);
  b.torch = std::max(b.torch, torch.backward);
  ++runs_;
}

void Report::write() const {
  const char* path = std::getenv("INGOT_PARITY_REPORT");
  if (!path || !*path) return;
  std::ofstream file(path);
  std::size_t cases = 0;
  for (const auto& [name, row] : rows_) cases += row.cases.size();
  std::string torch = fixture_torch_version();
  torch = torch.substr(0, torch.find('+'));
  file << fmt::format(kIntroduction, torch, rows_.size(), cases, runs_);
  for (const std::string& name : order_) {
    const Row& row = rows_.at(name);
    const auto cell = [&](DType t, double Errors::*which) -> std::string {
      if (!row.dtypes.count(t)) return "";
      return error(row.forward.at(t).*which) + " / " +
             (row.has_backward ? error(row.backward.at(t).*which) : "-");
    };
    file << fmt::format(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", name, row.cases.size(),
        dtypes_text(row.dtypes), layouts_text(row.layouts),
        cell(DType::Float64, &Errors::reference), cell(DType::Float64, &Errors::torch),
        cell(DType::Float32, &Errors::reference), cell(DType::Float32, &Errors::torch),
        cell(DType::Float16, &Errors::torch), cell(DType::BFloat16, &Errors::torch));
  }
  if (!file) throw IoError(fmt::format("cannot write {}", path));
}

}  // namespace ingot::optest
