// BERT, RoBERTa and DistilBERT from and to folders as Hugging Face's libraries write them.
#include <fmt/format.h>
#include <ingot/core/error.h>
#include <ingot/io/atomic_file.h>
#include <ingot/io/pth.h>
#include <ingot/io/safetensors.h>
#include <ingot/models/distilbert.h>
#include <ingot/models/roberta.h>
#include <ingot/models/sequence_classifier.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "core/printable.h"
#include "io/input_file.h"
#include "models/pretrained.h"
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

/// Keys of all families' models, without what stands before them.
constexpr std::array<std::string_view, 3> kPrefixes{"bert.", "roberta.", "distilbert."};
constexpr std::array<std::string_view, 3> kBodies{"embeddings.", "encoder.", "transformer."};

bool begins_with_one(std::string_view text, const std::array<std::string_view, 3>& words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.starts_with(word); });
}

bool is_in(const std::string& key, const std::vector<std::string>& modules) {
  return std::ranges::any_of(modules,
                             [&](const std::string& m) { return key.starts_with(m + "."); });
}

/// What became of a file's tensors.
struct Report {
  std::vector<std::string> drawn;     ///< "classifier.weight: not in the file"
  std::vector<std::string> left_out;  ///< keys of the file
};

/// The name that a file's tensor has in the model; empty where the model has no place for it.
std::string name_in(const PretrainedTraits& traits, const StateDict& own, const std::string& name) {
  std::string key = modern(name);
  if (is_in(key, traits.heads)) return own.contains(key) ? key : "";
  for (const std::string_view prefix : kPrefixes)
    if (key.starts_with(prefix)) {
      key.erase(0, prefix.size());
      break;
    }
  // A list of 0, 1, 2, … that old files hold.
  if (key.ends_with("position_ids") || key.ends_with("token_type_ids")) return "";
  key = traits.prefix + key;
  // What belongs into the model and does not fit is an error, not a thing to leave out.
  const bool body = begins_with_one(std::string_view(key).substr(traits.prefix.size()), kBodies);
  return body || own.contains(key) ? key : "";
}

/// Fills the model. Heads that the file lacks, or has in another size, stay as they were drawn; so,
/// with `draws_pooler`, does a pooler that it lacks: models that guess words have none.
Report take(nn::Module& model, const PretrainedTraits& traits, const StateDict& file,
            bool draws_pooler) {
  Report report;
  const StateDict own = model.state_dict();
  StateDict found;
  for (const auto& [name, tensor] : file) {
    const std::string key = name_in(traits, own, name);
    if (key.empty())
      report.left_out.push_back(name);
    else
      found.insert_or_assign(key, tensor);
  }
  // Files hold tied tensors once.
  for (const auto& [key, tensor] : own) {
    if (found.contains(key)) continue;
    for (const auto& [other, twin] : own)
      if (twin.is_same(tensor) && found.contains(other)) {
        found.insert(key, found.at(other));
        break;
      }
  }
  const auto fits = [&](const std::string& key, const Tensor& tensor) {
    const auto at = found.find(key);
    return at != found.end() && at->second.shape() == tensor.shape();
  };
  for (const auto& [key, tensor] : own) {
    if (!is_in(key, traits.heads) || fits(key, tensor)) continue;
    // What a head shares with the model is the model's.
    const bool tied = std::ranges::any_of(own, [&](const auto& other) {
      return other.second.is_same(tensor) && !is_in(other.first, traits.heads);
    });
    if (tied) continue;
    const auto at = found.find(key);
    report.drawn.push_back(at == found.end()
                               ? key + ": not in the file"
                               : fmt::format("{}: {} in the file, {} here", key,
                                             at->second.shape().str(), tensor.shape().str()));
    found.insert_or_assign(key, tensor.detach());
  }
  if (draws_pooler)
    for (const auto& [key, tensor] : own) {
      if (!key.starts_with(traits.prefix + "pooler.") || found.contains(key)) continue;
      report.drawn.push_back(key + ": not in the file");
      found.insert(key, tensor.detach());
    }
  model.load_state_dict(found);
  return report;
}

