import { describe, expect, it } from "vitest";
import { SseParser, type ServerEvent } from "./sse_parser";

const kStream = 'event: change\ndata: {"version": 1}\n\n: a comment\nevent: pulse\r\ndata: one\r\ndata: two\r\n\r\nid: 7\nretry: 5\n\rdata:no space\r\r';
const kEvents: ServerEvent[] = [
  { event: "change", data: '{"version": 1}' },
  { event: "pulse", data: "one\ntwo" },
  { event: "message", data: "no space" },
];

function parse(pieces: string[]): ServerEvent[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

describe("event stream", () => {
  it("gives the same events wherever it is cut into two", () => {
    for (let at = 0; at <= kStream.length; ++at) {
      // What follows completes the CR at the end.
      expect(parse([kStream.slice(0, at), kStream.slice(at), "\n"]), `cut at ${at}`).toEqual(kEvents);
    }
  });

  it("gives the same events byte by byte", () => {
    expect(parse([...Array.from(kStream), "\n"])).toEqual(kEvents);
  });

  it("gives no event that is not complete, and none without data", () => {
    expect(parse(["event: change\ndata: x\n"])).toEqual([]);
    expect(parse(["event: change\n\n"])).toEqual([]);
  });

  it("does not carry a name over to the next event", () => {
    expect(parse(["event: change\n\ndata: x\n\n"])).toEqual([{ event: "message", data: "x" }]);
  });

  it("skips a byte order mark at the beginning, and only there", () => {
    expect(parse(["\ufeffdata: a\n\n", "\ufeffdata: b\n\n"])).toEqual([{ event: "message", data: "a" }]);
  });

  it("keeps colons and spaces of the value but the first space", () => {
    expect(parse(["data:  a: b\n\n"])).toEqual([{ event: "message", data: " a: b" }]);
  });
});
