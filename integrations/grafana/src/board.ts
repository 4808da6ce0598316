// A board: places panels, gives them ids, and has what all boards share: links to each other, the variables, the provisional region.

import * as cog from "@grafana/grafana-foundation-sdk/cog";
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";

import { ReportingZone } from "./civil_time";
import { Dimension, allValue, variableQuery } from "./events_sql";
import { kDataSource, kPrometheusVariable } from "./panels";
import { kProvisional } from "./pipeline_sql";

const kColumns = 24;
const kSchemaOfGrafana10 = 38;
export const kTag = "hirestream";
export const kUids = {
  campaigns: "hirestream-campaigns",
  job: "hirestream-job",
  pipeline: "hirestream-pipeline",
} as const;

interface Placed {
  gridPos(position: dashboard.GridPos): this;
  id(id: number): this;
  build(): dashboard.Panel;
}

const kVariableNames: Record<Dimension, string> = {
  company: "Company",
  campaign: "Campaign",
  group: "Group",
  publisher: "Publisher",
  job: "Job",
};

export function severalOf(zone: ReportingZone, dimension: Dimension, companies: boolean): dashboard.QueryVariableBuilder {
  const ofRange = dimension === "group" || dimension === "publisher";
  return new dashboard.QueryVariableBuilder(dimension)
    .id(dimension)
    .label(kVariableNames[dimension])
    .datasource(kDataSource)
    .query(variableQuery(zone, dimension, companies))
    .refresh(ofRange ? dashboard.VariableRefresh.OnTimeRangeChanged : dashboard.VariableRefresh.OnDashboardLoad)
    .sort(dashboard.VariableSort.Disabled)
    .multi(true)
    .includeAll(true)
    .allValue(allValue(dimension))
    .current({ selected: true, text: ["All"], value: ["$__all"] });
}

// Not `job`: links between boards carry variables by name, and Campaign performance has one of several jobs, or All.
export const kOneJob = "one_job";

export function oneJob(zone: ReportingZone): dashboard.QueryVariableBuilder {
  return new dashboard.QueryVariableBuilder(kOneJob)
    .id(kOneJob)
    .label("Job")
    .datasource(kDataSource)
    .query(variableQuery(zone, "job", false))
    .refresh(dashboard.VariableRefresh.OnDashboardLoad)
    .sort(dashboard.VariableSort.Disabled)
    .multi(false)
    .includeAll(false);
}

export function stepVariable(): dashboard.CustomVariableBuilder {
  const options = [
    ["Auto", "auto"],
    ["Hour", "hour"],
    ["Day", "day"],
  ].map(([text, value], index) => ({ text, value, selected: index === 0 }));
  return new dashboard.CustomVariableBuilder("step")
    .id("step")
    .label("Step")
    .values(options.map(({ text, value }) => `${text} : ${value}`).join(","))
    .options(options)
    .current(options[0])
    .multi(false)
    .includeAll(false);
}

// The first Prometheus that Grafana has; without one it is empty, and panels that name it show nothing.
export function prometheusVariable(): dashboard.DatasourceVariableBuilder {
  return new dashboard.DatasourceVariableBuilder(kPrometheusVariable)
    .id(kPrometheusVariable)
    .label("Prometheus")
    .type("prometheus")
    .multi(false)
    .includeAll(false);
}

// The SDK types a target as what the built-in annotations need; a query of the data source belongs there.
class ProvisionalRegion implements cog.Builder<dashboard.AnnotationQuery> {
  build(): dashboard.AnnotationQuery {
    const target = { refId: "Anno", datasource: kDataSource, format: "table", editorMode: "code", rawQuery: true, rawSql: kProvisional };
    const query = new dashboard.AnnotationQueryBuilder()
      .name("Provisional")
      .datasource(kDataSource)
      .enable(true)
      .hide(false)
      .iconColor("rgba(255, 152, 48, 0.6)")
      .build();
    const mappings = { timeEnd: { source: "field", value: "timeend" } };
    return { ...query, target: target as unknown as dashboard.AnnotationTarget, mappings } as dashboard.AnnotationQuery;
  }
}

export class Board {
  private readonly builder: dashboard.DashboardBuilder;
  private x = 0;
  private y = 0;
  private lineHeight = 0;
  private lastId = 0;

  constructor(title: string, uid: string, description: string, range: string) {
    this.builder = new dashboard.DashboardBuilder(title)
      .uid(uid)
      .description(description)
      .tags([kTag])
      .editable()
      .refresh("1m")
      .time({ from: range, to: "now" })
      .tooltip(dashboard.DashboardCursorSync.Crosshair)
      .link(
        new dashboard.DashboardLinkBuilder("hirestream")
          .type(dashboard.DashboardLinkType.Dashboards)
          .tags([kTag])
          .includeVars(true)
          .keepTime(true)
          .asDropdown(false),
      );
  }

  timezone(zone: ReportingZone | null): this {
    this.builder.timezone(zone === null ? "browser" : zone.name === "UTC" ? "utc" : zone.name);
    return this;
  }

  provisional(): this {
    this.builder.annotation(new ProvisionalRegion());
    return this;
  }

  variables(...variables: cog.Builder<dashboard.VariableModel>[]): this {
    this.builder.variables(variables);
    return this;
  }

  // Closed, below all that there is: its panels ask nobody until it is opened.
  addClosedRow(title: string, panels: (Placed & cog.Builder<dashboard.Panel>)[], columns: number, height: number): void {
    const top = this.y + this.lineHeight;
    const row = new dashboard.RowBuilder(title).collapsed(true).id(++this.lastId).gridPos({ x: 0, y: top, w: kColumns, h: 1 });
    const width = kColumns / columns;
    panels.forEach((panel, index) => {
      const [line, column] = [Math.floor(index / columns), index % columns];
      row.withPanel(panel.id(++this.lastId).gridPos({ x: column * width, y: top + 1 + line * height, w: width, h: height }));
    });
    this.builder.withRow(row);
    [this.x, this.y, this.lineHeight] = [0, top, 1];
  }

  // From left to right, then the next line. Returns the panel's id.
  add(panel: Placed & cog.Builder<dashboard.Panel>, width: number, height: number): number {
    if (this.x + width > kColumns) {
      this.x = 0;
      this.y += this.lineHeight;
      this.lineHeight = 0;
    }
    this.builder.withPanel(panel.id(++this.lastId).gridPos({ x: this.x, y: this.y, w: width, h: height }));
    this.x += width;
    this.lineHeight = Math.max(this.lineHeight, height);
    return this.lastId;
  }

  build(): dashboard.Dashboard {
    const board = this.builder.build();
    delete (board as Partial<dashboard.Dashboard>).style; // the user's theme decides; newer versions do not know it
    return { ...board, id: null, schemaVersion: kSchemaOfGrafana10, annotations: { list: board.annotations.list ?? [] } };
  }
}
