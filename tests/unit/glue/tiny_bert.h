// A BERT of a few thousand parameters and sentences that it can learn from.
#pragma once

#include <ingot/core/generator.h>
#include <ingot/models/bert.h>

#include <string>

#include "support/scratch_folder.h"

namespace ingot::glue {

inline const char* const kWords =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\na\ncat\ndog\nbird\nsleeps\nruns\nsings\nred\nold\n."
    "\n##s\n";

/// Writes config.json, weights and vocab.txt into folder/bert.
inline std::string tiny_bert(const testing::ScratchFolder& folder) {
  models::BertConfig config;
  config.vocab_size = 17;
  config.hidden_size = 16;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  config.intermediate_size = 24;
  config.max_position_embeddings = 20;
  manual_seed(1);
  const models::BertModel model(config);
  models::save_pretrained(model, folder / "bert");
  folder.write("bert/vocab.txt", kWords);
  return (folder / "bert").string();
}

/// `rows` lines of MRPC's form: the sentences say the same where the label is 1.
inline std::string mrpc(int rows, bool test = false) {
  const char* const subjects[] = {"the cat", "a dog", "the old bird", "a red cat"};
  const char* const verbs[] = {"sleeps", "runs", "sings"};
  std::string text =
      std::string(test ? "index" : "Quality") + "\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
  for (int i = 0; i < rows; ++i) {
    const bool same = i % 3 != 0;
    const std::string subject = subjects[i % 4];
    text += std::to_string(test   ? i
                           : same ? 1
                                  : 0) +
            "\t1\t2\t" + subject + " " + verbs[i % 3] + " .\t" +
            (same ? subject : subjects[(i + 1) % 4]) + " " + verbs[same ? i % 3 : (i + 1) % 3] +
            "\n";
  }
  return text;
}

}  // namespace ingot::glue
