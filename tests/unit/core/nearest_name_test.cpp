#include <ingot/core/nearest_name.h>

#include <gtest/gtest.h>

namespace ingot {
namespace {

const std::vector<std::string> kOptions = {"--model", "--data",    "--batch-size", "--lr",
                                           "--limit", "--lr-step", "--workers",    "--epochs"};

TEST(NearestName, FindsWhatWasMeant) {
  const std::pair<const char*, const char*> cases[] = {
      {"--batchsize", "--batch-size"},
      {"--batch_size", "--batch-size"},
      {"--Batch-Size", "--batch-size"},
      {"--epoch", "--epochs"},
      {"--wrokers", "--workers"},
      {"--modle", "--model"},
      {"--dta", "--data"},
      {"--epohcs", "--epochs"},
      {"--LR", "--lr"},
      {"--lrstep", "--lr-step"},
  };
  for (const auto& [typed, meant] : cases) EXPECT_EQ(nearest_name(typed, kOptions), meant) << typed;
}

TEST(NearestName, FindsNothingFarAway) {
  for (const char* typed : {"", "--", "--transmogrify", "x", "--colour"})
    EXPECT_EQ(nearest_name(typed, kOptions), "") << typed;
  EXPECT_EQ(nearest_name(std::string(1'000'000, 'x'), kOptions), "");
  EXPECT_EQ(suggestion("--modle", kOptions), "; did you mean --model?");
  EXPECT_EQ(suggestion("--colour", kOptions), "");
}

}  // namespace
}  // namespace ingot
