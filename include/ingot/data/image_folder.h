// ImageFolder: a data set of JPEG and PNG files, one sub-folder per class, as torchvision's.
//
//   DIR/cat/1.jpg  DIR/cat/more/2.png  DIR/dog/3.jpeg   ->  classes cat (0) and dog (1)
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ingot/data/dataset.h>
#include <ingot/data/image_file.h>

namespace ingot::data {

struct ImageFolderOptions {
  /// Which files are samples, by the end of their names in small letters. These are torchvision's,
  /// so that samples have the same numbers; what a file really is, its content says, and a format
  /// other than JPEG and PNG is an IoError when it is read.
  std::vector<std::string> extensions = {".jpg", ".jpeg", ".png",  ".ppm", ".bmp",
                                         ".pgm", ".tif",  ".tiff", ".webp"};
  DecodeOptions decode;
};

/// Sample i is the i-th file as `transform` leaves its RGB pixels, and its class as int64.
///
/// Classes are the names of the folder's sub-folders, sorted by their bytes, and numbered from 0.
/// Samples are sorted by class, then by folder, then by name; links are followed. What systems and
/// programs leave behind is no class and no sample (torchvision would take it for one): names that
/// begin with a dot (.ipynb_checkpoints, ._cat.jpg, .DS_Store), __MACOSX, @eaDir, Thumbs.db,
/// desktop.ini; see left_out().
class ImageFolder final : public Dataset {
 public:
  /// Lists the files; reads none. Throws IoError naming the cause: no such folder, no sub-folder,
  /// classes without files, a link that leads into a circle, a folder that cannot be read.
  explicit ImageFolder(const std::filesystem::path& folder, Transform transform = ToTensor(),
                       ImageFolderOptions options = {});

  std::int64_t size() const override { return static_cast<std::int64_t>(samples_.size()); }
  /// Throws IoError naming the file when it cannot be read or decoded.
  Sample get(const SampleKey& key) const override;
  /// The file.
  std::string name_of(std::int64_t index) const override;

  const std::vector<std::string>& classes() const { return classes_; }
  const std::map<std::string, std::int64_t>& class_to_idx() const { return class_to_idx_; }
  /// Files and folders that were passed over, whole folders once.
  const std::vector<std::filesystem::path>& left_out() const { return left_out_; }
  /// File and class of every sample.
  const std::vector<std::pair<std::filesystem::path, std::int64_t>>& samples() const {
    return samples_;
  }

 private:
  std::vector<std::string> classes_;
  std::map<std::string, std::int64_t> class_to_idx_;
  std::vector<std::pair<std::filesystem::path, std::int64_t>> samples_;
  std::vector<std::filesystem::path> left_out_;
  Transform transform_;
  DecodeOptions decode_;
};

/// The sorted names of the sub-folders; appends to `left_out` those that are no classes. Throws
/// IoError as ImageFolder does.
std::vector<std::string> find_classes(const std::filesystem::path& folder,
                                      std::vector<std::filesystem::path>* left_out = nullptr);

/// The files below `folder` whose names end in .jpg, .jpeg or .png, sorted by folder, then by name;
/// not what systems leave behind (see ImageFolder). Throws IoError for a folder that cannot be read
/// and for a link that leads into a circle.
std::vector<std::filesystem::path> find_images(const std::filesystem::path& folder);

/// An ImageFolder.
std::shared_ptr<const ImageFolder> image_folder(const std::filesystem::path& folder,
                                                Transform transform = ToTensor(),
                                                ImageFolderOptions options = {});

}  // namespace ingot::data
