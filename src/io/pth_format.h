// Which format a file of weights has, by its first bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ingot::io {

class InputFile;

enum class WeightsFormat {
  Safetensors,
  PthZip,     ///< torch.save since 1.6
  PthStream,  ///< torch.save before
  Tar,        ///< torch.save before 0.2
  Unknown,
};

inline constexpr std::size_t kWeightsFormatNbytes = 262;

/// `beginning` holds the file's first kWeightsFormatNbytes bytes, or all there are.
WeightsFormat weights_format(std::span<const std::byte> beginning);
WeightsFormat weights_format(const InputFile& file);

/// Throws IoError that says what to do with a tar archive.
[[noreturn]] void fail_tar(std::string_view file);

}  // namespace ingot::io
