// A board as Grafana knows it, put together from the types that it publishes (npm @grafana/schema). With tsconfig.json they are those of
// 10.0, with tsconfig.newest.json those of the newest version. `schema_check.ts` makes JSON schemas of `GrafanaBoard` and of each member of `GrafanaPanels`. The published `Panel` leaves options
// and custom field settings open; here they are those of each kind of panel.

import type * as common from "@grafana/schema";
import type * as grafana from "@grafana/schema/dist/esm/raw/dashboard/x/dashboard_types.gen";
import type * as barchart from "@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen";
import type * as bargauge from "@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

interface Query {
  refId: string;
  datasource: Required<grafana.DataSourceRef>;
  format: "table" | "time_series";
  editorMode: "code";
  rawQuery: true;
  rawSql: string;
}

interface PrometheusQuery {
  refId: string;
  datasource: Required<grafana.DataSourceRef>;
  editorMode: "code";
  expr: string;
  legendFormat: string;
  range: true;
}

interface SharedResult {
  refId: string;
  datasource: Required<grafana.DataSourceRef>;
  panelId: number;
}

// In JSON the lowest step has no value; the published type says a number (-Infinity, in the browser).
type Thresholds = Omit<grafana.ThresholdsConfig, "steps"> & { steps: (Omit<grafana.Threshold, "value"> & { value: number | null })[] };

// Grafana fills in what options leave out.
type PanelOf<Type extends string, Options, Custom> = Omit<
  grafana.Panel,
  "type" | "options" | "fieldConfig" | "targets" | "gridPos" | "id"
> & {
  type: Type;
  id: number;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: (Query | PrometheusQuery | SharedResult)[];
  options: Partial<Options>;
  fieldConfig: {
    defaults: Omit<grafana.FieldConfig, "custom" | "thresholds"> & { custom?: Partial<Custom>; thresholds?: Thresholds };
    overrides: { matcher: grafana.MatcherConfig; properties: { id: string; value?: unknown }[] }[];
  };
};

type None = Record<string, never>;

// Closed: its panels lie in it.
interface Row extends Omit<grafana.RowPanel, "type" | "panels"> {
  type: "row";
  collapsed: true;
  panels: unknown[];
}

export interface GrafanaPanels {
  row: Row;
  stat: PanelOf<"stat", stat.Options, None>;
  bargauge: PanelOf<"bargauge", bargauge.Options, None>;
  barchart: PanelOf<"barchart", barchart.Options, barchart.FieldConfig>;
  table: PanelOf<"table", table.Options, common.TableFieldOptions>;
  timeseries: PanelOf<"timeseries", timeseries.Options, timeseries.FieldConfig>;
}

// The published models of variables and annotations lack members that every Grafana 10 writes itself (includeAll, mappings, a target's SQL).
type Open<T> = T & { [member: string]: unknown };

export interface GrafanaBoard extends Omit<grafana.Dashboard, "panels" | "templating" | "annotations" | "id" | "refresh" | "style"> {
  id: null;
  refresh: string; // the published type only knows false
  panels: { type: keyof GrafanaPanels; [member: string]: unknown }[];
  templating: { list: Open<grafana.VariableModel>[] };
  annotations: { list?: Open<Omit<grafana.AnnotationQuery, "target">>[] };
}
