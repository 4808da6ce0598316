// Server-sent events out of pieces of text, by the rules of the HTML standard (9.2.6). `EventSource` cannot send a token, so the page
// reads the stream by fetch and needs this.

export interface ServerEvent {
  event: string;
  data: string;
}

export class SseParser {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private first = true;

  /** Events that this piece completes. Pieces may end anywhere, between the two bytes of a line end, too. */
  push(piece: string): ServerEvent[] {
    let text = this.rest + piece;
    if (this.first && text.length > 0) {
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
      this.first = false;
    }
    const events: ServerEvent[] = [];
    let begin = 0;
    for (;;) {
      const end = lineEnd(text, begin);
      if (!end) break;
      this.line(text.slice(begin, end.at), events);
      begin = end.next;
    }
    this.rest = text.slice(begin);
    return events;
  }

  private line(line: string, events: ServerEvent[]): void {
    if (line === "") {
      if (this.data.length > 0) events.push({ event: this.event || "message", data: this.data.join("\n") });
      this.event = "";
      this.data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
  }
}

function lineEnd(text: string, begin: number): { at: number; next: number } | null {
  for (let i = begin; i < text.length; ++i) {
    const code = text.charCodeAt(i);
    if (code === 10) return { at: i, next: i + 1 };
    if (code === 13) {
      // A CR at the end may be half of CRLF: wait for what follows.
      if (i + 1 === text.length) return null;
      return { at: i, next: text.charCodeAt(i + 1) === 10 ? i + 2 : i + 1 };
    }
  }
  return null;
}
