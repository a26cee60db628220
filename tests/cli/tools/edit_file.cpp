// Changes a safetensors file as other programs, and other versions of Ingot, might have written it.
//
//   edit_file FILE drop SUFFIX         leaves out the tensors whose names end like that
//   edit_file FILE prefix TEXT         puts TEXT before every name
//   edit_file FILE nan NAME            makes the tensor's first value NaN
//   edit_file FILE metadata KEY TEXT   sets an entry of the metadata; an empty TEXT removes it
//   edit_file FILE option NAME JSON    sets an option of the run in a checkpoint; "-" removes it
#include <ingot/ingot.h>
#include <ingot/train/checkpoint.h>

#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using namespace ingot;

int edit_option(const std::string& path, const std::string& name, const std::string& value) {
  train::Checkpoint checkpoint = train::Checkpoint::load(path);
  auto options = nlohmann::ordered_json::parse(checkpoint.extra.at("options"));
  if (value == "-")
    options.erase(name);
  else
    options[name] = nlohmann::ordered_json::parse(value);
  checkpoint.extra["options"] = options.dump();
  checkpoint.save(path);
  return 0;
}

int edit(const std::string& path, const std::string& what, const std::string& name,
         const std::string& value) {
  if (what == "option") return edit_option(path, name, value);
  SafetensorsFile file = load_safetensors(path);
  StateDict tensors;
  for (const auto& [key, tensor] : file.tensors) {
    if (what == "drop" && key.ends_with(name)) continue;
    if (what == "nan" && key == name) {
      Tensor flat = tensor.flatten().clone();
      flat[0] = std::numeric_limits<float>::quiet_NaN();
      tensors.insert(key, flat.reshape(tensor.shape()));
      continue;
    }
    tensors.insert(what == "prefix" ? name + key : key, tensor);
  }
  if (what == "metadata") {
    file.metadata.erase(name);
    if (!value.empty()) file.metadata[name] = value;
  }
  save(tensors, path, file.metadata);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  try {
    return edit(argv[1], argv[2], argv[3], argc > 4 ? argv[4] : "");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
