// A tiny BERT, an MRPC of three dozen rows, and arguments that fine-tune the one on the other.
#pragma once

#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/glue/fine_tune.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/expect.h"
#include "support/scratch_folder.h"
#include "tiny_bert.h"

namespace ingot::glue {

namespace fs = std::filesystem;
using nlohmann::json;
using test::message_of;

class FineTune : public ::testing::Test {
 protected:
  FineTune() {
    tiny_bert(folder);
    fs::create_directory(folder / "mrpc");
    folder.write("mrpc/train.tsv", mrpc(24));
    folder.write("mrpc/dev.tsv", mrpc(9));
    folder.write("mrpc/test.tsv", mrpc(5, true));
    arguments.model.model_name_or_path = (folder / "bert").string();
    arguments.data.task_name = "MRPC";
    arguments.data.data_dir = (folder / "mrpc").string();
    arguments.data.max_seq_length = 16;
    arguments.data.pad_to_max_length = false;
    TrainingArguments& t = arguments.training;
    t.output_dir = (folder / "out").string();
    t.do_train = true;
    t.learning_rate = 5e-3;
    t.logging_steps = 2;
    t.save_steps = 4;
  }
  std::vector<std::string> files(const std::string& where) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder / where))
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }
  json read(const std::string& name) const { return json::parse(folder.read(name)); }
  std::string error() {
    return message_of<ValueError>([&] { fine_tune(arguments); });
  }

  testing::ScratchFolder folder;
  Arguments arguments;
};

}  // namespace ingot::glue
