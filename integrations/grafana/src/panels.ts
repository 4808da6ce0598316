// What every panel of these boards has in common: the data source, how numbers look, a dash for what does not exist.

import * as cog from "@grafana/grafana-foundation-sdk/cog";
import * as common from "@grafana/grafana-foundation-sdk/common";
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import * as bargauge from "@grafana/grafana-foundation-sdk/bargauge";
import * as barchart from "@grafana/grafana-foundation-sdk/barchart";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as table from "@grafana/grafana-foundation-sdk/table";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";

import { Figure, changeName } from "./events_sql";
import { Line } from "./mirror_promql";

export const kDataSource: dashboard.DataSourceRef = { type: "mysql", uid: "hirestream-mysql" };
// Whichever Prometheus Grafana has: a variable of the board.
export const kPrometheusVariable = "prometheus";
const kPrometheus: dashboard.DataSourceRef = { type: "prometheus", uid: `\${${kPrometheusVariable}}` };
const kSharedResult: dashboard.DataSourceRef = { type: "datasource", uid: "-- Dashboard --" };
export const kDash = "–";

const kUnits = { count: "locale", ratio: "percentunit", money: "locale" } as const;

export function look(figure: Figure): { unit: string; decimals: number } {
  return { unit: kUnits[figure.unit], decimals: { count: 0, ratio: 1, money: 2 }[figure.unit] };
}

// The SDK knows no query of SQL data sources; this is the plugin's own model.
class MysqlQuery implements cog.Builder<cog.Dataquery> {
  constructor(
    private readonly sql: string,
    private readonly format: "table" | "time_series",
  ) {}
  build(): cog.Dataquery {
    const query = { refId: "A", datasource: kDataSource, format: this.format, editorMode: "code", rawQuery: true, rawSql: this.sql };
    return query as unknown as cog.Dataquery;
  }
}

// As of MySQL: the plugin's own model, with no more than is needed.
class PrometheusQuery implements cog.Builder<cog.Dataquery> {
  constructor(
    private readonly line: Line,
    private readonly refId: string,
  ) {}
  build(): cog.Dataquery {
    const { expr, legend } = this.line;
    const query = { refId: this.refId, datasource: kPrometheus, editorMode: "code", expr, legendFormat: legend, range: true };
    return query as unknown as cog.Dataquery;
  }
}

// The result of another panel of the same board.
class SharedResult implements cog.Builder<cog.Dataquery> {
  constructor(private readonly panel: number) {}
  build(): cog.Dataquery {
    return { refId: "A", datasource: kSharedResult, panelId: this.panel } as unknown as cog.Dataquery;
  }
}

interface AnyPanel<T> extends cog.Builder<dashboard.Panel> {
  datasource(source: dashboard.DataSourceRef): T;
  description(text: string): T;
  noValue(text: string): T;
  title(title: string): T;
  withTarget(target: cog.Builder<cog.Dataquery>): T;
}

function withQuery<T extends AnyPanel<T>>(panel: T, title: string, description: string, sql: string, format: "table" | "time_series"): T {
  return panel.title(title).description(description).datasource(kDataSource).noValue(kDash).withTarget(new MysqlQuery(sql, format));
}

export function steps(...colors: [number | null, string][]): dashboard.ThresholdsConfigBuilder {
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(colors.map(([value, color]) => ({ value, color })));
}

const escaped = (name: string) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

function reduced(fields: string, values: boolean, limit?: number): common.ReduceDataOptionsBuilder {
  const reduce = new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]).fields(fields).values(values);
  return limit === undefined ? reduce : reduce.limit(limit);
}

// Values side by side, out of one row.
export function numbers(title: string, description: string, sql: string, names: string[]): stat.PanelBuilder {
  return withQuery(new stat.PanelBuilder(), title, description, sql, "table")
    .reduceOptions(reduced(`/^(${names.map(escaped).join("|")})$/`, false))
    .graphMode(common.BigValueGraphMode.None)
    .colorMode(common.BigValueColorMode.Value)
    .textMode(common.BigValueTextMode.ValueAndName)
    .orientation(common.VizOrientation.Vertical)
    .unit("locale")
    .decimals(0)
    .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.Thresholds))
    .thresholds(steps([null, "text"]));
}

