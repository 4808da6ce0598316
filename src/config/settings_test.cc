#include "config/settings.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include "config/setting_table.h"

namespace hirestream {
namespace {

using testing::HasSubstr;

class SettingsTest : public testing::Test {
 protected:
  SettingsTest()
      : path_(std::filesystem::temp_directory_path() /
              ("hirestream-settings-" + std::to_string(getpid()) + ".toml")) {}
  ~SettingsTest() override { std::filesystem::remove(path_); }

  void write_file(const std::string& text) {
    std::ofstream(path_) << text;
    input_.file = path_.string();
  }
  Settings loaded() {
    auto settings = load_settings(input_);
    EXPECT_TRUE(settings.has_value()) << settings.error().text();
    return settings.value_or(Settings{});
  }
  Error refused() {
    auto settings = load_settings(input_);
    EXPECT_FALSE(settings.has_value());
    Error error = settings ? Error{} : settings.error();
    EXPECT_EQ(error.kind, ErrorKind::kConfig);
    return error;
  }

  std::filesystem::path path_;
  SettingsInput input_;
};

TEST_F(SettingsTest, NamesOfSourcesAreText) {
  input_.options = {{"source.uri", "csv:a\xff.csv"}};
  EXPECT_EQ(loaded().sources.front().name, "csv:a\xEF\xBF\xBD.csv");
  EXPECT_EQ(loaded().sources.front().uri->path, "a\xff.csv");
  input_.options.emplace_back("source.name", "a\xff");
  const Error error = refused();
  EXPECT_EQ(error.subject, "option --source-name");
  EXPECT_THAT(error.message, HasSubstr("is no text in UTF-8"));
}

TEST_F(SettingsTest, CheckFindsEveryFaultWithItsPlace) {
  write_file(
      "[engine]\ngrace = 'soon'\noverlap = '1s'\npoll = '1s'\n[egnine]\n[warehouse]\n"
      "uri = 'oracle:x'\n");
  input_.environment = {{"HIRESTREAM_RUN_ONCE", "perhaps"}, {"HIRESTREAM_ENGINE_GRACEE", "1s"}};
  input_.options = {{"engine.look_back", "x"}, {"source.uri", "csv:a.csv"}};
  const CheckedSettings checked = check_settings(input_);
  EXPECT_EQ(checked.settings.engine.overlap_us, 1'000'000);
  EXPECT_EQ(checked.settings.sources.front().uri_text, "csv:a.csv");
  const std::string file = path_.string();
  std::vector<std::string> places;
  for (const Error& fault : checked.faults) {
    EXPECT_EQ(fault.kind, ErrorKind::kConfig) << fault.text();
    places.push_back(fault.subject);
  }
  EXPECT_THAT(places, testing::UnorderedElementsAre(file + ":2", file + ":4", file + ":5",
                                                    file + ":7", "environment HIRESTREAM_RUN_ONCE",
                                                    "environment HIRESTREAM_ENGINE_GRACEE",
                                                    "option --look-back"));
}

TEST_F(SettingsTest, CheckOfGoodSettingsGivesWhatLoadingGives) {
  write_file("[engine]\ngrace = '3min'\n");
  const CheckedSettings checked = check_settings(input_);
  EXPECT_TRUE(checked.faults.empty());
  EXPECT_EQ(checked.settings.engine.grace_us, loaded().engine.grace_us);
}

TEST_F(SettingsTest, OptionBeatsEnvironmentBeatsFileBeatsDefault) {
  write_file("[engine]\ngrace = '3min'\noverlap = '1s'\nlook_back = '20s'\n");
  input_.environment = {{"HIRESTREAM_ENGINE_OVERLAP", "2s"},
                        {"HIRESTREAM_ENGINE_LOOK_BACK", "30s"}};
  input_.options = {{"engine.look_back", "40s"}};
  const Settings settings = loaded();
  EXPECT_EQ(settings.engine.poll_interval_us, 250'000);
  EXPECT_EQ(settings.engine.grace_us, 180'000'000);
  EXPECT_EQ(settings.engine.overlap_us, 2'000'000);
  EXPECT_EQ(settings.engine.look_back_us, 40'000'000);
  EXPECT_EQ(settings.origins.at("engine.look_back"), "option --look-back");
  EXPECT_EQ(settings.origins.at("engine.grace"), path_.string() + ":2");
}

TEST_F(SettingsTest, ReadsSeveralSourcesEachWithItsOwnSettings) {
  write_file(
      "[[source]]\nuri = 'csv:a.csv'\ntimezone = 'Europe/Berlin'\n"
      "[[source]]\nuri = 'cassandra://h/k/t'\nname = 'main'\nshards = '0-2'\nattribution = "
      "'payload'\n");
  const Settings settings = loaded();
  ASSERT_EQ(settings.sources.size(), 2U);
  EXPECT_EQ(settings.sources[0].name, "csv:a.csv");
  EXPECT_EQ(settings.sources[0].timezone, "Europe/Berlin");
  EXPECT_EQ(settings.sources[1].name, "main");
  EXPECT_EQ(settings.sources[1].timezone, "UTC");
  EXPECT_EQ(settings.sources[1].attribution, "payload");
  EXPECT_EQ(settings.sources[1].shards, (std::vector<int32_t>{0, 1, 2}));
}

TEST_F(SettingsTest, SourceOptionsReplaceTheFilesSources) {
  write_file("[[source]]\nuri = 'csv:a.csv'\n[[source]]\nuri = 'csv:b.csv'\n");
  input_.options = {{"source.uri", "csv:c.csv"}};
  const Settings settings = loaded();
  ASSERT_EQ(settings.sources.size(), 1U);
  EXPECT_EQ(settings.sources[0].uri->path, "c.csv");
}

TEST_F(SettingsTest, EnvironmentHoldsForAllSourcesExceptWhatEachHasOfItsOwn) {
  write_file("[[source]]\nuri = 'csv:a.csv'\n[[source]]\nuri = 'csv:b.csv'\n");
  input_.environment = {{"HIRESTREAM_SOURCE_TIMEZONE", "Asia/Tokyo"}};
  EXPECT_EQ(loaded().sources[1].timezone, "Asia/Tokyo");
  input_.environment = {{"HIRESTREAM_SOURCE_URI", "csv:c.csv"}};
  EXPECT_THAT(refused().message, HasSubstr("there are 2 sources"));
}

TEST_F(SettingsTest, RefusesTwoSourcesOfOneName) {
  input_.options = {{"source.uri", "csv:a.csv"}, {"source.uri", "csv:a.csv"}};
  EXPECT_EQ(refused().message, "two sources have this name");
}

TEST_F(SettingsTest, NamesFileLineKeyAndSuggestionOfUnknownKey) {
  write_file("[engine]\n\npoll_intervall = '1s'\n");
  const Error error = refused();
  EXPECT_EQ(error.subject, path_.string() + ":3");
  EXPECT_EQ(error.message, "unknown key 'engine.poll_intervall'");
  EXPECT_EQ(error.hint, "did you mean 'poll_interval'?");
}

TEST_F(SettingsTest, NamesUnknownSectionAndBrokenToml) {
  write_file("[enginee]\n");
  EXPECT_EQ(refused().hint, "did you mean 'engine'?");
  write_file("[engine]\ngrace = \n");
  EXPECT_THAT(refused().subject, HasSubstr(path_.string() + ":2"));
}

TEST_F(SettingsTest, NamesTheLineOfACharacterThatMustStandInAString) {
  write_file("# gr\u00fc\u00dfe \"\n[source]\nname = 'B\u00fcro' # \u00e9\n\"n\u00e4me\" = 1\n");
  EXPECT_EQ(refused().message, "unknown key 'source.n\u00e4me'");
  for (const std::string_view stray :
       {"n\u00e9me = 1", "name \u00e9 = 1", "\u00e9", "name = 'B\u00fcro' \u00e9",
        "name = \"\"\"a\"\"\" \u00e9"}) {
    write_file(fmt::format("[source]\nkind = \"\"\"B\u00fc\nro\\\"\"\"\"\n{}\n", stray));
    EXPECT_EQ(refused().subject, path_.string() + ":4") << refused().text();
    EXPECT_THAT(refused().message, HasSubstr("\u00e9")) << stray;
    EXPECT_EQ(refused().hint, "text beyond ASCII stands in quotes") << stray;
  }
  write_file("[source]\nname = \u00e9\n");
  EXPECT_EQ(refused().subject, path_.string() + ":2");
}

TEST_F(SettingsTest, ReadsTextBeyondAsciiWhereverStringsAllowIt) {
  write_file(
      "\xEF\xBB\xBF[[source]]\nuri = \"\"\"csv:\\\n  \u00e9\u00fc.csv\"\"\"\n"
      "[[source]]\nuri = 'csv:\u6c42\u4eba.csv' # \u00a0\n");
  EXPECT_EQ(loaded().sources[0].uri->path, "\u00e9\u00fc.csv");
  EXPECT_EQ(loaded().sources[1].uri->path, "\u6c42\u4eba.csv");
}

TEST_F(SettingsTest, RefusesControlCharactersInSectionNames) {
  write_file("[\x18un]\n");
  EXPECT_EQ(refused().subject, path_.string() + ":1");
}

TEST_F(SettingsTest, NamesMissingFile) {
  input_.file = "/nonexistent/hirestream.toml";
  EXPECT_THAT(refused().text(), HasSubstr("/nonexistent/hirestream.toml"));
}

TEST_F(SettingsTest, NamesADirectoryGivenForAFile) {
  input_.file = path_.parent_path().string();
  EXPECT_EQ(refused().message, "this is a directory, not a file");
}

TEST_F(SettingsTest, SaysWhatIsAllowedForBadValues) {
  const auto error_of = [&](const std::string& name, const std::string& text) {
    input_.options = {{name, text}};
    return refused();
  };
  EXPECT_EQ(error_of("engine.grace", "120").message, "'120' is not allowed: the unit is missing");
  EXPECT_EQ(error_of("engine.grace", "120").subject, "option --grace");
  EXPECT_THAT(error_of("engine.grace", "30d").message, HasSubstr("too large"));
  EXPECT_THAT(error_of("engine.grace", "30d").hint, HasSubstr("from 0 to 7d"));
  EXPECT_THAT(error_of("engine.rows_per_commit", "0").hint, HasSubstr("from 1 to 100000000"));
  EXPECT_THAT(error_of("source.strategy", "tial").message, HasSubstr("did you mean 'tail'?"));
  EXPECT_THAT(error_of("source.timezone", "Mars/Base").message, HasSubstr("no such time zone"));
  EXPECT_THAT(error_of("engine.audit_delays", "1h,10min").message, HasSubstr("it must rise"));
  EXPECT_THAT(error_of("counting.kinds", "apply=clickk").message,
              HasSubstr("did you mean 'click'?"));
}

TEST_F(SettingsTest, ReadsKindsAsTableOrText) {
  const std::map<std::string, std::string> expected = {{"apply", "conversion"},
                                                       {"view", "impression"}};
  write_file("[counting.kinds]\napply = 'conversion'\nview = 'impression'\n");
  EXPECT_EQ(loaded().counting.kinds, expected);
  input_ = {};
  input_.options = {{"counting.kinds", "apply=conversion, view=impression"}};
  EXPECT_EQ(loaded().counting.kinds, expected);
}

TEST_F(SettingsTest, RefusesTwoKindsOfOneValue) {
  for (const std::string text : {"click=click,CLICK=conversion", "click=click,click=conversion",
                                 "click=click, Click =click"}) {
    input_ = {};
    input_.options = {{"counting.kinds", text}};
    EXPECT_THAT(refused().message, HasSubstr("click=click stands there already")) << text;
  }
  input_ = {};
  write_file("[counting.kinds]\nclick = 'click'\nClick = 'conversion'\n");
  const Error error = refused();
  EXPECT_THAT(error.message, HasSubstr("click=click"));
  EXPECT_THAT(error.message, HasSubstr("Click=conversion"));
}

TEST_F(SettingsTest, RefusesTwoColumnsOfOneNameInATable) {
  write_file("[source.columns]\njob_id = 'a'\nbid = 'a'\n");
  EXPECT_THAT(refused().message, HasSubstr("two columns cannot have one name"));
}

TEST_F(SettingsTest, RefusesACommaInAnEntryOfAList) {
  for (const std::string key : {"null_words", "csv_header"}) {
    write_file("[source]\n" + key + " = ['NULL',\n 'N/A, none']\n");
    const Error error = refused();
    EXPECT_EQ(error.subject, path_.string() + ":3");
    EXPECT_EQ(error.message,
              "source." + key + ": 'N/A, none' is not allowed: a comma ends an entry of a list");
    write_file("[source]\n" + key + " = ['', 'a']\n");
    EXPECT_EQ(key == "null_words" ? loaded().sources[0].null_words : loaded().sources[0].csv_header,
              ",a");
  }
}

TEST_F(SettingsTest, ReadsTomlIntegersListsAndTimes) {
  write_file(
      "[engine]\nrows_per_commit = 5\naudit_delays = ['1min', '2min']\nallow_shrink = true\n"
      "[source]\nstart_at = 2026-01-02T03:04:05Z\nshards = [0, 2]\n");
  const Settings settings = loaded();
  EXPECT_EQ(settings.engine.rows_per_commit, 5);
  EXPECT_EQ(settings.engine.audit_delays_us, (std::vector<int64_t>{60'000'000, 120'000'000}));
  EXPECT_TRUE(settings.engine.allow_shrink);
  EXPECT_EQ(settings.sources[0].start_at_us, 1'767'323'045'000'000);
  EXPECT_EQ(settings.sources[0].shards, (std::vector<int32_t>{0, 2}));
}

TEST_F(SettingsTest, RefusesUnknownVariableOfOursButNotOthers) {
  input_.environment = {{"HIRESTREAM_SERVICE_HOST", "10.0.0.1"}, {"HIRESTREAM_TEST_MYSQL", "x"}};
  loaded();
  input_.environment = {{"HIRESTREAM_ENGINE_POLL", "1s"}};
  EXPECT_EQ(refused().subject, "environment HIRESTREAM_ENGINE_POLL");
  input_.environment = {{"HIRESTREAM_WAREHUOSE_URI", "sqlite:x"}};
  EXPECT_EQ(refused().hint, "did you mean 'HIRESTREAM_WAREHOUSE_URI'?");
}

TEST_F(SettingsTest, TakesPasswordsFromEnvironmentOrFileOnly) {
  input_.options = {{"warehouse.uri", "mysql://root@h/d"}, {"jobs.uri", "mysql://reader@j/d"}};
  input_.environment = {{"HIRESTREAM_MYSQL_PASSWORD", "one"}};
  EXPECT_EQ(loaded().warehouse.password.text, "one");
  EXPECT_EQ(loaded().jobs.password.text, "one");
  std::ofstream(path_) << "two\n";
  input_.environment["HIRESTREAM_JOBS_PASSWORD_FILE"] = path_.string();
  EXPECT_EQ(loaded().jobs.password.text, "two");
  EXPECT_EQ(loaded().jobs.password.file, path_.string());
  EXPECT_EQ(loaded().warehouse.password.file, "");
  input_.environment["HIRESTREAM_JOBS_PASSWORD"] = "three";
  EXPECT_THAT(refused().message, HasSubstr("both HIRESTREAM_JOBS_PASSWORD and"));
  input_.environment.erase("HIRESTREAM_JOBS_PASSWORD");
  input_.environment["HIRESTREAM_JOBS_PASSWORD_FILE"] = "/nonexistent/secret";
  EXPECT_EQ(refused().message, "No such file or directory");
  input_ = {};
  write_file("[warehouse]\npassword = 'x'\n");
  EXPECT_THAT(refused().hint, HasSubstr("environment or a file only"));
}

TEST_F(SettingsTest, APasswordIsWhatItsFileSaysNow) {
  std::ofstream(path_) << "one\n";
  input_.options = {{"warehouse.uri", "mysql://root@h/d"}};
  input_.environment = {{"HIRESTREAM_MYSQL_PASSWORD_FILE", path_.string()}};
  const Secret password = loaded().warehouse.password;
  EXPECT_EQ(password.now().value_or(""), "one");
  std::ofstream(path_) << "two\n";
  EXPECT_EQ(password.now().value_or(""), "two");
  EXPECT_EQ(password.text, "one");
  std::filesystem::remove(path_);
  const auto gone = password.now();
  ASSERT_FALSE(gone.has_value());
  EXPECT_TRUE(gone.error().may_pass);
  EXPECT_EQ(gone.error().subject, path_.string());
  EXPECT_EQ((Secret{"three", ""}.now()).value_or(""), "three");
}

TEST_F(SettingsTest, QuotesBadUriWithoutItsPassword) {
  input_.environment = {{"HIRESTREAM_WAREHOUSE_URI", "mysql://root:s3cret@h/d"}};
  const Error error = refused();
  EXPECT_EQ(error.subject, "environment HIRESTREAM_WAREHOUSE_URI");
  EXPECT_EQ(error.text().find("s3cret"), std::string::npos) << error.text();
}

TEST(SettingTable, HasOneNameVariableAndOptionPerSetting) {
  std::set<std::string> seen;
  for (const Setting& setting : setting_table()) {
    EXPECT_TRUE(seen.insert(setting.name()).second) << setting.name();
    EXPECT_TRUE(seen.insert(setting.environment()).second) << setting.environment();
    EXPECT_TRUE(seen.insert(std::string(setting.option)).second) << setting.option;
    EXPECT_FALSE(setting.help.empty());
    EXPECT_NE(setting.store, nullptr);
  }
}

TEST(ConfigurationReference, ListsEverySetting) {
  const std::string text = configuration_reference();
  for (const Setting& setting : setting_table()) {
    EXPECT_NE(text.find("`" + setting.environment() + "`"), std::string::npos);
  }
}

}  // namespace
}  // namespace hirestream
