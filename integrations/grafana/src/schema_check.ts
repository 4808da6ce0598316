// node build/schema_check.js FILE…: says which boards satisfy the types of Grafana 10.0; exit 1 when one does not.

import Ajv from "ajv";
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { createGenerator } from "ts-json-schema-generator";

const folder = resolve(__dirname, "..");
const generator = createGenerator({
  path: resolve(folder, "src/grafana_10_types.ts"),
  tsconfig: resolve(folder, "tsconfig.json"),
  type: "*",
  skipTypeCheck: true,
});
const ajv = new Ajv({ allErrors: true, strict: false });
const validateBoard = ajv.compile(generator.createSchema("Grafana10Board"));
ajv.addSchema({ ...generator.createSchema("Grafana10Panels"), $id: "panels" });

interface Panel {
  type: string;
  title: string;
}

function complaints(board: { panels: Panel[] }): string[] {
  const found: string[] = [];
  const add = (where: string, errors: typeof validateBoard.errors) => {
    for (const { instancePath, message, params } of errors ?? [])
      found.push(`${where}${instancePath}: ${message ?? ""} ${JSON.stringify(params)}`);
  };
  if (!validateBoard(board)) add("", validateBoard.errors);
  for (const panel of board.panels) {
    const validate = ajv.getSchema(`panels#/definitions/Grafana10Panels/properties/${panel.type}`);
    if (validate === undefined) found.push(`${panel.title}: no kind ${panel.type}`);
    else if (!validate(panel)) add(panel.title, validate.errors);
  }
  return found;
}

for (const file of process.argv.slice(2)) {
  const found = complaints(JSON.parse(readFileSync(file, "utf8")) as { panels: Panel[] });
  if (found.length === 0) {
    console.log(`${basename(file)}: satisfies Grafana 10.0`);
  } else {
    process.exitCode = 1;
    console.error(found.map((line) => `${basename(file)}: ${line}`).join("\n"));
  }
}
