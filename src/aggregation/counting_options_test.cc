#include "aggregation/counting_options.h"

#include <gtest/gtest.h>

namespace hirestream {
namespace {

TEST(KindMapping, TextNamesEveryValueAndItsKind) {
  EXPECT_EQ(KindMapping{}.text(),
            "click=click,conversion=conversion,qualified=qualified,unqualified=unqualified,"
            "ev:1=impression");
}

TEST(KindMapping, TextChangesWithEveryPartOfTheMapping) {
  const std::string standard = KindMapping{}.text();
  KindMapping more;
  more.kinds["interview_scheduled"] = EventKind::kQualified;
  EXPECT_NE(more.text(), standard);
  KindMapping other;
  other.kinds["click"] = EventKind::kOther;
  EXPECT_EQ(other.text(),
            "click=other,conversion=conversion,qualified=qualified,unqualified=unqualified,"
            "ev:1=impression");
  KindMapping page_view;
  page_view.page_view_ev = "page";
  EXPECT_NE(page_view.text(), standard);
  KindMapping none;
  none.kinds.clear();
  EXPECT_EQ(none.text(), "ev:1=impression");
}

TEST(Attribution, HasNames) {
  EXPECT_EQ(attribution_name(Attribution::kColumns), "columns");
  EXPECT_EQ(attribution_name(Attribution::kPayload), "payload");
}

TEST(CountingOptions, DefaultsAreTheDocumentedOnes) {
  const CountingOptions options;
  EXPECT_EQ(options.attribution, Attribution::kColumns);
  EXPECT_EQ(options.reporting_zone.name(), "UTC");
  EXPECT_EQ(options.ts_min_us, 946684800000000);
  EXPECT_EQ(options.future_max_us, int64_t{24} * 3600 * 1'000'000);
}

}  // namespace
}  // namespace hirestream
