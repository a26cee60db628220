#include "backend/gpu/gpu_backend.h"

#include <fmt/format.h>

#include <algorithm>

#include <ingot/core/error.h>

#include "backend/gpu/program_source.h"

namespace ingot::gpu {
namespace {

bool is_elementwise(const StepDesc& step) {
  return step.program ||
         (step.op && (step.op->traits.scalar != ScalarOp::None || step.op->name == "full"));
}

}  // namespace

GpuBackend::GpuBackend(std::unique_ptr<Driver> driver) : driver_(std::move(driver)) {
  register_creation(table_);
  register_copy(table_);
  register_random(table_);
  register_reduce(table_);
  register_matmul(table_);
  register_conv(table_);
  register_pool(table_);
  register_lookup(table_);
  register_sort(table_);
  register_put(table_);
  register_dynamic(table_);
  register_resample(table_);
  register_norm(table_);
  register_update(table_);
  register_loss(table_);
  // Metal's: 31 buffers, one of them the parameters.
  limits_.max_operands = 30;
  limits_.max_parameters_nbytes = 4096;
  limits_.threadgroup_nbytes = 32768;
  limits_.may_alias = false;
  limits_.has_float64 = driver_->has_float64();
}

bool GpuBackend::has_dtypes(const StepDesc& step) const {
  const auto is_there = [&](const TensorDesc& t) {
    return t.dtype != DType::Float64 || driver_->has_float64();
  };
  return std::all_of(step.inputs.begin(), step.inputs.end(), is_there) &&
         std::all_of(step.outputs.begin(), step.outputs.end(), is_there);
}

const Entry* GpuBackend::find(const StepDesc& step) const {
  const Entry* entry = step.op ? table_.find(step.op->name) : nullptr;
  if (!entry || !has_dtypes(step) || (entry->takes && !entry->takes(step))) return nullptr;
  const bool needs_float64 = entry->counts_in_float64 && entry->counts_in_float64(step);
  return needs_float64 && !driver_->has_float64() ? nullptr : entry;
}

bool GpuBackend::supports(const StepDesc& step) const {
  return is_elementwise(step) ? has_dtypes(step) : find(step) != nullptr;
}

// Kernels read inputs of any strides. A program's outputs take the memory order of its first
// full-sized input that has another than row-major; all others are row-major.
void GpuBackend::choose_layouts(StepDesc& step) const {
  if (!is_elementwise(step)) return;
  for (const TensorDesc& in : step.inputs) {
    if (in.shape != step.outputs[0].shape || in.is_contiguous() || !in.is_dense()) continue;
    for (TensorDesc& out : step.outputs) out.strides = in.strides;
    return;
  }
}

std::unique_ptr<Kernel> GpuBackend::lower(const StepDesc& step) const {
  if (step.program && can_write(*step.program, driver_->has_float64()))
    return lower_program(step, *driver_);
  if (!step.program)
    if (const Entry* entry = find(step)) return entry->lower(step, *driver_);
  throw DTypeError(fmt::format("{}: {} has no kernel for it{}{}", step.op ? step.op->name : "step",
                               name(), step.inputs.empty() ? "" : " on ",
                               step.inputs.empty() ? "" : ingot::name(step.inputs[0].dtype)));
}

}  // namespace ingot::gpu
