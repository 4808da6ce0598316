// PromQL over what `hirestream mirror --listen` tells (docs/mirror.md). Several mirrors of a table, one a node: a line each.

export interface Line {
  expr: string;
  legend: string;
}

const kOfMirror = "{{table}} on {{instance}}";

const metric = (name: string) => `hirestream_mirror_${name}`;
const rate = (name: string, by: string) => `sum by (table, instance${by}) (rate(${metric(name)}[$__rate_interval]))`;
const increase = (name: string, by = "") => `sum by (table, instance${by}) (increase(${metric(name)}[$__rate_interval]))`;

const plain = (name: string): Line[] => [{ expr: metric(name), legend: kOfMirror }];

export const kState: Line[] = [
  { expr: metric("up"), legend: `mirrors: ${kOfMirror}` },
  { expr: metric("copying"), legend: `copies or compares: ${kOfMirror}` },
  { expr: metric("may_lack_rows"), legend: `may lack rows: ${kOfMirror}` },
];

export const kLag = plain("lag_seconds");

export const kUnread = plain("lag_bytes");

export const kMirroredRows: Line[] = [
  { expr: rate("rows_total", ", from"), legend: `from the {{from}}: ${kOfMirror}` },
  { expr: rate("entries_read_total", ""), legend: `entries read: ${kOfMirror}` },
];

export const kMirrorTroubles: Line[] = [
  { expr: increase("gaps_total"), legend: `gaps: ${kOfMirror}` },
  { expr: increase("partitions_differed_total"), legend: `partitions that differed: ${kOfMirror}` },
  { expr: increase("rows_rejected_total"), legend: `rows without a place: ${kOfMirror}` },
  { expr: increase("errors_total", ", kind"), legend: `{{kind}} errors: ${kOfMirror}` },
];

export const kCopiesAndNotes: Line[] = [
  { expr: increase("copies_total"), legend: `copies and comparisons: ${kOfMirror}` },
  { expr: increase("late_notes_total"), legend: `notes of late rows: ${kOfMirror}` },
];
