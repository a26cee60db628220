// matmul: out[..., m, n] = sum over k of a[..., m, k] · b[..., k, n], operands of any strides;
// linear.
#include <fmt/format.h>

#include <algorithm>

#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/walk.h"

namespace ingot::gpu {
namespace {

constexpr std::int64_t kTile = 16, kMaxGroups = 65535;

std::uint32_t groups_for(std::int64_t n, std::int64_t each) {
  return static_cast<std::uint32_t>(std::min((n + each - 1) / each, kMaxGroups));
}

std::unique_ptr<Kernel> lower_matmul(const StepDesc& step, Driver& driver) {
  const TensorDesc &a = step.inputs[0], &b = step.inputs[1], &out = step.outputs[0];
  std::vector<Launch> launches;
  if (out.numel() > 0) {
    const int rank = out.shape.rank();
    const std::int64_t rows = out.shape[rank - 2], columns = out.shape[rank - 1];
    Walk a_batch, b_batch;
    for (int d = 0; d < rank - 2; ++d) {
      a_batch.push(out.shape[d], a.strides[d]);
      b_batch.push(out.shape[d], b.strides[d]);
    }
    const std::int64_t batches = out.numel() / (rows * columns);
    Launch launch;
    SourceBuilder source("matmul");
    launch.what = "matmul";
    launch.grid = {groups_for(columns, kTile), groups_for(rows, kTile), groups_for(batches, 1)};
    const std::size_t size = nbytes_of(out.dtype);
    source.index_64(needs_index_64(std::max({extent_nbytes(a) / size, extent_nbytes(b) / size,
                                             static_cast<std::size_t>(out.numel())})));
    source.use("scalar");
    source.use("matmul");
    for (const char* name : {"a", "b"}) source.buffer(type_name(a.dtype), name, true);
    source.buffer(type_name(out.dtype), "out", false);
    launch.operands = {{0, extent_nbytes(a), 0}, {1, extent_nbytes(b), 0}, {2, out.nbytes(), 0}};
    add_number(source, launch, "rows", rows);
    add_number(source, launch, "columns", columns);
    add_number(source, launch, "depth", a.shape[rank - 1]);
    add_number(source, launch, "batches", batches);
    add_number(source, launch, "a_row", a.strides[rank - 2]);
    add_number(source, launch, "a_column", a.strides[rank - 1]);
    add_number(source, launch, "b_row", b.strides[rank - 2]);
    add_number(source, launch, "b_column", b.strides[rank - 1]);
    source.member(
        fmt::format("  typedef {} T;\n  struct Shared {{\n    {} a[16 * 17], b[16 * 17];\n  }};\n",
                    type_name(out.dtype), work_name(out.dtype)));
    add_walk(source, launch, "a_batch", a_batch.sizes, a_batch.strides);
    add_walk(source, launch, "b_batch", b_batch.sizes, b_batch.strides);
    source.shares();
    launch.pipeline = driver.compile(source.finish(driver.dialect()));
    launches.push_back(std::move(launch));
  }
  return std::make_unique<LaunchKernel>(2, 1, std::move(launches));
}

// The bias is added where the product is stored.
std::unique_ptr<Kernel> lower_linear(const StepDesc& step, Driver& driver) {
  const TensorDesc &x = step.inputs[0], &w = step.inputs[1], &out = step.outputs[0];
  const bool has_bias = step.inputs.size() == 3;
  std::vector<Launch> launches;
  if (out.numel() > 0) {
    const int last = x.shape.rank() - 1;
    const std::int64_t columns = w.shape[0], rows = out.numel() / columns;
    Launch launch;
    SourceBuilder source("linear");
    launch.what = "linear";
    launch.grid = {groups_for(columns, kTile), groups_for(rows, kTile)};
    const std::size_t size = nbytes_of(out.dtype);
    source.index_64(needs_index_64(std::max({extent_nbytes(x) / size, extent_nbytes(w) / size,
                                             static_cast<std::size_t>(out.numel())})));
    source.use("scalar");
    source.use("tiles");
    source.buffer(type_name(x.dtype), "x", true);
    source.buffer(type_name(w.dtype), "w", true);
    launch.operands = {{0, extent_nbytes(x), 0}, {1, extent_nbytes(w), 0}};
    add_number(source, launch, "rows", rows);
    add_number(source, launch, "columns", columns);
    add_number(source, launch, "depth", w.shape[1]);
    add_number(source, launch, "x_column", x.strides[last]);
    add_number(source, launch, "w_row", w.strides[0]);
    add_number(source, launch, "w_column", w.strides[1]);
    Walk x_rows;
    for (int d = 0; d < last; ++d) x_rows.push(x.shape[d], x.strides[d]);
    add_walk(source, launch, "x_row", x_rows.sizes, x_rows.strides);
    if (has_bias) {
      source.buffer(type_name(out.dtype), "bias_of", true);
      launch.operands.push_back({2, extent_nbytes(step.inputs[2]), 0});
      add_number(source, launch, "bias_stride", step.inputs[2].strides[0]);
    }
    source.member(fmt::format(
        "  typedef {0} T;\n  struct Shared {{\n    {1} left[16 * 17], right[16 * 17];\n  }};\n"
        "  static FN {1} bias(Buffers b, CONSTANT const Params& p, Index n) {{\n"
        "    (void)b;\n    (void)p;\n    (void)n;\n    return {2};\n  }}\n",
        type_name(out.dtype), work_name(out.dtype),
        has_bias ? "widen(b.bias_of[n * (Index)p.bias_stride])" : "0"));
    source.shares();
    source.buffer(type_name(out.dtype), "out", false);
    launch.operands.push_back({step.inputs.size(), out.nbytes(), 0});
    launch.pipeline = driver.compile(source.finish(driver.dialect()));
    launches.push_back(std::move(launch));
  }
  return std::make_unique<LaunchKernel>(step.inputs.size(), 1, std::move(launches));
}

bool takes_linear(const StepDesc& step) {
  const DType t = step.outputs[0].dtype;
  return t != DType::Bool && std::all_of(step.inputs.begin(), step.inputs.end(),
                                         [&](const TensorDesc& in) { return in.dtype == t; });
}

bool takes_matmul(const StepDesc& step) {
  const DType t = step.outputs[0].dtype;
  return t != DType::Bool && step.inputs[0].dtype == t && step.inputs[1].dtype == t &&
         step.inputs[0].shape.rank() == step.outputs[0].shape.rank() &&
         step.inputs[1].shape.rank() == step.outputs[0].shape.rank();
}

}  // namespace

void register_matmul(Table& table) {
  table.add("matmul", {lower_matmul, takes_matmul});
  table.add("linear", {lower_linear, takes_linear});
}

}  // namespace ingot::gpu
