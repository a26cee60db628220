#include "backend/gpu/source.h"

#include <fmt/format.h>

#include <ingot/core/error.h>

#include "backend/gpu/text.h"

namespace ingot::gpu {

std::string_view type_name(DType t) {
  static constexpr std::string_view kNames[kNumDTypes] = {"bool", "u8",  "i8",   "i16", "i32",
                                                          "i64",  "f16", "bf16", "f32", "f64"};
  return kNames[static_cast<int>(t)];
}

std::string bits_name(DType t) { return fmt::format("u{}", 8 * nbytes_of(t)); }

std::string_view work_name(DType t) {
  return t == DType::Float64 ? "f64" : is_floating(t) ? "f32" : "i64";
}

void SourceBuilder::parameter(std::string_view type, const std::string& field) {
  parameters_.push_back({std::string(type), field});
  if (type == "f32") parameters_.push_back({"u32", field + "_rest"});
}

void SourceBuilder::buffer(std::string_view type, const std::string& field, bool is_const) {
  buffers_.push_back({std::string(type), field, is_const});
}

void SourceBuilder::use(std::string_view family) {
  use_text(fmt::format("{}.h", family), std::string(text_of(family)));
}

KernelSource SourceBuilder::finish(std::string_view dialect) const {
  // The size of a group is part of a pipeline, and pipelines are known by their texts.
  std::string text = fmt::format("// {} threads a group\ntypedef {} Index;\nstruct Params {{\n",
                                 threads_, index_64_ ? "i64" : "i32");
  for (const Field& f : parameters_) text += fmt::format("  {} {};\n", f.type, f.name);
  text += "};\n" + prologue_;
  for (const Text& family : families_)
    text += fmt::format("#line 1 \"{}\"\n{}", family.file, family.text);
  text += fmt::format(
      "#line 1 \"{} (generated)\"\nstruct G {{\n  typedef ::Params Params;\n  struct Buffers {{\n",
      name_);
  for (const Field& f : buffers_)
    text += fmt::format("    GLOBAL {}{}* {};\n", f.is_const ? "const " : "", f.type, f.name);
  text += "  };\n" + members_ + "};\n" + entry(dialect);

  KernelSource source;
  source.name = name_;
  source.text = std::move(text);
  source.threads = threads_;
  source.synchronises = shares_;
  source.num_buffers = static_cast<std::uint32_t>(buffers_.size());
  std::size_t half_words = 0;
  for (const Field& f : parameters_) half_words += f.type == "f32" || f.type == "u32" ? 1 : 2;
  source.parameters_nbytes = half_words * 4;
  return source;
}

std::string SourceBuilder::entry(std::string_view dialect) const {
  if (dialect == "host") return host_entry();
  if (dialect == "cuda") return cuda_entry();
  if (dialect == "metal") return metal_entry();
  throw InternalError(fmt::format("kernels have no entry point in the dialect {}", dialect));
}

// "device const f32* b0 [[buffer(0)]], " and so on.
std::string SourceBuilder::pointers(std::string_view space, bool with_numbers) const {
  std::string text;
  for (std::size_t i = 0; i < buffers_.size(); ++i)
    text += fmt::format("{}{}{}* b{}{}, ", space, buffers_[i].is_const ? "const " : "",
                        buffers_[i].type, i, with_numbers ? fmt::format(" [[buffer({})]]", i) : "");
  return text;
}

std::string SourceBuilder::call(std::string_view context) const {
  std::string names;
  for (std::size_t i = 0; i < buffers_.size(); ++i) names += fmt::format("{}b{}", i ? ", " : "", i);
  return fmt::format("  {}<G>({}, G::Buffers{{{}}}, p{});\n}}\n", name_, context, names,
                     shares_ ? ", s" : "");
}

std::string SourceBuilder::cuda_entry() const {
  return fmt::format(
      "extern \"C\" __global__ void __launch_bounds__({}) ingot_kernel({}const Params p) {{\n{}{}",
      threads_, pointers("", false), shares_ ? "  __shared__ G::Shared s;\n" : "",
      call("cuda_ctx()"));
}

std::string SourceBuilder::metal_entry() const {
  const std::string limit =
      shares_ ? "static_assert(sizeof(G::Shared) <= 32768, \"threadgroup memory\");\n" : "";
  return fmt::format(
      "static_assert(sizeof(Params) <= 4096, \"parameters\");\n{}"
      "[[max_total_threads_per_threadgroup({})]] kernel void ingot_kernel({}"
      "constant Params& p [[buffer({})]],\n"
      "    uint3 tid [[thread_position_in_threadgroup]], uint3 nthreads "
      "[[threads_per_threadgroup]],\n"
      "    uint3 g [[threadgroup_position_in_grid]], uint3 ng [[threadgroups_per_grid]],\n"
      "    uint lane [[thread_index_in_simdgroup]], uint warp "
      "[[simdgroup_index_in_threadgroup]]) {{\n{}{}",
      limit, threads_, pointers("device ", true), buffers_.size(),
      shares_ ? "  threadgroup G::Shared s;\n" : "",
      call("Ctx{tid.x, nthreads.x, g.x, g.y, g.z, ng.x, ng.y, ng.z, lane, warp}"));
}

std::string SourceBuilder::host_entry() const {
  std::string casts;
  for (std::size_t i = 0; i < buffers_.size(); ++i)
    casts += fmt::format("{}({}{}*)buffers[{}]", i ? ", " : "",
                         buffers_[i].is_const ? "const " : "", buffers_[i].type, i);
  return fmt::format(
      "HOST_EXPORT const u64 ingot_kernel_shared_nbytes;\n"
      "const u64 ingot_kernel_shared_nbytes = {};\n"
      "HOST_EXPORT void ingot_kernel(const Ctx* k, void* const* buffers, const void* parameters, "
      "void* shared) {{\n"
      "  (void)shared;\n"
      "  {}<G>(*k, G::Buffers{{{}}}, *(const Params*)parameters{});\n}}\n",
      shares_ ? "sizeof(G::Shared)" : "0", name_, casts, shares_ ? ", *(G::Shared*)shared" : "");
}

}  // namespace ingot::gpu
