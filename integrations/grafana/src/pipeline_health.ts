// How far behind the numbers are, what could not be counted, and whether anything needs a person.

import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";

import { Board, kUids, prometheusVariable } from "./board";
import * as promql from "./mirror_promql";
import { bars, chart, kDataSource, list, metricChart, numbers, steps } from "./panels";
import * as sql from "./pipeline_sql";

const kWhole = [
  { id: "unit", value: "locale" },
  { id: "decimals", value: 0 },
];

// Ids of sources are few, so "All" lists them.
function sourceVariable(): dashboard.QueryVariableBuilder {
  return new dashboard.QueryVariableBuilder("source")
    .id("source")
    .label("Source")
    .datasource(kDataSource)
    .query(sql.kSourceVariable)
    .refresh(dashboard.VariableRefresh.OnDashboardLoad)
    .sort(dashboard.VariableSort.Disabled)
    .multi(true)
    .includeAll(true)
    .current({ selected: true, text: ["All"], value: ["$__all"] });
}

export function pipelineHealth(): dashboard.Dashboard {
  const board = new Board("Pipeline health", kUids.pipeline, "Freshness, what was read and not counted, slices, commits.", "now-6h")
    .timezone(null)
    .variables(sourceVariable(), prometheusVariable());
  board.add(
    numbers("Rows by class (all time)", "Every row read is in exactly one class, over all time.", sql.kAccounting, [
      "Read",
      "Counted",
      "Unattributed",
      "Other kinds",
      "Rejected",
      "Too late",
      "Rejected share",
    ]).overrideByName("Rejected share", [
      { id: "unit", value: "percentunit" },
      { id: "decimals", value: 2 },
      { id: "thresholds", value: steps([null, "green"], [0.001, "orange"], [0.01, "red"]).build() },
    ]),
    15,
    5,
  );
  board.add(
    numbers(
      "Slices (all time)",
      "Open: may still grow. Settled: recounted whole. Frozen: never change again. Held: need a person, see `hirestream status`.",
      sql.kSlices,
      ["Open", "Settled", "Frozen", "Held"],
    ).overrideByName("Held", [{ id: "thresholds", value: steps([null, "green"], [1, "red"]).build() }]),
    9,
    5,
  );
  board.add(
    chart(
      "Freshness",
      "From a row's arrival to its being in `events`; of several minutes or sources the worst.",
      sql.kFreshness,
      "s",
    ).interval("1m"),
    12,
    9,
  );
  board.add(bars("Rows", "Rows seen for the first time, and rows read in all.", sql.kRows, "locale", false).interval("1m"), 12, 9);
  board.add(
    chart("Read amplification", "How often a row is read; four to five times, with audits more.", sql.kReadAmplification, "none")
      .interval("1m")
      .decimals(1),
    12,
    8,
  );
  board.add(
    bars(
      "Settled, audited, corrected",
      "Slices; corrected: a recount differed from what was counted.",
      sql.kCorrections,
      "locale",
      false,
    ).interval("1m"),
    12,
    8,
  );
  board.add(chart("Commit time", "Of a transaction in the warehouse.", sql.kCommits, "s").interval("1m"), 8, 8);
  board.add(
    bars(
      "Conflicts and retries",
      "Conflicts: another writer replaced a slice first. Retries: an error that passed.",
      sql.kTroubles,
      "locale",
      true,
    ).interval("1m"),
    8,
    8,
  );
  board.add(
    bars(
      "Rejected rows",
      "Rows that could not be counted, when they were first seen; `hirestream rejects` shows them.",
      sql.kRejectedRows,
      "locale",
      false,
    ).interval("1m"),
    8,
    8,
  );
  board.add(
    list(
      "Rejects by reason",
      "Rejected rows that are kept, first seen in the range. `hirestream rejects` shows them, `hirestream rejects retry` counts those that can be counted now.",
      sql.kRejects,
    )
      .overrideByName("Rows kept", kWhole)
      .overrideByName("Newest", [{ id: "unit", value: "dateTimeAsIso" }]),
    10,
    10,
  );
  board.add(
    list(
      "Kinds not counted (all time)",
      "What custom_track says, or `ev`, of rows that are of no kind that counts (other) or name no job (unattributed); `hirestream status` shows the newest of each.",
      sql.kKindsNotCounted,
    )
      .overrideByName("Rows", kWhole)
      .overrideByName("Newest", [{ id: "unit", value: "dateTimeAsIso" }]),
    24,
    8,
  );
  board.add(
    list("Shards", "What lies before `Settled until` is settled.", sql.kShards)
      .overrideByName("Settled until", [{ id: "unit", value: "dateTimeAsIso" }])
      .overrideByName("Behind now", [{ id: "unit", value: "s" }])
      .overrideByName("Last commit", [{ id: "unit", value: "s" }]),
    14,
    10,
  );
  board.add(
    list("Sources", "What each source counts, and how.", sql.kSources).overrideByRegexp(
      "/^(Read|Counted|Unattributed|Other kinds|Rejected|Too late|Held slices)$/",
      kWhole,
    ),
    24,
    8,
  );
  board.add(
    list(
      "Verifications",
      "What the last `hirestream verify` of each source found; differences: slices that differ or are damaged, cells of `events` that do not follow from the ledger.",
      sql.kVerifications,
    )
      .overrideByRegexp("/^(Differences|Rows read|Slices|Held|Cells)$/", kWhole)
      .overrideByName("Verified", [{ id: "unit", value: "dateTimeFromNow" }])
      .overrideByName("Differences", [
        { id: "thresholds", value: steps([null, "green"], [1, "red"]).build() },
        { id: "custom.cellOptions", value: { type: "color-text" } },
      ]),
    24,
    6,
  );
  board.addClosedRow(
    "Mirror of a plain table (Prometheus)",
    [
      metricChart("Mirror: state", "1: yes. `hirestream mirror` mirrors, copies or compares, or may lack rows until a copy is complete.", promql.kState, "none"),
      metricChart("Mirror: lag", "How long ago all that was written by then was in the mirror; near 0 when idle.", promql.kLag, "s"),
      metricChart("Mirror: unread log", "Of Cassandra's commit log, of all tables, that was not read yet.", promql.kUnread, "bytes"),
      metricChart("Mirror: rows", "Rows written into the mirror in a second, and entries read for that, of all tables.", promql.kMirroredRows, "locale"),
      metricChart(
        "Mirror: gaps, differences, errors",
        "Gaps of the log, partitions that differed when they were compared, rows that have no place in the mirror, errors that were tried again.",
        promql.kMirrorTroubles,
        "locale",
      ),
      metricChart(
        "Mirror: copies and notes",
        "Copies and comparisons that were completed, and minutes of which the engine was told that rows came late.",
        promql.kCopiesAndNotes,
        "locale",
      ),
    ],
    3,
    8,
  );
  return board.build();
}
