// Order-free: any order, split or repetition of reads gives the same numbers.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "aggregation/contribution_codec.h"
#include "aggregation/row_id_set.h"
#include "aggregation/tally.h"
#include "model_generators.h"

namespace hirestream {
namespace {

struct Count {
  std::string blob;
  RowDigest digest;
  RowClasses classes;
  std::vector<RejectedRow> rejects;  // by id
  friend bool operator==(const Count&, const Count&) = default;
};

Count count_of(const Tally& tally) {
  auto rejects = tally.rejects();
  std::sort(rejects.begin(), rejects.end(),
            [](const RejectedRow& a, const RejectedRow& b) { return a.id < b.id; });
  return {encode_contribution(tally.contribution()), tally.digest(), tally.classes(), rejects};
}

CountingOptions any_options() {
  CountingOptions options;
  options.attribution = *rc::gen::element(Attribution::kColumns, Attribution::kPayload);
  options.reporting_zone =
      *TimeZone::find(*rc::gen::element<std::string>("UTC", "Europe/Berlin", "Asia/Kolkata"));
  return options;
}

Tally tally_of(const std::vector<RowSpec>& rows, const CountingOptions& options) {
  RowClassifier classifier(options);
  TrackingBatch batch;
  for (const RowSpec& row : rows) {
    append_row(batch, row);
  }
  Tally tally;
  tally.add(classifier, batch);
  return tally;
}

// Every row at least once, some again, in any order.
std::vector<RowSpec> any_reading_of(const std::vector<RowSpec>& rows) {
  std::vector<std::pair<uint32_t, RowSpec>> reading;
  for (const RowSpec& row : rows) {
    const auto times = *rc::gen::element(1, 1, 1, 2, 3);
    for (int i = 0; i < times; ++i) {
      reading.emplace_back(*rc::gen::noShrink(rc::gen::arbitrary<uint32_t>()), row);
    }
  }
  std::sort(reading.begin(), reading.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<RowSpec> out;
  for (auto& [order, row] : reading) {
    out.push_back(row);
  }
  return out;
}

RC_GTEST_PROP(Counting, DoesNotDependOnOrderSplitOrRepetition, ()) {
  const auto rows = *any_rows();
  const CountingOptions options = any_options();
  const Count expected = count_of(tally_of(rows, options));

  RowClassifier classifier(options);
  RowIdSet seen;
  Tally tally;
  TrackingBatch batch;
  const auto flush = [&] {
    std::vector<uint32_t> fresh;
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      if (seen.insert(batch.id(row))) {
        fresh.push_back(row);
      }
    }
    tally.add(classifier, batch, fresh);
    batch.clear();
  };
  for (const RowSpec& row : any_reading_of(rows)) {
    append_row(batch, row);
    if (*rc::gen::inRange(0, 8) == 0) {
      flush();
    }
  }
  flush();
  RC_ASSERT(count_of(tally) == expected);
  RC_ASSERT(seen.size() == rows.size());
}

RC_GTEST_PROP(Counting, SumOfThePartsIsTheWhole, ()) {
  const auto rows = *any_rows();
  const CountingOptions options = any_options();
  std::vector<std::vector<RowSpec>> parts(3);
  for (const RowSpec& row : rows) {
    parts[*rc::gen::inRange<size_t>(0, parts.size())].push_back(row);
  }
  Contribution sum;
  RowDigest digest;
  RowClasses classes;
  for (const auto& part : parts) {
    const Tally tally = tally_of(part, options);
    sum = merge(sum, tally.contribution());
    digest += tally.digest();
    classes += tally.classes();
  }
  const Tally whole = tally_of(rows, options);
  RC_ASSERT(encode_contribution(sum) == encode_contribution(whole.contribution()));
  RC_ASSERT(digest == whole.digest());
  RC_ASSERT(classes == whole.classes());
}

RC_GTEST_PROP(Counting, AccountsForEveryRow, ()) {
  const auto rows = *any_rows();
  const Tally tally = tally_of(rows, any_options());
  RC_ASSERT(tally.classes().total() == static_cast<int64_t>(rows.size()));
  int64_t events = 0;
  for (const Cell& cell : tally.contribution()) {
    const Measures& m = cell.measures;
    RC_ASSERT(!m.any_negative());
    events += m.impressions + m.clicks + m.conversions + m.qualified + m.unqualified;
  }
  RC_ASSERT(events == tally.classes().counted);
  RC_ASSERT(tally.rejects().size() == static_cast<size_t>(tally.classes().rejected));
}

RC_GTEST_PROP(Counting, DigestSeesEveryMissingRow, ()) {
  auto rows = *any_rows();
  RC_PRE(!rows.empty());
  const CountingOptions options = any_options();
  const RowDigest whole = tally_of(rows, options).digest();
  rows.erase(rows.begin() + *rc::gen::inRange<ptrdiff_t>(0, static_cast<ptrdiff_t>(rows.size())));
  RC_ASSERT(!(tally_of(rows, options).digest() == whole));
}

}  // namespace
}  // namespace hirestream
