// Memory orders: of tensors seen under another shape, and of images.
//
// An image tensor [N, C, H, W] lies row-major or channels-last (N, H, W, C). A dimension of one
// entry has no place in an order, so images of one channel or of one pixel lie both ways at once,
// and there are two questions to ask:
//   is_channels_last    it is channels-last and not row-major: what a step's other images follow
//   fits_channels_last  a kernel that walks N, H, W, C may work on it
#pragma once

#include <cstddef>

#include "backend/step.h"

namespace ingot {

/// Strides of `shape` (rank 4, NCHW) whose memory order is N, H, W, C.
Dims channels_last_strides(const Shape& shape);

/// Rank 4, more than one channel, exactly channels_last_strides, and not row-major.
bool is_channels_last(const TensorDesc& t);
/// Rank 4, and every dimension of more than one entry has its stride of channels_last_strides.
bool fits_channels_last(const TensorDesc& t);

/// Strides agree with those wanted wherever a dimension has more than one entry.
bool same_order(const TensorDesc& wanted, const Dims& actual);
/// Strides of `from` seen as the larger shape `to`: 0 where it is repeated.
Dims broadcast_strides(const Shape& from, const Dims& strides, const Shape& to);

// -- For choose_layouts ---------------------------------------------------------------------------

void make_row_major(TensorDesc& t);
/// Row-major where both orders are the same: with one channel.
void make_channels_last(TensorDesc& t);
/// All of a step's images become channels-last if input `lead` is_channels_last, else row-major.
/// What is no image (not of rank 4) becomes row-major.
void follow_input(StepDesc& step, std::size_t lead);
inline void follow_first_input(StepDesc& step) { follow_input(step, 0); }
/// For kernels that read inputs of any strides: outputs of rank 4 become channels-last if the first
/// input is_channels_last; else they stay row-major.
void keep_channels_last(StepDesc& step);

}  // namespace ingot
