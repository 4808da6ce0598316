// Writes dashboards/*.json and provisioning/alerting/hirestream.yaml.
//   npm run generate                                        what is committed: reporting time zone UTC
//   npm run generate -- --timezone Europe/Berlin [--output FOLDER]

import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";

import { alertFile } from "./alerts";
import { campaignPerformance } from "./campaign_performance";
import { reportingZone } from "./civil_time";
import { jobDetail } from "./job_detail";
import { pipelineHealth } from "./pipeline_health";

const { values } = parseArgs({
  options: { timezone: { type: "string", default: "UTC" }, output: { type: "string", default: resolve(__dirname, "..") } },
});
// Fixed years: the same input gives the same files, whenever.
const zone = reportingZone(values.timezone, 2015, 2037);
const output = values.output;

function write(path: string, text: string): void {
  const file = join(output, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
}

for (const [name, board] of Object.entries({
  campaign_performance: campaignPerformance(zone),
  job_detail: jobDetail(zone),
  pipeline_health: pipelineHealth(),
})) {
  write(`dashboards/${name}.json`, `${JSON.stringify(board, null, 2)}\n`);
}
const head = "# Written by `npm run generate` (integrations/grafana); a test compares. Do not edit.\n";
write("provisioning/alerting/hirestream.yaml", head + stringify(alertFile(zone), { lineWidth: 0, aliasDuplicateObjects: false }));
