// scatter and what joins elements there, scatter_add, index_add, index_put: each element of the
// result looks up which elements of the source are its own, by the indices in sorted order.
#include <fmt/format.h>

#include <algorithm>

#include "backend/gpu/check_launch.h"
#include "backend/gpu/collapse.h"
#include "backend/gpu/families.h"
#include "backend/gpu/map_launch.h"
#include "backend/gpu/sort_launch.h"
#include "backend/gpu/walk.h"
#include "backend/indexing.h"
#include "core/op_attrs.h"

namespace ingot::gpu {
namespace {

// What is put where: inputs of the step, and functions of the dialect as in kernels/put.h.
struct Put {
  int base = -1;  ///< the input whose elements are there before; -1: zeros
  std::size_t source = 0;
  std::string fold;                    ///< of kernels
  bool as_bits = false;                ///< elements are only moved
  std::int64_t lines = 0, length = 0;  ///< of indices
  std::vector<std::size_t> indices;    ///< inputs
  std::vector<Check> checks;
  std::vector<int> dims;  ///< the dimension that each of them names
  /// Adds member `key`, with the parameters it needs.
  std::function<void(SourceBuilder&, Launch&)> add_key;
  /// Adds members `line`, `wanted` and `source_at(p, i, line, j)`, where the source's element is.
  std::function<void(SourceBuilder&, Launch&)> add_places;
};

void add_indices(const StepDesc& step, const Put& put, SourceBuilder& source, Launch& launch) {
  for (std::size_t k = 0; k < put.indices.size(); ++k) {
    source.buffer("i64", fmt::format("index{}", k), true);
    launch.operands.push_back({put.indices[k], extent_nbytes(step.inputs[put.indices[k]]), 0});
  }
  put.add_key(source, launch);
}

std::unique_ptr<Kernel> lower(const StepDesc& step, Driver& driver, const Put& put) {
  const TensorDesc &out = step.outputs[0], &given = step.inputs[put.source];
  std::vector<Launch> launches;
  Workspace workspace;
  add_checks(step, driver, put.checks, workspace, launches,
             [op = step.op, put_dims = put.dims, indices = put.indices, inputs = step.inputs,
              shape = out.shape](std::size_t c, const Misfit& misfit) {
               index_out_of_range(op->name, static_cast<std::int64_t>(misfit.bits),
                                  inputs[indices[c]].shape, misfit.number, put_dims[c],
                                  shape[put_dims[c]]);
             });
  const auto finish = [&] {
    return std::make_unique<LaunchKernel>(step.inputs.size(), 1, std::move(launches),
                                          workspace.nbytes());
  };
  if (out.numel() == 0) return finish();

  std::size_t largest = static_cast<std::size_t>(out.numel());
  for (const TensorDesc& t : step.inputs)
    largest = std::max(largest, extent_nbytes(t) / nbytes_of(t.dtype));
  Sorted sorted{"i32", 0, 0, 4};
  if (put.lines * put.length > 0)
    sorted = add_sort(step, driver,
                      {put.lines, put.length,
                       [&](SourceBuilder& source, Launch& launch) {
                         add_indices(step, put, source, launch);
                         source.member(
                             "  static FN bool before(Buffers b, CONSTANT const Params& p, Index "
                             "line, Index i, Index j) {\n"
                             "    return key(b, p, line, i) < key(b, p, line, j);\n  }\n");
                       },
                       largest},
                      workspace, launches);

  Launch launch;
  SourceBuilder source("put");
  launch.what = std::string(step.op->name);
  launch.grid = map_grid(out.numel());
  source.index_64(needs_index_64(largest));
  for (const char* family : {"scalar", "fold", "put"}) source.use(family);
  add_number(source, launch, "n", out.numel());
  add_number(source, launch, "length", put.lines > 0 ? put.length : 0);
  add_indices(step, put, source, launch);
  sorted.add_to(step, source, launch);
  const std::string element =
      put.as_bits ? bits_name(out.dtype) : std::string(type_name(out.dtype));
  const std::string_view work = put.as_bits ? std::string_view(element) : work_name(out.dtype);
  const char* const read = put.as_bits ? "" : "widen";
  source.buffer(element, "source", true);
  launch.operands.push_back({put.source, extent_nbytes(given), 0});
  std::string start = "Fold::start()";
  if (put.base >= 0) {
    const TensorDesc& base = step.inputs[static_cast<std::size_t>(put.base)];
    source.buffer(element, "base", true);
    launch.operands.push_back({static_cast<std::size_t>(put.base), extent_nbytes(base), 0});
    Walk walk;
    for (int d = 0; d < base.shape.rank(); ++d) walk.push(base.shape[d], base.strides[d]);
    add_walk(source, launch, "base_at", walk.sizes, walk.strides);
    const std::string there = fmt::format("{}(b.base[base_at(p, i)])", read);
    const bool begins_with = put.fold.rfind("Last", 0) == 0 || put.fold.rfind("Extreme", 0) == 0;
    start = begins_with ? fmt::format("Fold::Acc{{{}}}", there)
                        : fmt::format("Fold::add(Fold::start(), {}, 0)", there);
  }
  put.add_places(source, launch);
  source.buffer(element, "out", false);
  launch.operands.push_back({step.inputs.size(), out.nbytes(), 0});
  const bool has_total =
      put.fold.find("Sum") != std::string::npos || put.fold.find("Product") != std::string::npos;
  const std::string total = has_total ? "Fold::total(a)" : "a.value";
  source.member(fmt::format(
      "  typedef {} Fold;\n"
      "  static FN Fold::Acc start(Buffers b, CONSTANT const Params& p, Index i) {{\n"
      "    (void)b;\n    (void)p;\n    (void)i;\n    return {};\n  }}\n"
      "  static FN {} value(Buffers b, CONSTANT const Params& p, Index i, Index line, Index j) {{\n"
      "    return {}(b.source[source_at(p, i, line, j)]);\n  }}\n"
      "  static FN void store(Buffers b, Index i, Fold::Acc a) {{\n    b.out[i] = {};\n  }}\n",
      put.fold, start, work, read,
      put.as_bits ? total : fmt::format("To<{}>::of({})", element, total)));
  launch.pipeline = driver.compile(source.finish(driver.dialect()));
  launches.push_back(std::move(launch));
  return finish();
}

// Statements that name the coordinates x0, x1, … of element i of a row-major tensor.
std::string coordinates(SourceBuilder& source, Launch& launch, const Shape& shape,
                        const std::string& name) {
  std::string text = "    Index rest = i;\n";
  for (int d = shape.rank() - 1; d >= 0; --d) {
    const std::string size = fmt::format("{}_size{}", name, d);
    add_number(source, launch, size, shape[d]);
    text +=
        fmt::format("    const Index x{} = rest % (Index)p.{};\n    rest = rest / (Index)p.{};\n",
                    d, size, size);
  }
  for (int d = 0; d < shape.rank(); ++d) text += fmt::format("    (void)x{};\n", d);
  return text + "    (void)rest;\n";
}

constexpr const char* kKey =
    "  static FN i64 key(Buffers b, CONSTANT const Params& p, Index line, Index j) {\n";

// Indices of the source's shape: element j of a line goes to place index[line, j] of dimension
// `dim`, in the same line.
Put along_lines(const StepDesc& step, int dim, std::size_t source_number) {
  const TensorDesc &index = step.inputs[1], &given = step.inputs[source_number];
  const Shape& out = step.outputs[0].shape;
  Put put;
  put.source = source_number;
  put.lines = count_lines(index.shape, dim);
  put.length = index.shape[dim];
  put.indices = {1};
  put.dims = {dim};
  put.checks = {range_check(1, 0, out[dim])};
  put.add_key = [&index, dim](SourceBuilder& source, Launch& launch) {
    add_line_walk(source, launch, "index_line", index.shape, index.strides, dim);
    add_number(source, launch, "index_stride", index.strides[dim]);
    source.member(std::string(kKey) +
                  "    return b.index0[index_line(p, line) + j * (Index)p.index_stride];\n  }\n");
  };
  put.add_places = [&index, &given, out, dim](SourceBuilder& source, Launch& launch) {
    const std::string names = coordinates(source, launch, out, "out");
    std::string line = "    Index line = 0;\n";
    for (int d = 0; d < out.rank(); ++d) {
      if (d == dim) continue;
      const std::string size = fmt::format("index_size{}", d);
      add_number(source, launch, size, index.shape[d]);
      line += fmt::format(
          "    if (x{0} >= (Index)p.{1}) return -1;\n    line = line * (Index)p.{1} + x{0};\n", d,
          size);
    }
    add_line_walk(source, launch, "source_line", given.shape, given.strides, dim);
    add_number(source, launch, "source_stride", given.strides[dim]);
    source.member(fmt::format(
        "  static FN Index line(CONSTANT const Params& p, Index i) {{\n{0}{1}    return line;\n  "
        "}}\n"
        "  static FN i64 wanted(CONSTANT const Params& p, Index i) {{\n{0}    return x{2};\n  }}\n"
        "  static FN Index source_at(CONSTANT const Params& p, Index i, Index line, Index j) {{\n"
        "    (void)i;\n    return source_line(p, line) + j * (Index)p.source_stride;\n  }}\n",
        names, line, dim));
  };
  return put;
}

std::string sum_fold(DType t) {
  return is_floating(t) ? fmt::format("FloatSum<{}>", work_name(t)) : "IntegerSum";
}

std::unique_ptr<Kernel> lower_scatter_add(const StepDesc& step, Driver& driver) {
  Put put = along_lines(step, static_cast<int>(step.as<ScatterAttrs>().dim), 0);
  put.fold = sum_fold(step.outputs[0].dtype);
  return lower(step, driver, put);
}

std::unique_ptr<Kernel> scatter(const StepDesc& step, Driver& driver, std::string fold,
                                bool as_bits) {
  Put put = along_lines(step, static_cast<int>(step.as<AxisAttrs>().dim), 2);
  put.base = 0;
  put.fold = std::move(fold);
  put.as_bits = as_bits;
  return lower(step, driver, put);
}
std::unique_ptr<Kernel> lower_scatter(const StepDesc& step, Driver& driver) {
  return scatter(step, driver, fmt::format("Last<{}>", bits_name(step.outputs[0].dtype)), true);
}
std::unique_ptr<Kernel> lower_scatter_prod(const StepDesc& step, Driver& driver) {
  const DType t = step.outputs[0].dtype;
  return scatter(step, driver,
                 is_floating(t) ? fmt::format("FloatProduct<{}>", work_name(t)) : "IntegerProduct",
                 false);
}
template <bool largest>
std::unique_ptr<Kernel> lower_scatter_extreme(const StepDesc& step, Driver& driver) {
  return scatter(step, driver,
                 fmt::format("Extreme<{}, {}>", work_name(step.outputs[0].dtype), largest), false);
}

// The slices of the source along `dim` go to the places of a list.
std::unique_ptr<Kernel> lower_index_add(const StepDesc& step, Driver& driver) {
  const auto dim = static_cast<int>(step.as<ScatterAttrs>().dim);
  const TensorDesc &given = step.inputs[0], &index = step.inputs[1];
  const Shape& out = step.outputs[0].shape;
  Put put;
  put.fold = sum_fold(step.outputs[0].dtype);
  put.lines = 1;
  put.length = index.shape[0];
  put.indices = {1};
  put.dims = {dim};
  put.checks = {range_check(1, 0, out[dim])};
  put.add_key = [&](SourceBuilder& source, Launch& launch) {
    add_number(source, launch, "index_stride", index.strides[0]);
    source.member(std::string(kKey) +
                  "    (void)line;\n    return b.index0[j * (Index)p.index_stride];\n  }\n");
  };
  put.add_places = [&](SourceBuilder& source, Launch& launch) {
    const std::string names = coordinates(source, launch, out, "out");
    std::string at;
    for (int d = 0; d < out.rank(); ++d) {
      const std::string stride = fmt::format("source_stride{}", d);
      add_number(source, launch, stride, given.strides[d]);
      at += fmt::format("{}{} * (Index)p.{}", d ? " + " : "",
                        d == dim ? std::string("j") : fmt::format("x{}", d), stride);
    }
    source.member(fmt::format(
        "  static FN Index line(CONSTANT const Params& p, Index i) {{\n"
        "    (void)p;\n    (void)i;\n    return 0;\n  }}\n"
        "  static FN i64 wanted(CONSTANT const Params& p, Index i) {{\n{0}    return x{1};\n  }}\n"
        "  static FN Index source_at(CONSTANT const Params& p, Index i, Index line, Index j) {{\n"
        "{0}    (void)line;\n    return {2};\n  }}\n",
        names, dim, at));
  };
  return lower(step, driver, put);
}

// The index tensors' element j names the place in the dimensions `dims`; the others are the same in
// x and the values, where the index tensors' dimensions stand at `position`.
std::unique_ptr<Kernel> lower_index_put(const StepDesc& step, Driver& driver) {
  const auto& a = step.as<IndexAttrs>();
  const DType t = step.outputs[0].dtype;
  const Shape &out = step.outputs[0].shape, &list = step.inputs[1].shape;
  const TensorDesc& values = step.inputs.back();
  const int first = static_cast<int>(a.position);
  Put put;
  put.base = 0;
  put.source = step.inputs.size() - 1;
  put.as_bits = !a.accumulate;
  put.fold = a.accumulate ? sum_fold(t) : fmt::format("Last<{}>", bits_name(t));
  put.lines = 1;
  put.length = list.numel();
  for (int k = 0; k < a.dims.rank(); ++k) {
    const auto dim = static_cast<int>(a.dims[k]);
    put.indices.push_back(static_cast<std::size_t>(k + 1));
    put.dims.push_back(dim);
    put.checks.push_back(range_check(static_cast<std::size_t>(k + 1), -out[dim], out[dim]));
  }
  const auto named_size = [&](int k) { return out[static_cast<int>(a.dims[k])]; };
  put.add_key = [&](SourceBuilder& source, Launch& launch) {
    std::string sum = "    i64 at = 0, x = 0;\n";
    for (int k = 0; k < a.dims.rank(); ++k) {
      const std::string size = fmt::format("named_size{}", k), name = fmt::format("index{}", k);
      add_number(source, launch, size, named_size(k));
      Walk walk;
      const TensorDesc& index = step.inputs[static_cast<std::size_t>(k + 1)];
      for (int d = 0; d < list.rank(); ++d) walk.push(list[d], index.strides[d]);
      add_walk(source, launch, name + "_at", walk.sizes, walk.strides);
      sum += fmt::format(
          "    x = b.{0}[{0}_at(p, j)];\n    at = at * p.{1} + (x < 0 ? x + p.{1} : x);\n", name,
          size);
    }
    source.member(std::string(kKey) + sum + "    (void)line;\n    return at;\n  }\n");
  };
  put.add_places = [&](SourceBuilder& source, Launch& launch) {
    const std::string names = coordinates(source, launch, out, "out");
    std::string wanted = "    i64 at = 0;\n", from = "list_at(p, j)";
    for (int k = 0; k < a.dims.rank(); ++k)
      wanted += fmt::format("    at = at * p.named_size{} + x{};\n", k, a.dims[k]);
    Walk walk;
    for (int d = 0; d < list.rank(); ++d) walk.push(list[d], values.strides[first + d]);
    add_walk(source, launch, "list_at", walk.sizes, walk.strides);
    int kept = 0;
    for (int d = 0; d < out.rank(); ++d) {
      if (a.dims.contains(d)) continue;
      const std::string stride = fmt::format("values_stride{}", d);
      add_number(source, launch, stride, values.strides[kept < first ? kept : kept + list.rank()]);
      from += fmt::format(" + x{} * (Index)p.{}", d, stride);
      ++kept;
    }
    source.member(fmt::format(
        "  static FN Index line(CONSTANT const Params& p, Index i) {{\n"
        "    (void)p;\n    (void)i;\n    return 0;\n  }}\n"
        "  static FN i64 wanted(CONSTANT const Params& p, Index i) {{\n{0}{1}    return at;\n  }}\n"
        "  static FN Index source_at(CONSTANT const Params& p, Index i, Index line, Index j) {{\n"
        "{0}    (void)line;\n    return {2};\n  }}\n",
        names, wanted, from));
  };
  return lower(step, driver, put);
}

bool is_number(const StepDesc& step) { return step.outputs[0].dtype != DType::Bool; }

}  // namespace

void register_put(Table& table) {
  table.add("scatter", {lower_scatter});
  table.add("scatter_add", {lower_scatter_add});
  table.add("scatter_prod", {lower_scatter_prod, is_number});
  table.add("scatter_amax", {lower_scatter_extreme<true>, is_number});
  table.add("scatter_amin", {lower_scatter_extreme<false>, is_number});
  table.add("index_add", {lower_index_add});
  table.add("index_put", {lower_index_put});
}

}  // namespace ingot::gpu
