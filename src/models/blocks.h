// Parts that several models share.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include <ingot/nn/containers.h>
#include <ingot/nn/conv.h>
#include <ingot/nn/norm.h>

namespace ingot::models {

struct ConvNormOptions {
  std::int64_t kernel = 3;  ///< odd; the image keeps its size, but for the stride
  std::int64_t stride = 1;
  std::int64_t groups = 1;
};

/// A convolution without bias, batch-norm and, unless it is void, an Activation: "0", "1", "2".
template <class Activation>
std::unique_ptr<nn::Sequential> conv_norm(std::int64_t in, std::int64_t out,
                                          const ConvNormOptions& options = {}) {
  auto made = std::make_unique<nn::Sequential>();
  made->add<nn::Conv2d>(in, out, options.kernel,
                        nn::Conv2dOptions{.stride = options.stride,
                                          .padding = (options.kernel - 1) / 2,
                                          .groups = options.groups,
                                          .bias = false});
  made->add<nn::BatchNorm2d>(out);
  if constexpr (!std::is_void_v<Activation>) made->template add<Activation>();
  return made;
}

}  // namespace ingot::models
