// docs/ops.md: what the op definitions say, as a table.
//
//   docs_op_table FILE            writes it
//   docs_op_table --check FILE    fails when FILE is not what it would write
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "backend/kernel_table.h"
#include "core/node.h"
#include "core/op_def.h"
#include "core/record.h"
#include "support/op_run.h"
#include "support/source_dir.h"

namespace ingot {

namespace reference {
void register_all(KernelTable& table);
}
namespace cpu {
void register_all(KernelTable& table);
}

namespace optest {
namespace {

struct Row {
  std::set<DType> dtypes;
  std::vector<std::string> made_of;  ///< ops of the expansion, each once
};

void add_expansion(const Node& node, Row& row) {
  CaptureScope capture;
  std::vector<Tensor> inputs, results;
  for (const ValueId& v : node.inputs()) inputs.push_back(CaptureScope::placeholder(v.spec()));
  std::vector<TensorSpec> specs;
  for (const NodeOutput& o : node.outputs()) specs.push_back(o.spec);
  record_expansion(node.op(), inputs, node.attrs(), node.slots(), specs, results);
  for (const NodeRef& inner : capture.nodes()) {
    const std::string name(inner->op().name);
    if (name != "placeholder" &&
        std::find(row.made_of.begin(), row.made_of.end(), name) == row.made_of.end())
      row.made_of.push_back(name);
  }
}

/// What the op cases of the tests record: the dtypes are those that are tested.
std::map<std::string, Row> rows_from_cases() {
  std::map<std::string, Row> rows;
  for (const OpCase& c : all_op_cases())
    for (const DType dtype : dtypes_of(c)) {
      const auto look = [&](const Node& node) {
        Row& row = rows[std::string(node.op().name)];
        bool has = false;
        for (const ValueId& v : node.inputs()) has |= v.spec().dtype == dtype;
        for (const NodeOutput& o : node.outputs()) has |= o.spec.dtype == dtype;
        if (has) row.dtypes.insert(dtype);
        if (node.op().expand) add_expansion(node, row);
      };
      run_case(c, dtype, Layout::Contiguous, {.backend = &reference_backend(), .observe = look});
    }
  return rows;
}

std::string dtypes_text(std::set<DType> left) {
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

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& w : words) text += (text.empty() ? "" : ", ") + w;
  return text;
}

const char* gradient_text(const OpDef& op) {
  switch (op.gradient) {
    case Gradient::Rule:
      return "rule";
    case Gradient::Expand:
      return "of its parts";
    case Gradient::None:
      return "none";
  }
  return "";
}

std::string kernel_text(const OpDef& op, const KernelTable& table, bool fuses) {
  if (op.traits.view || op.traits.alias) return "none needed";
  if (op.traits.scalar != ScalarOp::None) return fuses ? "fused" : "yes";
  return table.find(op.name) ? "yes" : "";
}

constexpr const char* kIntroduction = R"(# The operations

Every op of Ingot, as its definition says it; this page is generated.

- **gradient**: `rule` is a rule of its own, `of its parts` means that the ops it is made of are
  differentiated, `none` that its results never require grad. Rules record ordinary ops: second
  derivatives work throughout.
- **made of**: the op's meaning in other ops. A backend that has no kernel for the op runs these, and
  elementwise ones of them as one loop.
- **dtypes**: those the tests run it in. `floats` are float16, bfloat16, float32 and float64;
  `integers` are uint8, int8, int16, int32 and int64.
- **reference**, **cpu**: whether that backend has a kernel for the op itself. `fused` ops are
  instructions of the loops that the cpu backend puts together from neighbouring ops. Where the cpu
  has none and there is nothing to expand, it runs the reference kernel: right, but one plain loop.

Public functions that record several of these and have no op of their own are listed at the end.
How exactly each agrees with PyTorch: [parity.md](parity.md).

To make this page again:

    cmake --build --preset release --target docs_ops && build/bin/tests/docs_ops docs/ops.md

)";

/// The text of the headers that declare operations: some cases are named after no function.
std::string public_headers() {
  const std::filesystem::path include = ingot::testing::source_dir() + "/include/ingot";
  std::ostringstream text;
  text << std::ifstream(include / "core/tensor.h").rdbuf();
  for (const auto& entry : std::filesystem::directory_iterator(include / "ops"))
    text << std::ifstream(entry.path()).rdbuf();
  return text.str();
}

std::string page() {
  KernelTable reference_kernels, cpu_kernels;
  reference::register_all(reference_kernels);
  cpu::register_all(cpu_kernels);
  const std::map<std::string, Row> rows = rows_from_cases();

  std::map<std::string, const OpDef*> ops;
  for (const OpDef* op : all_ops()) ops[std::string(op->name)] = op;
  const std::string headers = public_headers();
  std::set<std::string> composed;
  for (const OpCase& c : all_op_cases())
    if (!ops.count(c.function()) && headers.find(" " + c.function() + "(") != std::string::npos)
      composed.insert(c.function());

  std::ostringstream out;
  out << kIntroduction << ops.size() << " ops.\n\n"
      << "| op | gradient | made of | dtypes | reference | cpu |\n|---|---|---|---|---|---|\n";
  for (const auto& [name, op] : ops) {
    const auto it = rows.find(name);
    const Row row = it == rows.end() ? Row{} : it->second;
    out << "| " << name << " | " << gradient_text(*op) << " | " << joined(row.made_of) << " | "
        << dtypes_text(row.dtypes) << " | " << kernel_text(*op, reference_kernels, false) << " | "
        << kernel_text(*op, cpu_kernels, true) << " |\n";
  }
  out << "\nFunctions and methods that are written in terms of these, or record one of another "
         "name: "
      << joined({composed.begin(), composed.end()}) << ".\n";
  return out.str();
}

int run(int argc, char** argv) {
  const bool check = argc == 3 && std::string_view(argv[1]) == "--check";
  if (argc != 2 && !check) {
    std::cerr << "usage: docs_ops [--check] FILE\n";
    return 2;
  }
  const std::string path = argv[argc - 1];
  const std::string text = page();
  if (!check) {
    std::ofstream out(path);
    out << text;
    return out.flush() ? 0 : 1;
  }
  std::ifstream in(path);
  const std::string there{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (there == text) return 0;
  std::cerr << path << " is not what the op definitions say; make it again:\n  " << argv[0] << " "
            << path << "\n";
  return 1;
}

}  // namespace
}  // namespace optest
}  // namespace ingot

int main(int argc, char** argv) try {
  return ingot::optest::run(argc, argv);
} catch (const std::exception& e) {
  std::cerr << "docs_ops: " << e.what() << "\n";
  return 1;
}
