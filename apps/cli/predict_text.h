// ingot predict for folders that hold a model of sentences.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/output.h"

namespace ingot::cli {

struct PredictTextOptions {
  std::string folder;
  std::optional<std::string> text, pair;
  std::vector<std::string> files;  ///< csv and json files of sentences, in place of `text`
  std::int64_t top = 5;
  std::string device = "best";
  std::string json, csv;
};

/// What the model in `folder` says of a sentence, of two, or of each row of files. Returns the exit
/// code. Throws UsageError unless there is either a text or a file; IoError for files.
int predict_text(const PredictTextOptions& options);

}  // namespace ingot::cli
