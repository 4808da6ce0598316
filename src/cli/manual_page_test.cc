#include "cli/manual_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "config/setting_table.h"

namespace hirestream {
namespace {

using testing::HasSubstr;
using testing::Not;

class ManualPage : public testing::Test {
 protected:
  ManualPage() : app_("What it is for", "hirestream") {
    app_.footer("Exit codes:\n    0  done");
    app_.add_flag("--json", flag_, "As JSON");
    CLI::App* run = app_.add_subcommand("run", "Keep counting");
    run->add_option("--rows", text_, "How many")->type_name("N");
    run->add_option("--source", text_, "Where from")->type_name("URI");
    run->add_flag("--secret", flag_, "Hidden")->group("");
    run->footer("Examples:\n  hirestream run --rows 1");
    app_.add_subcommand("layout", "Of tables")->add_subcommand("show", "What it is");
  }

  std::string page() { return manual_page(app_, "hirestream 1.2.3"); }

  CLI::App app_;
  std::string text_;
  bool flag_ = false;
};

TEST_F(ManualPage, HasEveryCommandWithItsOptionsAndExamples) {
  EXPECT_THAT(page(), HasSubstr("\"hirestream 1.2.3\""));
  EXPECT_THAT(page(), HasSubstr(".SS run\nKeep counting.\n"));
  EXPECT_THAT(page(), HasSubstr(".SS layout show\n"));
  EXPECT_THAT(page(), HasSubstr("\\fB\\-\\-rows N\\fR\nHow many\n"));
  EXPECT_THAT(page(), HasSubstr("\n  hirestream run \\-\\-rows 1\n"));
  EXPECT_THAT(page(), HasSubstr("\\fB\\-\\-json\\fR\nAs JSON\n"));
  EXPECT_THAT(page(), HasSubstr("    0  done"));
  EXPECT_THAT(page(), Not(HasSubstr("secret")));
}

TEST_F(ManualPage, NamesSettingsAtTheirCommandsAndExplainsThemOnce) {
  EXPECT_THAT(page(), HasSubstr("Settings: \\-\\-source.\n"));
  EXPECT_THAT(page(), Not(HasSubstr("Where from")));
  for (const Setting& setting : setting_table()) {
    EXPECT_THAT(page(), HasSubstr("\\fB" + roff_text(setting.environment()) + "\\fR"));
  }
}

TEST(RoffText, MeansItself) {
  EXPECT_EQ(roff_text(".x\n'y\n\\N --a"), "\\&.x\n\\&'y\n\\eN \\-\\-a");
}

}  // namespace
}  // namespace hirestream
