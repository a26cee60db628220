// BERT from a folder that Hugging Face's libraries wrote.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/atomic_file.h>
#include <ingot/io/pth.h>
#include <ingot/io/safetensors.h>
#include <ingot/models/bert.h>
#include <ingot/models/sequence_classifier.h>
#include <ingot/nn/pretrained.h>

#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "core/printable.h"
#include "io/input_file.h"
#include "text/json_tree.h"
#include "text/read_tokenizer.h"

namespace ingot::models {
namespace {

namespace fs = std::filesystem;

BertConfig config_of(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  const io::InputFile file(path);
  constexpr std::uint64_t kMost = std::uint64_t{1} << 24;
  if (file.nbytes() > kMost) throw IoError(fmt::format("{}: is no config.json", file.name()));
  std::string text(static_cast<std::size_t>(file.nbytes()), '\0');
  file.read(0, text.data(), text.size());
  return BertConfig::from_json(text, file.name());
}

/// Weights in several files, of which `index` tells which tensor is where.
StateDict load_shards(const fs::path& index) {
  const text::JsonTree tree(text::read_text_file(index), index.string());
  StateDict out;
  std::map<std::string, StateDict> files;
  for (const text::JsonValue& item : tree.object(tree.at(tree.root(), "weight_map")).items) {
    const std::string& file = tree.string(item);
    // A name in a file must not lead out of its folder.
    if (file.empty() || fs::path(file).filename() != file)
      tree.fail(item, "is no name of a file beside this one");
    auto found = files.find(file);
    if (found == files.end()) found = files.emplace(file, load(index.parent_path() / file)).first;
    const auto tensor = found->second.find(item.key);
    if (tensor == found->second.end())
      tree.fail(item, fmt::format("{} has no '{}'", printable(file), printable(item.key)));
    out.insert(item.key, tensor->second);
  }
  return out;
}

StateDict weights_of(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "pytorch_model.bin"}) {
    if (fs::exists(folder / name)) return load(folder / name);
    const fs::path index = folder / (std::string(name) + ".index.json");
    if (fs::exists(index)) return load_shards(index);
  }
  throw IoError(fmt::format("{}: no weights here: neither model.safetensors nor pytorch_model.bin",
                            folder.string()));
}

/// Names of the first BERT's layers of normalization.
std::string modern(std::string key) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kOld{
      {{".gamma", ".weight"}, {".beta", ".bias"}}};
  for (const auto& [from, to] : kOld)
    if (key.ends_with(from)) key.replace(key.size() - from.size(), from.size(), to);
  return key;
}

/// The model's part of a file, with `prefix` before its keys, and the head's.
StateDict renamed(const StateDict& weights, std::string_view prefix, std::string_view head,
                  bool pooler) {
  StateDict out;
  for (const auto& [name, tensor] : weights) {
    std::string key = modern(name);
    if (!head.empty() && key.starts_with(head)) {
      out.insert(key, tensor);
      continue;
    }
    if (key.starts_with("bert.")) key.erase(0, 5);
    const bool model = key.starts_with("embeddings.") || key.starts_with("encoder.") ||
                       (pooler && key.starts_with("pooler."));
    // A list of 0, 1, 2, … that old files hold.
    if (model && !key.ends_with("position_ids")) out.insert(std::string(prefix) + key, tensor);
  }
  return out;
}

template <class Model>
std::unique_ptr<Model> with_head(const fs::path& folder, std::int64_t num_labels, bool pooler) {
  auto model = std::make_unique<Model>(num_labels, config_of(folder));
  nn::load_pretrained(*model, renamed(weights_of(folder), "bert.", "classifier.", pooler),
                      "classifier");
  return model;
}

/// What config.json tells beside the sizes: the class, and names of labels where they are not as
/// many as the file that the model came from had.
struct Saved {
  BertConfig config;
  std::string architecture;
  std::int64_t num_labels = 0;
};

Saved saved(const nn::Module& model) {
  if (const auto* m = dynamic_cast<const BertForSequenceClassification*>(&model))
    return {m->bert.config(), "BertForSequenceClassification", m->classifier.out_features()};
  if (const auto* m = dynamic_cast<const BertForTokenClassification*>(&model))
    return {m->bert.config(), "BertForTokenClassification", m->classifier.out_features()};
  if (const auto* m = dynamic_cast<const BertForMaskedLM*>(&model))
    return {m->bert.config(), "BertForMaskedLM"};
  if (const auto* m = dynamic_cast<const BertModel*>(&model)) return {m->config(), "BertModel"};
  throw ValueError("save_pretrained: the model is no BERT");
}

