// A model that classifies texts, of whichever family a folder's config.json names: BERT, RoBERTa or
// DistilBERT.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <ingot/models/bert.h>
#include <ingot/nn/module.h>

namespace ingot::models {

struct SequenceClassifier {
  std::unique_ptr<nn::Module> module;  ///< a …ForSequenceClassification
  /// Ids [N, T] and what goes with them give logits [N, num_labels].
  std::function<Tensor(const Tensor& ids, const BertInputs& inputs)> logits;
  std::int64_t vocab_size = 0;
  std::int64_t max_length = 0;        ///< tokens that have a position
  std::int64_t num_embeddings = 0;    ///< elements of embeddings, which are looked up, not computed
  std::vector<std::string> drawn;     ///< "classifier.weight: …": parameters that the file lacks
  std::vector<std::string> left_out;  ///< keys of the file that the model lacks
};

/// The model in `folder`, with a head for `num_labels`; its config.json from `config_folder` unless
/// that is empty. A head that the file lacks is drawn, and so is a pooler; so is a head of another
/// size with `ignore_mismatched_sizes`, else that is a ValueError. Throws IoError as BertModel's
/// from_pretrained, and ValueError, naming the folder, for weights of another model.
SequenceClassifier load_sequence_classifier(const std::filesystem::path& folder,
                                            std::int64_t num_labels,
                                            bool ignore_mismatched_sizes = false,
                                            const std::filesystem::path& config_folder = {});

/// The names of the labels that a config.json tells, by number; empty where it tells none.
/// `problem_type` is what it says of them: "regression" or "", for example.
struct LabelNames {
  std::vector<std::string> names;
  std::string problem_type;
};
LabelNames label_names(const std::filesystem::path& folder);

}  // namespace ingot::models
