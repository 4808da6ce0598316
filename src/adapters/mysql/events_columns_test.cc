#include "adapters/mysql/events_columns.h"

#include <gtest/gtest.h>

namespace hirestream::mysql {
namespace {

TEST(EventsColumns, HaveRoomAsInOurOwnTable) {
  EventsColumns columns;
  columns.add("job_id", "bigint");
  columns.add("company_id", "bigint(20)");  // MariaDB shows a width
  columns.add("clicks", "bigint");
  columns.add("sources", "varchar(255)");
  columns.add("sources", "text");
  columns.add("hours", "tinyint");
  columns.add("somebody's", "int");
  EXPECT_TRUE(columns.fit()) << columns.fault();
}

TEST(EventsColumns, AreRefusedWhenAnIdOrADifferenceHasNoRoom) {
  for (const char* type :
       {"int", "int(11)", "int unsigned", "bigint unsigned", "bigint(20) unsigned", "mediumint",
        "smallint(6)", "varchar(20)", "double"}) {
    for (const char* name :
         {"job_id", "publisher_id", "campaign_id", "group_id", "company_id", "impressions",
          "clicks", "conversion", "qualified_application", "disqualified_application"}) {
      EventsColumns columns;
      columns.add(name, type);
      EXPECT_FALSE(columns.fit()) << name << " " << type;
    }
  }
}

TEST(EventsColumns, AreNamedWithTypeAndTheStatementThatMendsThem) {
  EventsColumns columns;
  columns.add("job_id", "int unsigned");
  columns.add("clicks", "bigint unsigned");
  columns.add("sources", "varchar(9)");
  EXPECT_EQ(columns.fault(),
            "job_id is int unsigned, which has no room for every value, clicks is bigint unsigned, "
            "which has no room for every value, sources is varchar(9), which has no room for every "
            "value");
  EXPECT_EQ(
      columns.alter(),
      "ALTER TABLE events MODIFY job_id BIGINT NOT NULL, MODIFY clicks BIGINT NOT NULL DEFAULT "
      "0, MODIFY sources VARCHAR(255) NOT NULL DEFAULT ''");
}

}  // namespace
}  // namespace hirestream::mysql