// One figure with its change. `shared`: the panel whose query gives all figures at once.
export function figurePanel(figure: Figure, description: string, source: { sql: string } | { shared: number }): stat.PanelBuilder {
  const { unit, decimals } = look(figure);
  const change = changeName(figure);
  const [rise, fall] = { more: ["green", "red"], less: ["red", "green"], neither: ["text", "text"] }[figure.better];
  const panel = numbers(figure.name, description, "sql" in source ? source.sql : "", [figure.name, change])
    .unit(unit)
    .decimals(decimals)
    .overrideByName(figure.name, [{ id: "displayName", value: figure.name }])
    .overrideByName(change, [
      { id: "displayName", value: "against the hours before" },
      { id: "unit", value: "percentunit" },
      { id: "decimals", value: 1 },
      { id: "thresholds", value: steps([null, fall], [0, "text"], [1e-9, rise]).build() },
    ]);
  return "shared" in source ? panel.datasource(kSharedResult).targets([new SharedResult(source.shared)]) : panel;
}

export function chart(title: string, description: string, sql: string, unit: string): timeseries.PanelBuilder {
  return drawn(withQuery(new timeseries.PanelBuilder(), title, description, sql, "time_series"), unit);
}

// Of Prometheus.
export function metricChart(title: string, description: string, lines: Line[], unit: string): timeseries.PanelBuilder {
  const panel = new timeseries.PanelBuilder().title(title).description(description).datasource(kPrometheus).noValue(kDash);
  return drawn(panel.targets(lines.map((line, index) => new PrometheusQuery(line, String.fromCharCode(65 + index)))), unit);
}

function drawn(panel: timeseries.PanelBuilder, unit: string): timeseries.PanelBuilder {
  return panel
    .unit(unit)
    .min(0)
    .lineWidth(2)
    .fillOpacity(10)
    .showPoints(common.VisibilityMode.Auto)
    .spanNulls(false)
    .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.PaletteClassic))
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.None))
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .calcs([]),
    );
}

// Counts are bars: where nothing happened there is no row, and no line should pretend otherwise.
export function bars(title: string, description: string, sql: string, unit: string, stacked: boolean): timeseries.PanelBuilder {
  const panel = chart(title, description, sql, unit)
    .drawStyle(common.GraphDrawStyle.Bars)
    .fillOpacity(70)
    .lineWidth(0)
    .showPoints(common.VisibilityMode.Never)
    .decimals(0);
  return stacked ? panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group("A")) : panel;
}

// One bar for each row of the result.
export function rowBars(title: string, description: string, sql: string, field: string, unit: string): bargauge.PanelBuilder {
  return withQuery(new bargauge.PanelBuilder(), title, description, sql, "table")
    .reduceOptions(reduced(`/^${escaped(field)}$/`, true, 20))
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .showUnfilled(true)
    .unit(unit)
    .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.PaletteClassicByName))
    .thresholds(steps([null, "blue"]));
}

export function columns(title: string, description: string, sql: string, xField: string, unit: string): barchart.PanelBuilder {
  return withQuery(new barchart.PanelBuilder(), title, description, sql, "table")
    .xField(xField)
    .orientation(common.VizOrientation.Horizontal)
    .unit(unit)
    .showValue(common.VisibilityMode.Auto)
    .fillOpacity(80)
    .colorScheme(new dashboard.FieldColorBuilder().mode(dashboard.FieldColorModeId.PaletteClassic))
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Single).sort(common.SortOrder.None))
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(false)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .calcs([]),
    );
}

export function list(title: string, description: string, sql: string): table.PanelBuilder {
  return withQuery(new table.PanelBuilder(), title, description, sql, "table").showHeader(true);
}

export function figureList(title: string, description: string, sql: string, figures: Figure[]): table.PanelBuilder {
  return figures.reduce(
    (panel, figure) => {
      const { unit, decimals } = look(figure);
      return panel.overrideByName(figure.name, [
        { id: "unit", value: unit },
        { id: "decimals", value: decimals },
      ]);
    },
    list(title, description, sql),
  );
}
