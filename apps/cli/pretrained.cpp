#include "cli/pretrained.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ingot/core/error.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <system_error>
#include <vector>

namespace ingot::cli {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? "" : value;
}

/// What torchvision calls the files of its first weights of each model.
std::string usual_file(const std::string& model) {
  static const std::map<std::string, std::string> kFiles{
      {"alexnet", "alexnet-owt-7be5be79.pth"},
      {"efficientnet_b0", "efficientnet_b0_rwightman-7f5810bc.pth"},
      {"mobilenet_v2", "mobilenet_v2-b0353104.pth"},
      {"resnet18", "resnet18-f37072fd.pth"},
      {"resnet34", "resnet34-b627a593.pth"},
      {"resnet50", "resnet50-0676ba61.pth"},
      {"squeezenet1_0", "squeezenet1_0-b66bff10.pth"},
      {"squeezenet1_1", "squeezenet1_1-b8a52dc0.pth"},
      {"vgg16", "vgg16-397923af.pth"}};
  const auto found = kFiles.find(model);
  return found == kFiles.end() ? model + ".safetensors" : found->second;
}

bool is_of_model(const std::string& name, const std::string& model) {
  const bool weights =
      name.ends_with(".pth") || name.ends_with(".pt") || name.ends_with(".safetensors");
  if (!weights || !name.starts_with(model)) return false;
  const std::string rest = name.substr(model.size());
  return rest[0] == '-' || rest[0] == '.' || rest.starts_with("_rwightman-");
}

}  // namespace

std::string pretrained_folder(const std::string& folder) {
  if (folder != "-") return folder;
  if (const std::string own = variable("INGOT_WEIGHTS"); !own.empty()) return own;
  const std::string torch = variable("TORCH_HOME"), home = variable("HOME");
  return (torch.empty() ? fs::path(home) / ".cache" / "torch" : fs::path(torch)) / "hub" /
         "checkpoints";
}

std::string find_pretrained(const std::string& folder, const std::string& model) {
  std::error_code error;
  std::vector<std::string> found;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (is_of_model(it->path().filename().string(), model)) found.push_back(it->path().string());
  std::sort(found.begin(), found.end());
  if (found.size() == 1) return found.front();
  if (found.size() > 1)
    throw IoError(
        fmt::format("--pretrained: {} holds several weights of {}: {}; --weights FILE "
                    "names the one that is meant",
                    folder, model, fmt::join(found, ", ")));
  throw IoError(fmt::format(
      "--pretrained: no weights of {0} in {1}{2}; put {3} there (or {0}.pth, {0}.safetensors): "
      "nothing "
      "is downloaded",
      model, folder, error ? fmt::format(" ({})", error.message()) : "", usual_file(model)));
}

}  // namespace ingot::cli
