#include "cli/completion_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <fstream>

#include "cli/commands.h"

namespace hirestream {
namespace {

using testing::HasSubstr;

class CompletionScript : public testing::Test {
 protected:
  CompletionScript() : app_("test", "hirestream") {
    app_.add_flag("--json", flag_, "As JSON");
    CLI::App* run = app_.add_subcommand("run", "It's for running");
    run->add_option("--source", source_, "Where from");
    run->add_flag("--secret", flag_, "Hidden")->group("");
    app_.add_subcommand("verify", "Compare");
    CLI::App* list = app_.add_subcommand("list", "Show all")->alias("status");
    list->add_option("--since", source_, "From when");
  }

  // What bash offers for a command line whose last word is being typed.
  std::string completions_in_bash(const std::string& words) {
    const std::string path =
        testing::TempDir() + "hirestream-completion-" + std::to_string(getpid()) + ".bash";
    std::ofstream(path) << completion_script(app_, "bash");
    const std::string command =
        "bash -c 'source " + path + "; COMP_WORDS=(" + words +
        "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _hirestream; echo \"${COMPREPLY[@]}\"'";
    std::string out;
    FILE* pipe = popen(command.c_str(), "r");
    std::array<char, 1000> line{};
    while (fgets(line.data(), static_cast<int>(line.size()), pipe) != nullptr) {
      out += line.data();
    }
    EXPECT_EQ(pclose(pipe), 0);
    return out;
  }

  CLI::App app_;
  std::string source_;
  bool flag_ = false;
};

TEST_F(CompletionScript, OffersSubcommandsInBash) {
  EXPECT_EQ(completions_in_bash("hirestream r"), "run\n");
  EXPECT_EQ(completions_in_bash("hirestream --j"), "--json\n");
}

TEST_F(CompletionScript, OffersTheSubcommandsOptionsInBash) {
  EXPECT_EQ(completions_in_bash("hirestream run --s"), "--source\n");
  EXPECT_EQ(completions_in_bash("hirestream verify --j"), "--json\n");
  EXPECT_EQ(completions_in_bash("hirestream verify --s"), "\n");
}

TEST_F(CompletionScript, KnowsOtherNamesOfACommand) {
  EXPECT_EQ(completions_in_bash("hirestream s"), "status\n");
  EXPECT_EQ(completions_in_bash("hirestream status --s"), "--since\n");
  const std::string zsh = completion_script(app_, "zsh");
  EXPECT_THAT(zsh, HasSubstr("\"/status\") commandpath=\"list\""));
  EXPECT_THAT(zsh, HasSubstr("'status:Show all'"));
  const std::string fish = completion_script(app_, "fish");
  EXPECT_THAT(fish, HasSubstr("-a status -d 'Show all'"));
  EXPECT_THAT(fish, HasSubstr("'__fish_seen_subcommand_from list status' -l since"));
}

TEST_F(CompletionScript, QuotesHelpForZshAndFish) {
  EXPECT_THAT(completion_script(app_, "zsh"), HasSubstr("'run:It'\\''s for running'"));
  const std::string fish = completion_script(app_, "fish");
  EXPECT_THAT(fish, HasSubstr("-l source -r -d 'Where from'"));
  EXPECT_THAT(fish, HasSubstr("-a verify -d 'Compare'"));
  EXPECT_EQ(fish.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace hirestream
