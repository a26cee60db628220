// Fine-tuning a BERT to tell whether two sentences say the same.
//
//   glue                        trains a tiny BERT from nothing on a few sentences of its own, in
//                               the folder glue-example
//   glue MODEL DATA OUTPUT      fine-tunes the BERT, RoBERTa or DistilBERT in the folder MODEL on
//   the
//                               MRPC task, whose tsv files are in DATA: for example
//                               glue all-MiniLM-L6-v2 MRPC out
//
// `ingot glue` does the same with the flags of transformers' run_glue.py.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include <ingot/ingot.h>

namespace fs = std::filesystem;
namespace glue = ingot::glue;
namespace models = ingot::models;

namespace {

const char* const kWords[] = {"[PAD]", "[UNK]", "[CLS]",  "[SEP]", "[MASK]", "the",   "a", "cat",
                              "dog",   "bird",  "sleeps", "runs",  "sings",  "never", "."};

/// A folder with a model that nobody has trained, and its vocabulary.
void make_model(const fs::path& folder) {
  models::BertConfig config;
  config.vocab_size = std::size(kWords);
  config.hidden_size = 32;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.intermediate_size = 64;
  config.max_position_embeddings = 32;
  config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0;
  models::save_pretrained(models::BertModel(config), folder);
  std::ofstream vocabulary(folder / "vocab.txt");
  for (const char* word : kWords) vocabulary << word << "\n";
}

/// Pairs in the form of MRPC's files: 1 where the second sentence does not deny the first.
void make_data(const fs::path& file, int rows) {
  const std::string animals[] = {"cat", "dog", "bird"}, verbs[] = {"sleeps", "runs", "sings"};
  std::ofstream out(file);
  out << "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";
  for (int i = 0; i < rows; ++i) {
    const bool same = i % 2 == 0;
    const std::string &animal = animals[i % 3], &verb = verbs[i / 3 % 3];
    out << same << "\t" << 2 * i << "\t" << 2 * i + 1 << "\tThe " << animal << " " << verb
        << " .\tA " << animal << (same ? " " : " never ") << verb << " .\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    ingot::manual_seed(0);
    const bool own = argc != 4;
    const fs::path root = "glue-example";
    glue::Arguments arguments;
    arguments.model.model_name_or_path = own ? (root / "tiny-bert").string() : argv[1];
    arguments.data.task_name = "mrpc";
    arguments.data.data_dir = own ? (root / "data").string() : argv[2];
    arguments.data.pad_to_max_length = false;
    auto& training = arguments.training;
    training.output_dir = own ? (root / "out").string() : argv[3];
    training.do_train = training.do_eval = training.overwrite_output_dir = true;
    training.per_device_train_batch_size = 32;
    if (own) {
      make_model(root / "tiny-bert");
      fs::create_directories(root / "data");
      make_data(root / "data/train.tsv", 96);
      make_data(root / "data/dev.tsv", 24);
      arguments.data.max_seq_length = 32;
      training.learning_rate = 5e-3;
      training.num_train_epochs = 20;
      training.logging_steps = 20;
      training.save_strategy = "no";
    }
    const auto results = glue::fine_tune(
        arguments, {.line = [](const std::string& line) { std::cout << line << "\n"; },
                    .progress = {},
                    .stop = {}});
    std::printf("accuracy %.3f, F1 %.3f\n", results.eval.at("eval_accuracy"),
                results.eval.at("eval_f1"));

    const glue::SentencePredictor predictor(training.output_dir);
    const auto answer = predictor.predict("The cat sleeps .", "A cat never sleeps .");
    std::printf("%s (%.3f)\n", answer.label.c_str(), answer.score);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
