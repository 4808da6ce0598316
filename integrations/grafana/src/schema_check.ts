// node build/schema_check.js FILE…: says which boards satisfy the types of Grafana 10.0 and of the newest; exit 1 when one does not.

import Ajv, { ErrorObject, ValidateFunction } from "ajv";
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { createGenerator } from "ts-json-schema-generator";

const folder = resolve(__dirname, "..");

interface Checks {
  version: string;
  ajv: Ajv;
  validateBoard: ValidateFunction;
}

function checksOf(dependency: string, tsconfig: string): Checks {
  const generator = createGenerator({
    path: resolve(folder, "src/grafana_types.ts"),
    tsconfig: resolve(folder, tsconfig),
    type: "*",
    skipTypeCheck: true,
  });
  const { version } = JSON.parse(readFileSync(resolve(folder, "node_modules", dependency, "package.json"), "utf8")) as { version: string };
  const ajv = new Ajv({ allErrors: true, strict: false });
  ajv.addSchema({ ...generator.createSchema("GrafanaPanels"), $id: "panels" });
  return { version, ajv, validateBoard: ajv.compile(generator.createSchema("GrafanaBoard")) };
}

const versions = [checksOf("@grafana/schema", "tsconfig.json"), checksOf("@grafana/schema-newest", "tsconfig.newest.json")];

interface Panel {
  type: string;
  title: string;
  panels?: Panel[]; // of a row
}

function complaints({ ajv, validateBoard }: Checks, board: { panels: Panel[] }): string[] {
  const found: string[] = [];
  const add = (where: string, errors: ErrorObject[] | null | undefined) => {
    for (const { instancePath, message, params } of errors ?? [])
      found.push(`${where}${instancePath}: ${message ?? ""} ${JSON.stringify(params)}`);
  };
  if (!validateBoard(board)) add("", validateBoard.errors);
  for (const panel of board.panels.flatMap((one) => [one, ...(one.panels ?? [])])) {
    const validate = ajv.getSchema(`panels#/definitions/GrafanaPanels/properties/${panel.type}`);
    if (validate === undefined) found.push(`${panel.title}: no kind ${panel.type}`);
    else if (!validate(panel)) add(panel.title, validate.errors);
  }
  return found;
}

for (const file of process.argv.slice(2)) {
  const board = JSON.parse(readFileSync(file, "utf8")) as { panels: Panel[] };
  for (const checks of versions) {
    const found = complaints(checks, board);
    if (found.length === 0) {
      console.log(`${basename(file)}: satisfies Grafana ${checks.version}`);
    } else {
      process.exitCode = 1;
      console.error(found.map((line) => `${basename(file)}: Grafana ${checks.version}: ${line}`).join("\n"));
    }
  }
}
