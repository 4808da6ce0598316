// What the money bought: the board for people who pay for job ads.

import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";

import { Board, kOneJob, kUids, severalOf, stepVariable } from "./board";
import { ReportingZone } from "./civil_time";
import { Dimension, Figure, Filter, kDimensions, kFigures, keyFigures, series, top } from "./events_sql";
import { bars, chart, columns, figureList, figurePanel, rowBars } from "./panels";

const kAgainst = "Below: change against as many hours just before the range. Hours of the range count whole.";
const f = kFigures;
const kRow: [Figure, string][] = [
  [f.impressions, "Page views of job ads."],
  [f.clicks, "Paid clicks on job ads."],
  [f.conversions, "Applications."],
  [f.qualified, "Applications found qualified."],
  [f.unqualified, "Applications found unqualified."],
  [f.averageBid, "Spend / clicks: what a click was bid on average."],
  [f.spend, "Sum of the bids of all clicks."],
  [f.cpc, "Cost per click: spend / clicks."],
  [f.cpa, "Cost per application: spend / conversions."],
  [f.cpqa, "Cost per qualified application: spend / qualified."],
];
export const kTableFigures = [
  f.impressions,
  f.clicks,
  f.clickThroughRate,
  f.conversions,
  f.conversionRate,
  f.qualified,
  f.unqualified,
  f.qualifiedRatio,
  f.spend,
  f.cpc,
  f.cpa,
  f.cpqa,
];

// The first panel asks for all figures; the others show parts of its result.
export function addFigures(board: Board, filter: Filter): void {
  const sql = keyFigures(
    filter,
    kRow.map(([figure]) => figure),
  );
  let first: number | undefined;
  kRow.forEach(([figure, description], index) => {
    const source = first === undefined ? { sql } : { shared: first };
    const id = board.add(figurePanel(figure, `${description} ${kAgainst}`, source), index < 6 ? 4 : 6, 5);
    first ??= id;
  });
}

function addTable(board: Board, filter: Filter, dimension: Dimension, title: string, width: number): void {
  const sql = top(filter, { dimension, figures: kTableFigures, by: "spend", limit: 50, ids: true });
  const label = title.replace("Top ", "");
  const panel = figureList(title, `The 50 ${label} with the most spend in the range.`, sql, kTableFigures);
  const name = dimension[0].toUpperCase() + dimension.slice(1);
  if (dimension === "job") {
    const url = `/d/${kUids.job}?var-${kOneJob}=\${__data.fields["Job id"]}&\${__url_time_range}`;
    panel.overrideByName(name, [{ id: "links", value: [{ title: "Job detail", url, targetBlank: false }] }]);
  }
  panel.overrideByName(`${name} id`, [
    { id: "unit", value: "none" },
    { id: "decimals", value: 0 },
    { id: "custom.width", value: 110 },
  ]);
  board.add(panel, width, 10);
}

export function campaignPerformance(zone: ReportingZone): dashboard.Dashboard {
  const filter: Filter = { zone, dimensions: kDimensions };
  const board = new Board(
    "Campaign performance",
    kUids.campaigns,
    "What jobs, campaigns, publishers and groups got and cost. Rates are quotients of sums; – means that there is nothing to divide by.",
    "now-7d",
  )
    .timezone(zone)
    .provisional()
    .variables(...kDimensions.map((dimension) => severalOf(zone, dimension, true)), stepVariable());
  addFigures(board, filter);
  board.add(
    chart("Click-Through Rate", "Clicks / impressions of each step.", series(filter, [f.clickThroughRate], "lines"), "percentunit")
      .interval("1h")
      .decimals(1),
    12,
    9,
  );
  board.add(
    bars("Conversions over Time", "Applications of each step.", series(filter, [f.conversions], "bars"), "locale", false).interval("1h"),
    12,
    9,
  );
  board.add(
    rowBars(
      "Qualified Ratio per Campaign",
      "Qualified / (qualified + unqualified) of the 20 campaigns with the most spend; – where no application was judged.",
      top(filter, { dimension: "campaign", figures: [f.qualifiedRatio], by: "spend", limit: 20, ids: false }),
      f.qualifiedRatio.name,
      "percentunit",
    )
      .min(0)
      .max(1)
      .decimals(1),
    12,
    10,
  );
  board.add(
    columns(
      "Spend by Group",
      "The 20 groups with the most spend.",
      top(filter, { dimension: "group", figures: [f.spend], by: "spend", limit: 20, ids: false }),
      "Group",
      "locale",
    ).decimals(2),
    12,
    10,
  );
  board.add(
    bars("Spend over Time", "Sum of the bids of each step's clicks.", series(filter, [f.spend], "bars"), "locale", false)
      .interval("1h")
      .decimals(2),
    12,
    9,
  );
  board.add(
    bars(
      "Applications by Outcome",
      "Judged applications of each step.",
      series(filter, [f.qualified, f.unqualified], "bars"),
      "locale",
      true,
    ).interval("1h"),
    12,
    9,
  );
  addTable(board, filter, "job", "Top jobs", 24);
  addTable(board, filter, "campaign", "Top campaigns", 24);
  addTable(board, filter, "company", "Top companies", 24);
  addTable(board, filter, "publisher", "Top publishers", 24);
  return board.build();
}