/// A model of class `Model` from a folder; its config.json may be in another one. `report` is for
/// those who tell what was drawn: only for them a pooler may be.
template <class Model, class... Args>
std::unique_ptr<Model> read_model(const fs::path& folder, const fs::path& config_folder,
                                  Report* report, Args... args) {
  auto model = std::make_unique<Model>(args..., config_of(config_folder));
  const StateDict file = weights_of(folder);
  try {
    Report found = take(*model, model->traits(), file, report != nullptr);
    if (report != nullptr) *report = std::move(found);
  } catch (const ValueError& error) {
    throw ValueError(fmt::format("{}: {}", folder.string(), error.what()));
  }
  return model;
}
template <class Model, class... Args>
std::unique_ptr<Model> read_alone(const fs::path& folder, Args... args) {
  return read_model<Model>(folder, folder, static_cast<Report*>(nullptr), args...);
}

/// What is written of a model.
PretrainedTraits saved(const nn::Module& model) {
  if (const auto* known = dynamic_cast<const Pretrained*>(&model)) return known->traits();
  throw ValueError("save_pretrained: the model is no BERT, RoBERTa or DistilBERT");
}

std::string config_json(const PretrainedTraits& from, std::string_view fields, DType dtype) {
  using Json = nlohmann::ordered_json;
  Json file = Json::parse(from.config->to_json());
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

namespace detail {

void require_type(const BertConfig& config, const char* type, const char* name) {
  if (config.model_type != type)
    throw ValueError(
        fmt::format("a config of '{}' is none of {}", printable(config.model_type), name));
}

}  // namespace detail

#define INGOT_READS(Model)                                                \
  std::unique_ptr<Model> Model::from_pretrained(const fs::path& folder) { \
    return read_alone<Model>(folder);                                     \
  }
#define INGOT_READS_WITH_LABELS(Model)                                                             \
  std::unique_ptr<Model> Model::from_pretrained(const fs::path& folder, std::int64_t num_labels) { \
    return read_alone<Model>(folder, num_labels);                                                  \
  }

INGOT_READS(BertModel)
INGOT_READS(BertForMaskedLM)
INGOT_READS_WITH_LABELS(BertForSequenceClassification)
INGOT_READS_WITH_LABELS(BertForTokenClassification)
INGOT_READS(RobertaForMaskedLM)
INGOT_READS_WITH_LABELS(RobertaForSequenceClassification)
INGOT_READS_WITH_LABELS(RobertaForTokenClassification)
INGOT_READS(DistilBertModel)
INGOT_READS(DistilBertForMaskedLM)
INGOT_READS_WITH_LABELS(DistilBertForSequenceClassification)
INGOT_READS_WITH_LABELS(DistilBertForTokenClassification)

namespace {

template <class Model>
SequenceClassifier classifier_of(const fs::path& folder, const fs::path& config_folder,
                                 std::int64_t num_labels, Report& report) {
  SequenceClassifier out;
  auto model = read_model<Model>(folder, config_folder, &report, num_labels);
  const BertConfig& config = *model->traits().config;
  out.vocab_size = config.vocab_size;
  out.max_length = config.max_length();
  for (const auto& [name, tensor] : model->named_parameters())
    if (name.find(".embeddings.") != std::string::npos && name.ends_with("_embeddings.weight"))
      out.num_embeddings += tensor.numel();
  out.logits = [model = model.get()](const Tensor& ids, const BertInputs& inputs) {
    return (*model)(ids, inputs);
  };
  out.module = std::move(model);
  return out;
}

}  // namespace

SequenceClassifier load_sequence_classifier(const fs::path& folder, std::int64_t num_labels,
                                            bool ignore_mismatched_sizes,
                                            const fs::path& config_folder) {
  const fs::path& config = config_folder.empty() ? folder : config_folder;
  const std::string type = config_of(config).model_type;
  Report report;
  SequenceClassifier out =
      type == "roberta"
          ? classifier_of<RobertaForSequenceClassification>(folder, config, num_labels, report)
      : type == "distilbert"
          ? classifier_of<DistilBertForSequenceClassification>(folder, config, num_labels, report)
          : classifier_of<BertForSequenceClassification>(folder, config, num_labels, report);
  for (const std::string& key : report.drawn)
    if (!ignore_mismatched_sizes && key.find(" in the file, ") != std::string::npos)
      throw ValueError(fmt::format("{}: {}; --ignore_mismatched_sizes draws the head anew",
                                   folder.string(), key));
  out.drawn = std::move(report.drawn);
  out.left_out = std::move(report.left_out);
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
