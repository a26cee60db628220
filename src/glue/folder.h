// What a fine-tuned model's folder holds beside the weights.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <ingot/glue/arguments.h>
#include <ingot/glue/sentences.h>
#include <ingot/text/tokenizer.h>

namespace ingot::glue {

/// Writes tokenizer.json, the vocabulary, tokenizer_config.json and special_tokens_map.json: the
/// last two as they are in `source`, where there are such.
void save_tokenizer(const text::Tokenizer& tokenizer, const std::filesystem::path& source,
                    const std::filesystem::path& folder);

/// Fields for config.json: id2label, label2id, finetuning_task, problem_type.
std::string config_fields(const SentenceTask& task);

/// README.md: what the model is, how it was trained and how good it is. `history` is the log of
/// trainer_state.json.
std::string model_card(const Arguments& arguments, const SentenceTask& task,
                       const std::map<std::string, double>& evaluation, const std::string& state);

/// Adds metrics to all_results.json, whatever earlier runs left there, and writes those of one part
/// to PART_results.json.
void save_metrics(const std::filesystem::path& folder, const std::string& part,
                  const std::map<std::string, double>& metrics);

}  // namespace ingot::glue
