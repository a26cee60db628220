// ingot predict for folders that hold a model of sentences.
#pragma once

#include <string>
#include <vector>

#include "cli/output.h"

namespace ingot::cli {

/// What the model in `folder` says of a sentence, or of two. Throws UsageError unless there are one
/// or two.
int predict_text(const std::string& folder, const std::vector<std::string>& sentences,
                 const std::string& device, const JsonOutput& json, const Console& console);

}  // namespace ingot::cli