std::string config_json(const Saved& from, std::string_view fields, DType dtype) {
  using Json = nlohmann::ordered_json;
  Json file = Json::parse(from.config.to_json());
  const Json more = Json::parse(fields, nullptr, false);
  if (!more.is_object()) throw ValueError("save_pretrained: fields is no JSON object");
  for (const auto& [key, value] : more.items()) file[key] = value;
  file["architectures"] = Json::array({from.architecture});
  // Of the weights beside it, not of those that the model came from.
  for (const char* key : {"dtype", "torch_dtype"})
    if (file.contains(key)) file[key] = name(dtype);
  const auto count = static_cast<std::size_t>(from.num_labels);
  if (count > 0 && (!file.contains("id2label") || file["id2label"].size() != count)) {
    Json names = Json::object(), ids = Json::object();
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = fmt::format("LABEL_{}", i);
      names[std::to_string(i)] = name;
      ids[name] = i;
    }
    file["id2label"] = names;
    file["label2id"] = ids;
  }
  return file.dump(2) + "\n";
}

}  // namespace

void save_pretrained(const nn::Module& model, const fs::path& folder, std::string_view fields) {
  const auto parameters = model.parameters();
  const std::string config = config_json(
      saved(model), fields, parameters.empty() ? DType::Float32 : parameters.front().dtype());
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw IoError(fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
  // The weights first: a config without them would look like a model.
  save(model.state_dict(), folder / "model.safetensors", {{"format", "pt"}});
  io::AtomicFile file(folder / "config.json");
  file.write(config);
  file.commit();
}

std::unique_ptr<BertModel> BertModel::from_pretrained(const fs::path& folder) {
  auto model = std::make_unique<BertModel>(config_of(folder));
  model->load_state_dict(renamed(weights_of(folder), "", "", true));
  return model;
}

std::unique_ptr<BertForSequenceClassification> BertForSequenceClassification::from_pretrained(
    const fs::path& folder, std::int64_t num_labels) {
  return with_head<BertForSequenceClassification>(folder, num_labels, true);
}

std::unique_ptr<BertForTokenClassification> BertForTokenClassification::from_pretrained(
    const fs::path& folder, std::int64_t num_labels) {
  return with_head<BertForTokenClassification>(folder, num_labels, false);
}

SequenceClassifier load_sequence_classifier(const fs::path& folder, std::int64_t num_labels,
                                            bool ignore_mismatched_sizes,
                                            const fs::path& config_folder) {
  SequenceClassifier out;
  auto model = std::make_unique<BertForSequenceClassification>(
      num_labels, config_of(config_folder.empty() ? folder : config_folder));
  const StateDict file = weights_of(folder);
  StateDict weights = renamed(file, "bert.", "classifier.", true);
  // Models that were trained to guess words have no pooler: the one that was drawn stays.
  std::vector<std::string> pooler;
  for (const auto& [key, tensor] : model->state_dict().snapshot())
    if (key.starts_with("bert.pooler.") && !weights.contains(key)) {
      weights.insert(key, tensor);
      pooler.push_back(key + ": not in the file");
    }
  try {
    out.drawn = nn::load_pretrained(*model, weights, "classifier").skipped;
  } catch (const ValueError& error) {
    throw ValueError(fmt::format("{}: {}", folder.string(), error.what()));
  }
  out.drawn.insert(out.drawn.begin(), pooler.begin(), pooler.end());
  for (const std::string& key : out.drawn)
    if (!ignore_mismatched_sizes && key.find(" in the file, ") != std::string::npos)
      throw ValueError(fmt::format("{}: {}; --ignore_mismatched_sizes draws the head anew",
                                   folder.string(), key));
  for (const auto& [key, tensor] : file) {
    const std::string name = modern(key);
    const bool here = weights.contains(name) || weights.contains("bert." + name);
    if (!here) out.left_out.push_back(key);
  }
  const BertConfig& config = model->bert.config();
  out.vocab_size = config.vocab_size;
  out.max_length = config.max_position_embeddings;
  out.num_embeddings = model->bert.embeddings.num_parameters();
  out.logits = [model = model.get()](const Tensor& ids, const BertInputs& inputs) {
    return (*model)(ids, inputs);
  };
  out.module = std::move(model);
  return out;
}

LabelNames label_names(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  const text::JsonTree tree(text::read_text_file(path), path.string());
  LabelNames out;
  out.problem_type = tree.string_or(tree.root(), "problem_type", "");
  const text::JsonValue* names = tree.find(tree.root(), "id2label");
  if (names == nullptr) return out;
  const auto& items = tree.object(*names).items;
  out.names.resize(items.size());
  std::vector<bool> seen(items.size());
  for (const text::JsonValue& item : items) {
    std::size_t number = 0;
    const char* end = item.key.data() + item.key.size();
    const auto [at, error] = std::from_chars(item.key.data(), end, number);
    if (error != std::errc{} || at != end || number >= items.size() || seen[number])
      tree.fail(item, "id2label must name the classes 0, 1, 2, …");
    seen[number] = true;
    out.names[number] = tree.string(item);
  }
  return out;
}

}  // namespace ingot::models
