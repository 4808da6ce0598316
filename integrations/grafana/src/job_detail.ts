// One job: what it got and cost, hour by hour, from whom.

import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";

import { Board, kUids, oneJob, severalOf, stepVariable } from "./board";
import { addFigures, kTableFigures } from "./campaign_performance";
import { ReportingZone } from "./civil_time";
import { Filter, cells, kFigures, kJobFacts, series, top } from "./events_sql";
import { bars, chart, figureList, list } from "./panels";

const f = kFigures;

export function jobDetail(zone: ReportingZone): dashboard.Dashboard {
  const filter: Filter = { zone, dimensions: ["publisher"], job: true };
  const board = new Board(
    "Job detail",
    kUids.job,
    "One job: key figures, hours, publishers, and the rows of `events` behind them.",
    "now-7d",
  )
    .timezone(zone)
    .provisional()
    .variables(oneJob(zone), severalOf(zone, "publisher", false), stepVariable());
  board.add(
    list("Job", "What the job directory knows.", kJobFacts).overrideByRegexp("/ id$/", [
      { id: "unit", value: "none" },
      { id: "decimals", value: 0 },
    ]),
    24,
    4,
  );
  addFigures(board, filter);
  board.add(
    bars("Impressions and clicks", "Of each step.", series(filter, [f.impressions, f.clicks], "bars"), "locale", false).interval("1h"),
    12,
    9,
  );
  board.add(
    bars("Applications", "Of each step.", series(filter, [f.conversions, f.qualified, f.unqualified], "bars"), "locale", false).interval("1h"),
    12,
    9,
  );
  board.add(
    chart(
      "Rates",
      "Clicks / impressions, conversions / clicks, qualified / judged, of each step.",
      series(filter, [f.clickThroughRate, f.conversionRate, f.qualifiedRatio], "lines"),
      "percentunit",
    )
      .interval("1h")
      .decimals(1),
    12,
    9,
  );
  board.add(
    bars("Spend", "Sum of the bids of each step's clicks.", series(filter, [f.spend], "bars"), "locale", false)
      .interval("1h")
      .decimals(2),
    12,
    9,
  );
  board.add(
    figureList(
      "Publishers",
      "Who brought what.",
      top(filter, { dimension: "publisher", figures: kTableFigures, by: "spend", limit: 50, ids: true }),
      kTableFigures,
    ).overrideByName("Publisher id", [
      { id: "unit", value: "none" },
      { id: "decimals", value: 0 },
    ]),
    24,
    9,
  );
  board.add(
    list(
      "Cells",
      "The newest 1,000 rows of `events` of this job in the range, one for each hour, publisher, campaign and group.",
      cells(filter, 1000),
    )
      .overrideByRegexp("/ id$/", [
        { id: "unit", value: "none" },
        { id: "decimals", value: 0 },
      ])
      .overrideByName("Changed", [{ id: "unit", value: "dateTimeAsIso" }])
      .overrideByName("Spend", [
        { id: "unit", value: "locale" },
        { id: "decimals", value: 2 },
      ]),
    24,
    12,
  );
  return board.build();
}
