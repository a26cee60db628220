#include <ingot/train/checkpoint.h>

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <ingot/core/error.h>
#include <ingot/io/safetensors.h>

#include "support/scratch_folder.h"

namespace ingot::train {
namespace {

using ingot::testing::ScratchFolder;

constexpr std::uint64_t kLarge = 0xfedcba9876543210u;

Checkpoint example() {
  Checkpoint c;
  c.model = {{"fc.weight", tensor({{1.5, -2.5}})}, {"fc.bias", tensor({0.25})}};
  c.optimizer = {{"step", tensor(12)}, {"exp_avg.0", tensor({{0.5, 0.75}})}};
  c.scheduler = {{"epoch", tensor(3)}};
  c.plateau = {{"best", tensor(0.5)}};
  c.step = 12;
  c.position = {3, 7};
  c.random = {kLarge, 99};
  c.extra = {{"options", "{\"lr\":0.1}"}, {"näme", "\n\"x\"\\"}};
  return c;
}

std::string error_of(const std::filesystem::path& path) {
  try {
    Checkpoint::load(path);
  } catch (const IoError& e) {
    return e.what();
  }
  return "no error";
}

TEST(Checkpoint, ComesBackAsItWas) {
  const ScratchFolder folder;
  const Checkpoint saved = example();
  saved.save(folder / "c");
  const Checkpoint loaded = Checkpoint::load(folder / "c");
  EXPECT_EQ(loaded.model.keys(), saved.model.keys());
  EXPECT_EQ(loaded.optimizer.keys(), saved.optimizer.keys());
  EXPECT_EQ(loaded.scheduler.keys(), saved.scheduler.keys());
  EXPECT_EQ(loaded.plateau.keys(), saved.plateau.keys());
  EXPECT_EQ(loaded.model.at("fc.weight").to_vector<float>(), (std::vector<float>{1.5f, -2.5f}));
  EXPECT_EQ(loaded.optimizer.at("step").item<int>(), 12);
  EXPECT_EQ(loaded.step, 12);
  EXPECT_EQ(loaded.position, (data::LoaderPosition{3, 7}));
  EXPECT_EQ(loaded.random, (Generator::State{kLarge, 99}));
  EXPECT_EQ(loaded.extra, saved.extra);
  EXPECT_TRUE(is_checkpoint(load_safetensors(folder / "c").metadata));
}

TEST(Checkpoint, SaysWhatIsWrong) {
  const ScratchFolder folder;
  const std::string file = (folder / "c").string();
  EXPECT_EQ(error_of(folder / "c"), file + ": cannot read the file: No such file or directory");
  save({{"w", tensor(1)}}, folder / "c");
  EXPECT_EQ(error_of(folder / "c"),
            file + ": this safetensors file holds tensors but is no checkpoint of a training run");

  const auto with = [&](const std::string& json) {
    save({}, folder / "c", {{"ingot.checkpoint", json}});
    return error_of(folder / "c").substr(file.size() + 2);
  };
  EXPECT_EQ(with("{"), "the checkpoint's description is not valid JSON");
  EXPECT_EQ(with("[]"), "the checkpoint's description is not valid JSON");
  EXPECT_EQ(with("{}"), "the checkpoint lacks 'format_version'");
  EXPECT_EQ(with(R"({"format_version":5})"),
            "the checkpoint has format version 5, this Ingot reads up to 4; use a newer Ingot");
  EXPECT_EQ(with(R"({"format_version":"1"})"),
            "the checkpoint's 'format_version' is no valid number");
  EXPECT_EQ(with(R"({"format_version":1,"step":-1})"),
            "the checkpoint's 'step' is no valid number");
  EXPECT_EQ(with(R"({"format_version":1,"step":1.5})"),
            "the checkpoint's 'step' is no valid number");
  EXPECT_EQ(with(R"({"format_version":1,"step":18446744073709551615})"),
            "the checkpoint's 'step' is no valid number");
  const std::string head =
      R"({"format_version":1,"step":1,"epoch":1,"batch":1,"random_seed":1,"random_offset":1)";
  EXPECT_EQ(with(head + "}"), "the checkpoint lacks 'extra'");
  EXPECT_EQ(with(head + R"(,"extra":{"a":1}})"), "the checkpoint's 'a' is no string");
  save({{"w", tensor(1)}}, folder / "c", {{"ingot.checkpoint", head + R"(,"extra":{}})"}});
  EXPECT_EQ(error_of(folder / "c"),
            file + ": the tensor 'w' belongs to neither model nor optimizer");
}

// Flips a bit of each byte of the file in turn.
TEST(Checkpoint, DamageAnywhereIsFoundAndNamed) {
  const ScratchFolder folder;
  const std::filesystem::path file = folder / "c";
  example().save(file);
  std::string good;
  {
    std::ifstream in(file, std::ios::binary);
    good.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto load_damaged = [&](std::size_t at, char bit) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ bit);
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bad;
    return error_of(file);
  };
  std::uint64_t header_nbytes = 0;
  std::memcpy(&header_nbytes, good.data(), sizeof header_nbytes);
  const std::size_t data = 8 + header_nbytes;
  ASSERT_LT(data, good.size());
  // Numbers: the file and the tensor are named.
  for (std::size_t at = data; at < good.size(); ++at) {
    const std::string error = load_damaged(at, 1);
    EXPECT_EQ(error.find(file.string() + ": tensor '"), 0u) << error;
    EXPECT_NE(error.find("' does not match its checksum; the file is damaged"), std::string::npos)
        << error;
  }
  EXPECT_NE(load_damaged(data, 1).find("'optimizer.step'"), std::string::npos)
      << "int64 comes first in the file";
  // The header: names, shapes, types, step and seed are under a checksum, too. Only damage to the
  // very key of the checksums goes unseen, which changes nothing that is loaded.
  const std::size_t key = good.find("ingot.crc32"), key_end = key + std::strlen("ingot.crc32");
  ASSERT_NE(key, std::string::npos);
  for (std::size_t at = 8; at < data; ++at) {
    if (at >= key && at < key_end) continue;
    EXPECT_NE(load_damaged(at, 1), "no error") << "byte " << at << ", '" << good[at] << "'";
  }
}

TEST(Checkpoint, OneWithoutChecksumsIsLoadedAsBefore) {
  const ScratchFolder folder;
  example().save(folder / "c");
  SafetensorsFile file = load_safetensors(folder / "c");
  EXPECT_EQ(file.metadata.size(), 1u) << "the checksums are not the user's";
  save(file.tensors, folder / "old", file.metadata);
  EXPECT_EQ(Checkpoint::load(folder / "old").step, 12);
}

}  // namespace
}  // namespace ingot::train
