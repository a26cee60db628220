#include <ingot/data/image_folder.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <system_error>

#include <ingot/core/error.h>

#include "data/sample.h"

namespace ingot::data {
namespace {

namespace fs = std::filesystem;

bool has_extension(const std::string& name, const std::vector<std::string>& extensions) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return c < 'A' || c > 'Z' ? c : c - 'A' + 'a'; });
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](const std::string& end) { return lower.ends_with(end); });
}

/// What systems and programs leave in folders.
bool is_leftover(const std::string& name) {
  constexpr std::array kNames{"__macosx", "@eadir", "thumbs.db", "desktop.ini", "$recycle.bin"};
  if (name.starts_with('.')) return true;
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return c < 'A' || c > 'Z' ? c : c - 'A' + 'a'; });
  return std::find(kNames.begin(), kNames.end(), lower) != kNames.end();
}

/// The entries of a folder; `visit(entry, is_folder)`.
template <class F>
void each_entry(const fs::path& folder, F visit) {
  std::error_code error;
  fs::directory_iterator it(folder, error), end;
  for (; !error && it != end; it.increment(error)) {
    std::error_code gone;  // a dangling link is neither file nor folder
    const bool is_folder = it->is_directory(gone);
    visit(*it, is_folder);
  }
  if (error)
    throw IoError(fmt::format("{}: cannot read the folder: {}", folder.string(), error.message()));
}

/// All files below a folder; `above` holds the real paths of the folders around it.
void collect(const fs::path& folder, const std::vector<std::string>& extensions,
             std::vector<fs::path>& above, std::vector<std::pair<std::string, std::string>>& out,
             std::vector<fs::path>& left_out) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  if (error)
    throw IoError(fmt::format("{}: cannot read the folder: {}", folder.string(), error.message()));
  if (std::find(above.begin(), above.end(), real) != above.end())
    throw IoError(fmt::format("{}: the link leads back to a folder around it, {}", folder.string(),
                              real.string()));
  above.push_back(real);
  each_entry(folder, [&](const fs::directory_entry& entry, bool is_folder) {
    const std::string name = entry.path().filename().string();
    if (is_leftover(name))
      left_out.push_back(entry.path());
    else if (is_folder)
      collect(entry.path(), extensions, above, out, left_out);
    else if (has_extension(name, extensions))
      out.emplace_back(folder.string(), name);
  });
  above.pop_back();
}

/// What an image should be called: not those endings whose formats cannot be read anyway.
std::string readable(std::vector<std::string> extensions) {
  constexpr std::array kOthers{".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"};
  std::erase_if(extensions, [&](const std::string& end) {
    return std::find(kOthers.begin(), kOthers.end(), end) != kOthers.end();
  });
  return fmt::format("JPEG and PNG files, whose names end in {}", fmt::join(extensions, ", "));
}

}  // namespace

std::vector<std::string> find_classes(const fs::path& folder, std::vector<fs::path>* left_out) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored))
    throw IoError(fmt::format("{}: no such folder", folder.string()));
  if (!fs::is_directory(folder, ignored))
    throw IoError(
        fmt::format("{}: not a folder; give the folder that holds one sub-folder of "
                    "images per class",
                    folder.string()));
  std::vector<std::string> classes;
  each_entry(folder, [&](const fs::directory_entry& entry, bool is_folder) {
    std::string name = entry.path().filename().string();
    if (is_leftover(name)) {
      if (left_out != nullptr) left_out->push_back(entry.path());
    } else if (is_folder) {
      classes.push_back(std::move(name));
    }
  });
  if (classes.empty())
    throw IoError(fmt::format("{}: the folder has no sub-folders; each class of images needs one",
                              folder.string()));
  std::sort(classes.begin(), classes.end());
  return classes;
}

ImageFolder::ImageFolder(const fs::path& folder, Transform transform, ImageFolderOptions options)
    : transform_(std::move(transform)), decode_(options.decode) {
  classes_ = find_classes(folder, &left_out_);
  std::vector<std::string> empty;
  for (const std::string& name : classes_) {
    const std::int64_t index = class_to_idx_[name] =
        static_cast<std::int64_t>(class_to_idx_.size());
    std::vector<fs::path> above;
    std::vector<std::pair<std::string, std::string>> files;  // folder and name: the sorting order
    collect(folder / name, options.extensions, above, files, left_out_);
    if (files.empty()) empty.push_back(name);
    std::sort(files.begin(), files.end());
    for (const auto& [place, file] : files) samples_.emplace_back(fs::path(place) / file, index);
  }
  std::sort(left_out_.begin(), left_out_.end());
  if (!empty.empty())
    throw IoError(fmt::format("{}: no images for the class{} {}; images are {}", folder.string(),
                              empty.size() == 1 ? "" : "es", fmt::join(empty, ", "),
                              readable(options.extensions)));
}

Sample ImageFolder::get(const SampleKey& key) const {
  check_index(key.index, size(), "ImageFolder");
  const auto& [path, label] = samples_[static_cast<std::size_t>(key.index)];
  return to_sample(transform_(read_image(path, decode_), key), label);
}

std::string ImageFolder::name_of(std::int64_t index) const {
  check_index(index, size(), "ImageFolder");
  return samples_[static_cast<std::size_t>(index)].first.string();
}

std::vector<fs::path> find_images(const fs::path& folder) {
  std::vector<fs::path> above, left_out;
  std::vector<std::pair<std::string, std::string>> files;  // folder and name: the sorting order
  collect(folder, {".jpg", ".jpeg", ".png"}, above, files, left_out);
  std::sort(files.begin(), files.end());
  std::vector<fs::path> paths;
  for (const auto& [place, name] : files) paths.push_back(fs::path(place) / name);
  return paths;
}

std::shared_ptr<const ImageFolder> image_folder(const fs::path& folder, Transform transform,
                                                ImageFolderOptions options) {
  return std::make_shared<ImageFolder>(folder, std::move(transform), std::move(options));
}

}  // namespace ingot::data
