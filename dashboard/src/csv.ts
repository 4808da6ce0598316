// RFC 4180, with the byte order mark that makes spreadsheet programs read UTF-8.

export type Field = string | number | null;

/** A text that a spreadsheet would run as a formula gets an apostrophe before it; numbers stay numbers. */
function quoted(field: Field): string {
  if (field === null) return "";
  if (typeof field === "number") return String(field);
  const safe = /^[=+\-@\t\r]/.test(field) && !/^-?\d+(\.\d+)?$/.test(field) ? `'${field}` : field;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csv(header: string[], rows: Field[][]): string {
  return "\ufeff" + [header, ...rows].map((row) => row.map(quoted).join(",") + "\r\n").join("");
}

export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
