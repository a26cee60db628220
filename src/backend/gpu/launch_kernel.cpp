#include "backend/gpu/launch_kernel.h"

#include <fmt/format.h>

#include <bit>

#include "core/convert.h"

namespace ingot::gpu {

void LaunchKernel::run(const KernelArgs& args) const {
  std::vector<Argument> arguments;
  std::vector<std::uint64_t> words;
  for (const Launch& launch : launches_) {
    arguments.clear();
    for (const Launch::Operand& o : launch.operands) {
      void* start = o.number < num_inputs_                  ? args.inputs[o.number]
                    : o.number < num_inputs_ + num_outputs_ ? args.outputs[o.number - num_inputs_]
                                                            : args.workspace;
      arguments.push_back({static_cast<std::byte*>(start) + o.offset, o.nbytes});
    }
    words = launch.words;
    for (const Launch::SlotWord& s : launch.slot_words) words[s.word] = s.encode(args.slots);
    launch.pipeline->launch(launch.grid, arguments, words);
    if (launch.verdict) launch.verdict(static_cast<const std::byte*>(args.workspace));
  }
}

std::string LaunchKernel::describe() const {
  std::string text;
  for (const Launch& launch : launches_) text += (text.empty() ? "gpu " : " + ") + launch.what;
  return text.empty() ? "gpu nothing" : text;
}

std::uint64_t encode_slot(const Scalar& s, DType t) {
  return visit_dtype(t, [&]<class T>(T) -> std::uint64_t {
    const T value = convert_scalar<T>(s);
    if constexpr (std::is_same_v<T, double>)
      return std::bit_cast<std::uint64_t>(value);
    else if constexpr (std::is_integral_v<T>)
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    else
      return std::bit_cast<std::uint32_t>(static_cast<float>(value));
  });
}

}  // namespace ingot::gpu
