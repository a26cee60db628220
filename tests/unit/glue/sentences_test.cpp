// GLUE's files, and csv and json files: what is read, and what is said of damaged ones.
#include <gtest/gtest.h>
#include <ingot/core/error.h>
#include <ingot/glue/sentences.h>

#include <string>
#include <vector>

#include "support/expect.h"
#include "support/scratch_folder.h"

namespace ingot::glue {
namespace {

using data::Split;
using test::message_of;
using Strings = std::vector<std::string>;
using Numbers = std::vector<std::int64_t>;

const std::string kMrpcHead = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n";

void expect_error(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

class SentenceFilesTest : public ::testing::Test {
 protected:
  Sentences mrpc(const std::string& content, Split split = Split::Train) {
    folder.write(split == Split::Test ? "test.tsv" : "train.tsv", content);
    return read_glue(folder.path(), glue_task("mrpc"), split);
  }
  std::string mrpc_error(const std::string& content) {
    return message_of<IoError>([&] { mrpc(content); });
  }
  OwnSentences own(const std::string& ending, const std::string& train,
                   const std::string& validation = {}, const std::string& test = {}) {
    SentenceFiles files;
    const auto put = [&](const char* name, const std::string& content, auto& path) {
      if (content.empty()) return;
      folder.write(name + ending, content);
      path = folder / (name + ending);
    };
    put("a", train, files.train);
    put("b", validation, files.validation);
    put("c", test, files.test);
    return read_sentences(files);
  }
  std::string own_error(const std::string& ending, const std::string& train,
                        const std::string& validation = {}) {
    return message_of<IoError>([&] { own(ending, train, validation); });
  }

  testing::ScratchFolder folder;
};

TEST_F(SentenceFilesTest, MrpcKeepsQuotesAndTakesTheMark) {
  const Sentences s =
      mrpc("\xef\xbb\xbf" + kMrpcHead +
           "1\t7\t8\tHe said \"yes .\t\"Yes\" , he said\r\n0\t9\t10\t\tan empty one\n");
  EXPECT_EQ(s.first, (Strings{"He said \"yes .", ""}));
  EXPECT_EQ(s.second, (Strings{"\"Yes\" , he said", "an empty one"}));
  EXPECT_EQ(s.labels, (Numbers{1, 0}));
  EXPECT_TRUE(s.scores.empty() && s.left_out.empty());
  const Sentences test =
      mrpc("index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\ta\tb\n", Split::Test);
  EXPECT_EQ(test.second, (Strings{"b"}));
  EXPECT_TRUE(test.labels.empty());
}

TEST_F(SentenceFilesTest, EveryTaskHasItsColumns) {
  struct Case {
    const char *task, *file, *content;
    Split split;
    Strings first, second;
    Numbers labels;
  };
  const Case cases[] = {
      {"cola",
       "train.tsv",
       "x1\t1\t\tGood one.\nx1\t0\t*\tBad one the.\n",
       Split::Train,
       {"Good one.", "Bad one the."},
       {},
       {1, 0}},
      {"cola", "test.tsv", "index\tsentence\n0\tA test.\n", Split::Test, {"A test."}, {}, {}},
      {"mnli",
       "dev_matched.tsv",
       "index\tsentence1\tsentence2\tlabel1\tgold_label\n0\tp\th\tneutral\tcontradiction\n",
       Split::Val,
       {"p"},
       {"h"},
       {2}},
      {"mnli",
       "train.tsv",
       "sentence1\tsentence2\tgold_label\np\th\tentailment\n",
       Split::Train,
       {"p"},
       {"h"},
       {0}},
      {"qnli",
       "dev.tsv",
       "index\tquestion\tsentence\tlabel\n0\tq\ts\tnot_entailment\n",
       Split::Val,
       {"q"},
       {"s"},
       {1}},
      {"qqp",
       "dev.tsv",
       "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\ta\tb\t1\n",
       Split::Val,
       {"a"},
       {"b"},
       {1}},
      {"rte",
       "dev.tsv",
       "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n",
       Split::Val,
       {"a"},
       {"b"},
       {0}},
      {"sst2", "train.tsv", "sentence\tlabel\nfine \t1\n", Split::Train, {"fine "}, {}, {1}},
      {"wnli",
       "dev.tsv",
       "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t0\n",
       Split::Val,
       {"a"},
       {"b"},
       {0}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.task);
    folder.write(c.file, c.content);
    const Sentences s = read_glue(folder.path(), glue_task(c.task), c.split);
    EXPECT_EQ(s.first, c.first);
    EXPECT_EQ(s.second, c.second);
    EXPECT_EQ(s.labels, c.labels);
  }
  folder.write("dev.tsv", "index\tgenre\tsentence1\tsentence2\tscore\n0\tnews\ta\tb\t3.80\n");
  EXPECT_EQ(read_glue(folder.path(), glue_task("STSB"), Split::Val).scores,
            (std::vector<double>{3.8}));
  folder.write("dev_mismatched.tsv", "sentence1\tsentence2\tgold_label\nx\ty\tneutral\n");
  EXPECT_EQ(read_glue(folder.path(), glue_task("mnli"), Split::Val, true).first, (Strings{"x"}));
  EXPECT_EQ(glue_tasks().size(), 9U);
}

TEST_F(SentenceFilesTest, ErrorsNameFileLineAndCause) {
  expect_error(mrpc_error(kMrpcHead + "1\t7\t8\ta\tb\n1\t7\t8\ta\n"), "train.tsv:3: has 4 columns");
  expect_error(mrpc_error(kMrpcHead + "1\t7\t8\ta\tb\n2\t7\t8\ta\tb\n"),
               "train.tsv:3: the label '2' is unknown; there are: 0 to 1");
  expect_error(mrpc_error(kMrpcHead + "x\t7\t8\ta\tb\n"), "train.tsv:2: the label 'x'");
  expect_error(mrpc_error(kMrpcHead + "1\t7\t8\ta\tcaf\xe9 b\n"),
               "train.tsv:2: byte 11 of the line (0xe9) is no UTF-8");
  expect_error(mrpc_error("Quality\tString\n1\ta\n"),
               "train.tsv:1: there is no column '#1 String'");
  expect_error(mrpc_error("Quality\tQuality\n1\ta\n"), "'Quality' is there twice");
  expect_error(mrpc_error(kMrpcHead), "there are no sentences");
  expect_error(mrpc_error(""), "train.tsv:1: is empty");
  expect_error(mrpc_error("\xff\xfe"
                          "Q\0"),
               "is UTF-16");
  expect_error(
      message_of<IoError>([&] { read_glue(folder.path(), glue_task("mrpc"), Split::Val); }),
      "dev.tsv");
  expect_error(message_of<ValueError>([] { glue_task("mrcp"); }), "did you mean mrpc?");
  folder.write("dev.tsv", "index\tsentence1\tsentence2\tscore\n0\ta\tb\tgood\n");
  expect_error(
      message_of<IoError>([&] { read_glue(folder.path(), glue_task("stsb"), Split::Val); }),
      "dev.tsv:2: the label 'good' is no number");
}

TEST_F(SentenceFilesTest, RowsOfQqpThatAreNoneAreNamed) {
  folder.write("train.tsv",
               "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\tbroken\n"
               "1\t1\t2\ta\tb\t0\n");
  const Sentences s = read_glue(folder.path(), glue_task("qqp"), Split::Train);
  EXPECT_EQ(s.first, (Strings{"a"}));
  ASSERT_EQ(s.left_out.size(), 1U);
  expect_error(s.left_out[0], "train.tsv:2: has 4 columns, 6 are needed");
  // Predictions have the numbers of their rows: test data lose none.
  folder.write("test.tsv", "id\tquestion1\tquestion2\n0\ta\tb\n1\tbroken\n2\tc\td\n");
  expect_error(
      message_of<IoError>([&] { read_glue(folder.path(), glue_task("qqp"), Split::Test); }),
      "test.tsv:3: has 2 columns, 3 are needed");
}

TEST_F(SentenceFilesTest, CsvHasQuotes) {
  const OwnSentences o = own(".csv",
                             "id,sentence2,sentence1,label\r\n"
                             "1,\"He said \"\"no\"\",\nand left\",plain \" text,b\r\n\r\n"
                             "2,,\"\",a\r\n",
                             "sentence1,sentence2,label\nx,y,a\n", "sentence1,sentence2\nv,w");
  EXPECT_EQ(o.task.first, "sentence1");
  EXPECT_EQ(o.task.second, "sentence2");
  EXPECT_EQ(o.task.labels, (Strings{"a", "b"}));
  EXPECT_EQ(o.train.first, (Strings{"plain \" text", ""}));
  EXPECT_EQ(o.train.second, (Strings{"He said \"no\",\nand left", ""}));
  EXPECT_EQ(o.train.labels, (Numbers{1, 0}));
  EXPECT_EQ(o.validation.labels, (Numbers{0}));
  EXPECT_EQ(o.test.second, (Strings{"w"}));
}

TEST_F(SentenceFilesTest, KindsOfLabels) {
  EXPECT_EQ(own(".csv", "text,label\na,10\nb,9\nc,10\n").task.labels, (Strings{"9", "10"}));
  const OwnSentences floats = own(".csv", "text,label\na,1\nb,2.5\n");
  EXPECT_TRUE(floats.task.is_regression());
  EXPECT_EQ(floats.train.scores, (std::vector<double>{1, 2.5}));
  EXPECT_FALSE(floats.task.has_pairs());
  EXPECT_EQ(own(".csv", "text,label\na,1\nb,x\n").task.labels, (Strings{"1", "x"}));
  // JSON tells numbers from strings.
  EXPECT_EQ(own(".json", "{\"t\": \"a\", \"label\": \"1.5\"}\n{\"t\": \"b\", \"label\": \"1\"}")
                .task.labels,
            (Strings{"1", "1.5"}));
  EXPECT_TRUE(own(".json", "{\"t\": \"a\", \"label\": 1.0}").task.is_regression());
  EXPECT_EQ(
      own(".json", "{\"t\": \"a\", \"label\": true}\n{\"t\": \"a\", \"label\": false}").task.labels,
      (Strings{"false", "true"}));
}

TEST_F(SentenceFilesTest, JsonIsLinesOrAList) {
  const std::string first = R"({"label": "x", "question": "a\u00e9", "answer": "b", "more": [1]})";
  const std::string second = R"({"answer": "", "question": "c", "label": "y"})";
  for (const std::string& text :
       {first + "\n\n" + second + "\n", "[" + first + ",\n" + second + "]"}) {
    const OwnSentences o = own(".json", text);
    EXPECT_EQ(o.task.first, "question");
    EXPECT_EQ(o.train.first, (Strings{"a\u00e9", "c"}));
    EXPECT_EQ(o.train.second, (Strings{"b", ""}));
    EXPECT_EQ(o.train.labels, (Numbers{0, 1}));
  }
}

TEST_F(SentenceFilesTest, ErrorsOfOwnFiles) {
  expect_error(own_error(".csv", "a,label\nx,1,2\n"), "a.csv:2: has 3 columns, the head line 2");
  expect_error(own_error(".csv", "a,label\n\"x\ny,1\n"), "a.csv:2: a quote is opened");
  expect_error(own_error(".csv", "a,label\n\"x\"y,1\n"), "a.csv:2: there is something between");
  expect_error(own_error(".csv", "a,label\n\"x\ny\",1\nz,\n"), "a.csv:4: the label is empty");
  expect_error(own_error(".csv", "a,b\nx,1\n"), "a.csv:1: there is no column 'label'");
  expect_error(own_error(".csv", "label\n1\n"), "there is no column of sentences");
  expect_error(own_error(".csv", "a,label\nx,k\n", "a,label\nx,l\n"),
               "b.csv:2: the label 'l' is unknown; there are: k");
  expect_error(own_error(".csv", "a,label\nx,k\n", "b,label\nx,k\n"), "there is no column 'a'");
  expect_error(own_error(".json", "{\"a\": \"x\", \"label\": 1}\n{\"a\": \"x\"\n"), "a.json:2: ");
  expect_error(own_error(".json", "{\"a\": \"x\", \"label\": 1}\n{\"label\": 1}\n"),
               "a.json:2: there is no 'a'");
  expect_error(own_error(".json", "[{\"a\": \"x\", \"label\": 1},\n {\"a\": \"x\"}]"),
               "a.json:2: there is no 'label'");
  expect_error(own_error(".json", "[]"), "a.json:1: holds an empty list");
  expect_error(own_error(".json", "\n"), "a.json:1: is empty");
  expect_error(message_of<ValueError>([] { read_sentences({}); }), "no file");
  expect_error(message_of<ValueError>([] { read_sentences({.train = "a.txt"}); }), "a.txt");
  expect_error(message_of<ValueError>([&] {
                 folder.write("v.csv", "a,label\nx,1\n");
                 read_sentences({.validation = folder / "v.csv"});
               }),
               "labels are known by");
  expect_error(
      message_of<ValueError>([&] { read_sentences({.train = "a.csv", .validation = "b.json"}); }),
      "one kind");
}

TEST_F(SentenceFilesTest, WithoutATrainingFileTheModelKnowsTheLabels) {
  folder.write("v.csv", "a,label\nx,no\ny,yes\n");
  const OwnSentences o = read_sentences({.validation = folder / "v.csv"}, Strings{"yes", "no"});
  EXPECT_EQ(o.validation.labels, (Numbers{1, 0}));
  Sentences cut = o.validation;
  cut.keep_first(1);
  EXPECT_EQ(cut.first, (Strings{"x"}));
  EXPECT_EQ(cut.labels, (Numbers{1}));
}

}  // namespace
}  // namespace ingot::glue
