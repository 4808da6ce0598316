#include "cli/mirror_status.h"

#include <gmock/gmock.h>

namespace hirestream {
namespace {

using testing::HasSubstr;

class SetClock : public Clock {
 public:
  int64_t now_us() override { return now; }
  int64_t now = 1'000'000'000;
};

const Error kAway{ErrorKind::kTransient, "write", "10.0.0.5", "nobody answers", ""};

TEST(MirrorStatus, IsReadyOnceNothingMayBeMissing) {
  SetClock clock;
  MirrorStatus status("logs.tracking", clock);
  EXPECT_THAT(status.waits_for(), HasSubstr("logs.tracking: it has not begun yet"));
  status.went_on({.may_lack_rows = true});
  EXPECT_THAT(status.waits_for(), HasSubstr("until the log is read"));
  EXPECT_THAT(status.metrics(),
              HasSubstr("hirestream_mirror_may_lack_rows{table=\"logs.tracking\"} 1"));
  status.went_on({.may_lack_rows = false});
  EXPECT_EQ(status.waits_for(), "");
}

TEST(MirrorStatus, WaitsAfterAnErrorUntilItGoesOn) {
  SetClock clock;
  MirrorStatus status("logs.tracking", clock);
  status.went_on({.may_lack_rows = false});
  clock.now += 5'000'000;
  status.failed(kAway);
  status.failed(kAway);
  EXPECT_THAT(status.waits_for(), HasSubstr("nobody answers"));
  const std::string text = status.metrics();
  EXPECT_THAT(text, HasSubstr("hirestream_mirror_up{table=\"logs.tracking\"} 0"));
  EXPECT_THAT(text, HasSubstr("errors_total{kind=\"transient\",table=\"logs.tracking\"} 2"));
  EXPECT_THAT(text, HasSubstr("last_success_timestamp_seconds{table=\"logs.tracking\"} 1000\n"));
  status.went_on({.may_lack_rows = false});
  EXPECT_EQ(status.waits_for(), "");
  EXPECT_THAT(status.metrics(), HasSubstr("hirestream_mirror_up{table=\"logs.tracking\"} 1"));
  EXPECT_THAT(status.metrics(), HasSubstr("kind=\"transient\",table=\"logs.tracking\"} 2"));
}

TEST(MirrorStatus, CountsOnWhenItConnectsAnew) {
  SetClock clock;
  MirrorStatus status("logs.tracking", clock);
  status.went_on({.rows_followed = 5, .gaps = 1});
  status.went_on({.rows_followed = 7, .rows_left = 4, .rows_taken_over = 1, .gaps = 1});
  status.run_ended();
  status.went_on({.rows_followed = 2, .rows_left = 3, .rows_taken_over = 1});
  EXPECT_THAT(status.metrics(), HasSubstr("rows_total{from=\"log\",table=\"logs.tracking\"} 9\n"));
  EXPECT_THAT(status.metrics(), HasSubstr("gaps_total{table=\"logs.tracking\"} 1\n"));
  EXPECT_THAT(status.metrics(), HasSubstr("rows_left_total{table=\"logs.tracking\"} 7\n"));
  EXPECT_THAT(status.metrics(), HasSubstr("rows_taken_over_total{table=\"logs.tracking\"} 2\n"));
}

}  // namespace
}  // namespace hirestream
