// A pass over sentences without training.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <ingot/core/device.h>
#include <ingot/glue/fine_tune.h>
#include <ingot/glue/sentences.h>
#include <ingot/models/sequence_classifier.h>

#include "glue/tokens.h"

namespace ingot::glue {

/// Sentences with their tokens.
struct Part {
  Sentences sentences;
  Tokens tokens;
};

/// What every pass needs.
struct Setting {
  const Arguments& arguments;
  const SentenceTask& task;
  const models::SequenceClassifier& model;
  Device device;
  Padding padding;
  const Output& output;

  /// Logits for some rows of a part, on the device.
  Tensor logits(const Tokens& tokens, std::span<const std::int64_t> rows) const;
  /// The mean loss of these rows; undefined logits are computed.
  Tensor loss(const Tensor& logits, const Sentences& sentences,
              std::span<const std::int64_t> rows) const;
  void line(const std::string& text) const {
    if (output.line) output.line(text);
  }
  bool asked_to_stop() const { return output.stop && output.stop(); }
  void progress(std::string_view phase, std::int64_t done, std::int64_t of) const {
    if (output.progress) output.progress(phase, done, of);
  }
};

/// Outputs of the model, num_outputs() for each sentence, in their order; `metrics` has the loss
/// (where there are labels), the task's metrics, runtime, samples_per_second and steps_per_second.
/// Both are empty when Output::stop ended it.
struct Evaluation {
  std::vector<float> outputs = {};
  std::map<std::string, double> metrics = {};
  bool stopped = false;
};
/// Throws train::DivergedError when an output or the loss is not finite.
Evaluation evaluate(const Setting& setting, const Part& part, std::string_view phase);

}  // namespace ingot::glue
