// --pretrained: weights of a model out of a folder of files, such as the one into which torchvision
// puts what it fetches. Nothing is downloaded.
#pragma once

#include <string>

namespace ingot::cli {

/// The folder that is looked into: `folder`, or where that is "-" INGOT_WEIGHTS, or else
/// torchvision's
/// ($TORCH_HOME or ~/.cache/torch)/hub/checkpoints.
std::string pretrained_folder(const std::string& folder);
/// The file of that model's weights there: MODEL.safetensors, MODEL.pth, MODEL-….pth and the like.
/// Throws IoError that names the folder and the file that is wanted, or those among which it is not
/// clear which one is meant.
std::string find_pretrained(const std::string& folder, const std::string& model);

}  // namespace ingot::cli
