import { describe, expect, it } from "vitest";
import { csv } from "./csv";

const lines = (text: string) => text.replace("\ufeff", "").split("\r\n").slice(0, -1);

describe("CSV", () => {
  it("begins with a byte order mark and ends each row with CRLF", () => {
    expect(csv(["a", "b"], [[1, null]])).toBe("\ufeffa,b\r\n1,\r\n");
  });

  it("quotes what needs it", () => {
    expect(lines(csv(["n"], [["plain"], ["a,b"], ['say "x"'], ["two\nlines"]]))).toEqual(["n", "plain", '"a,b"', '"say ""x"""', '"two\nlines"']);
  });

  it("keeps exact decimals and negative numbers as they are", () => {
    expect(lines(csv(["n"], [["12.500000"], ["-3.000001"], [-4]]))).toEqual(["n", "12.500000", "-3.000001", "-4"]);
  });

  it("disarms texts that a spreadsheet would run", () => {
    expect(lines(csv(["n"], [["=1+1"], ["+A1"], ["-A1"], ["@SUM(A1)"], ['=cmd|"x"']]))).toEqual(["n", "'=1+1", "'+A1", "'-A1", "'@SUM(A1)", `"'=cmd|""x"""`]);
  });
});
