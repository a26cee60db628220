#include <ingot/data/image_folder.h>

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include <ingot/core/error.h>
#include <ingot/data/data_loader.h>

#include "support/expect.h"
#include "support/scratch_folder.h"
#include "support/source_dir.h"

namespace ingot::data {
namespace {

namespace fs = std::filesystem;
using test::message_of;
using testing::ScratchFolder;

std::string fixture(const std::string& name) {
  const std::string path = ingot::testing::source_dir() + "/tests/fixtures/images/" + name;
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class ImageFolderTest : public ::testing::Test {
 protected:
  void put(const std::string& path, const std::string& content) {
    fs::create_directories((folder_ / path).parent_path());
    folder_.write(path, content);
  }
  /// The files relative to the folder, with their classes.
  std::vector<std::pair<std::string, std::int64_t>> listed(const ImageFolder& data) const {
    std::vector<std::pair<std::string, std::int64_t>> result;
    for (const auto& [path, label] : data.samples())
      result.emplace_back(path.lexically_relative(folder_.path()).string(), label);
    return result;
  }
  std::string error(const std::string& part = "") const {
    return message_of<IoError>([&] { image_folder(folder_ / part); });
  }

  ScratchFolder folder_;
  const std::string jpeg_ = fixture("baseline_420.jpg"), png_ = fixture("rgb8.png");
};

// What Jupyter, macOS, Windows and network drives leave behind is neither class nor image.
TEST_F(ImageFolderTest, LeftoversAreLeftOut) {
  put("cat/1.png", png_);
  put("cat/._1.png", "AppleDouble");
  put("cat/.hidden.jpg", jpeg_);
  put("cat/Thumbs.db", "x");
  put("cat/thumbs.DB", "x");
  put("cat/desktop.ini", "x");
  put("cat/.ipynb_checkpoints/1-checkpoint.png", png_);
  put("dog/more/2.png", png_);
  put("dog/more/@eaDir/2.png/SYNOPHOTO_THUMB_M.jpg", jpeg_);
  put(".ipynb_checkpoints/x.png", png_);
  put("__MACOSX/cat/._1.png", "AppleDouble");
  put("__macosx/cat/._1.png", "AppleDouble");
  put(".DS_Store", "x");
  put(".git/objects/a.png", png_);
  const auto data = image_folder(folder_.path());
  EXPECT_EQ(data->classes(), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(listed(*data), (std::vector<std::pair<std::string, std::int64_t>>{
                               {"cat/1.png", 0}, {"dog/more/2.png", 1}}));
  std::vector<std::string> left_out;
  for (const fs::path& path : data->left_out())
    left_out.push_back(path.lexically_relative(folder_.path()).string());
  EXPECT_EQ(left_out, (std::vector<std::string>{
                          ".DS_Store", ".git", ".ipynb_checkpoints", "__MACOSX", "__macosx",
                          "cat/._1.png", "cat/.hidden.jpg", "cat/.ipynb_checkpoints",
                          "cat/Thumbs.db", "cat/desktop.ini", "cat/thumbs.DB", "dog/more/@eaDir"}));
  std::vector<fs::path> folders;
  EXPECT_EQ(find_classes(folder_.path(), &folders).size(), 2u);
  EXPECT_EQ(folders.size(), 5u);
}

TEST_F(ImageFolderTest, ListsLikeTorchvision) {
  put("dog/b.JPG", jpeg_);
  put("dog/a.png", png_);
  put("dog/notes.txt", "not a picture");
  put("cat/z/deep/1.jpeg", jpeg_);
  put("cat/z-side/2.png", png_);
  put("cat/z/3.png", png_);
  put("cat/0.png", png_);
  put("Bird/x.webp", png_);
  put("top.png", png_);
  const auto data = image_folder(folder_.path());
  EXPECT_EQ(data->classes(), (std::vector<std::string>{"Bird", "cat", "dog"}));
  EXPECT_EQ(data->class_to_idx().at("dog"), 2);
  // Folders sort as whole paths: '-' comes before '/'.
  EXPECT_EQ(listed(*data),
            (std::vector<std::pair<std::string, std::int64_t>>{{"Bird/x.webp", 0},
                                                               {"cat/0.png", 1},
                                                               {"cat/z/3.png", 1},
                                                               {"cat/z-side/2.png", 1},
                                                               {"cat/z/deep/1.jpeg", 1},
                                                               {"dog/a.png", 2},
                                                               {"dog/b.JPG", 2}}));
  EXPECT_EQ(data->size(), 7);
  const Sample sample = data->get(6);
  EXPECT_EQ(std::get<FloatImage>(sample.inputs()).width, 61);
  EXPECT_EQ(std::get<std::int64_t>(sample.targets()), 2);
  EXPECT_EQ(data->name_of(6), (folder_ / "dog/b.JPG").string());
  EXPECT_EQ(message_of<IndexError>([&] { data->get(7); }), "ImageFolder: index 7 is outside 0..6");

  ImageFolderOptions jpeg_only;
  jpeg_only.extensions = {".jpg", ".jpeg"};
  fs::remove_all(folder_ / "Bird");
  EXPECT_EQ(image_folder(folder_.path(), ToTensor(), jpeg_only)->size(), 2);
}

TEST_F(ImageFolderTest, FollowsLinksButNotInCircles) {
  put("real/1.png", png_);
  fs::create_directory(folder_ / "data");
  fs::create_directory_symlink(folder_ / "real", folder_ / "data/linked");
  EXPECT_EQ(image_folder(folder_ / "data")->size(), 1);
  fs::create_directory_symlink(folder_ / "data", folder_ / "real/back");
  const std::string text = error("data");
  EXPECT_NE(text.find("leads back to a folder around it"), std::string::npos) << text;
}

TEST_F(ImageFolderTest, RefusesFoldersThatAreNone) {
  EXPECT_EQ(error("none"), (folder_ / "none").string() + ": no such folder");
  put("file", "x");
  EXPECT_NE(error("file").find("file: not a folder"), std::string::npos);
  EXPECT_NE(error().find("the folder has no sub-folders"), std::string::npos);
  put("cat/1.png", png_);
  fs::create_directories(folder_ / "empty");
  put("text/only.txt", "x");
  EXPECT_EQ(error(), (folder_ / "").string() +
                         ": no images for the classes empty, text; images are JPEG and PNG files, "
                         "whose names end in .jpg, .jpeg, .png");
}

TEST_F(ImageFolderTest, DamagedFilesEndTheLoopByName) {
  put("a/1.png", png_);
  put("a/2.png", png_.substr(0, 60));
  for (const int workers : {0, 2}) {
    DataLoader loader{image_folder(folder_.path()), {.workers = workers}};
    int delivered = 0;
    const std::string text = message_of<IoError>([&] {
      for (const auto& batch : loader) delivered += batch.targets().size(0) == 1;
    });
    EXPECT_EQ(text, (folder_ / "a/2.png").string() + ": damaged PNG image: the file is cut off");
    EXPECT_EQ(delivered, 1);
  }
}

TEST_F(ImageFolderTest, DamagedFilesAreSkippedOnRequest) {
  for (int i = 0; i < 9; ++i) put("a/" + std::to_string(i) + ".png", png_);
  put("a/1.png", "not an image");
  put("a/4.png", png_.substr(0, 60));
  put("a/5.png", "");
  for (const int workers : {0, 3}) {
    DataLoader loader{image_folder(folder_.path()),
                      {.batch_size = 2, .workers = workers, .on_error = OnError::Skip}};
    EXPECT_EQ(loader.size(), 5);
    for (int epoch = 0; epoch < 2; ++epoch) {
      std::vector<std::int64_t> sizes;
      std::vector<LoaderPosition> positions;
      for (const auto& [images, labels] : loader) {
        EXPECT_EQ(images.size(0), labels.size(0));
        EXPECT_EQ(images.shape(), (Shape{labels.size(0), 3, 17, 23}));
        sizes.push_back(images.size(0));
        positions.push_back(loader.position());
      }
      // Samples 4 and 5 were a batch of their own, which is left out.
      EXPECT_EQ(sizes, (std::vector<std::int64_t>{1, 2, 2, 1}));
      const auto e = static_cast<std::uint64_t>(epoch);
      EXPECT_EQ(positions, (std::vector<LoaderPosition>{{e, 1}, {e, 2}, {e, 4}, {e + 1, 0}}));
      ASSERT_EQ(loader.skipped().size(), 3u);  // once each, however often
      EXPECT_EQ(loader.skipped()[0].index, 1);
      EXPECT_EQ(loader.skipped()[0].cause,
                (folder_ / "a/1.png").string() + ": neither a JPEG nor a PNG image");
      EXPECT_EQ(loader.skipped()[2].cause, (folder_ / "a/5.png").string() + ": the file is empty");
    }
  }
}

TEST_F(ImageFolderTest, NothingButDamagedFilesIsAnError) {
  put("a/1.png", "no");
  put("b/2.png", "no");
  DataLoader loader{image_folder(folder_.path()), {.on_error = OnError::Skip}};
  const std::string text = message_of<IoError>([&] { loader.begin(); });
  EXPECT_EQ(text, "DataLoader: no sample of the epoch could be read; the first: " +
                      (folder_ / "a/1.png").string() + ": neither a JPEG nor a PNG image");
}

struct MyError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

TEST_F(ImageFolderTest, ErrorsOfTransformsNameTheFile) {
  put("a/1.png", png_);
  put("a/2.png", png_);
  for (const int workers : {0, 2}) {
    std::atomic<int> calls{0};
    const Transform own([&](Picture picture) -> Picture {
      if (++calls > 0) throw MyError("my own words");
      return picture;
    });
    DataLoader loader{image_folder(folder_.path(), own),
                      {.workers = workers, .on_error = OnError::Skip}};
    try {
      loader.begin();
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.what(), (folder_ / "a/1.png").string() + ": my own words");
      EXPECT_THROW(std::rethrow_if_nested(e), MyError);
    }
    // Ingot's own errors keep their type.
    DataLoader normalized{image_folder(folder_.path(), Normalize({0.5f}, {0.5f})),
                          {.workers = workers}};
    const std::string text = message_of<ShapeError>([&] { normalized.begin(); });
    EXPECT_EQ(text.rfind((folder_ / "a/1.png").string() + ": Normalize(", 0), 0u) << text;
    // Sizes that differ say so.
    put("a/3.jpg", jpeg_);
    DataLoader sizes{image_folder(folder_.path()), {.batch_size = 3, .workers = workers}};
    EXPECT_NE(message_of<ShapeError>([&] { sizes.begin(); }).find("Resize"), std::string::npos);
    fs::remove(folder_ / "a/3.jpg");
  }
}

TEST_F(ImageFolderTest, FindImagesListsWhatIsBelow) {
  for (const char* path : {"b/2.png", "b/1.JPG", "a.jpeg", "c/d/3.jpg", "c/notes.txt",
                           "c/.hidden.png", "__MACOSX/4.png", "z.webp"})
    put(path, png_);
  std::vector<std::string> found;
  for (const fs::path& path : find_images(folder_.path()))
    found.push_back(path.lexically_relative(folder_.path()).string());
  EXPECT_EQ(found, (std::vector<std::string>{"a.jpeg", "b/1.JPG", "b/2.png", "c/d/3.jpg"}));
  fs::create_directories(folder_ / "none");
  EXPECT_TRUE(find_images(folder_ / "none").empty());
  EXPECT_NE(message_of<IoError>([&] { find_images(folder_ / "nowhere"); }).find("nowhere"),
            std::string::npos);
}

}  // namespace
}  // namespace ingot::data
