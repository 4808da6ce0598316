import { describe, expect, it } from "vitest";
import type { Entry, Tagged } from "./api";
import { everyEntry, type TaggedClient } from "./every_entry";

const kPage = 2;

/** Gives pages of the list that `listAt` makes for each question, counted from 0. */
function clientOf(listAt: (question: number) => { version: string; ids: string[]; name?: string }) {
  const asked: string[] = [];
  const client: TaggedClient = {
    getTagged: <T>(path: string) => {
      const { version, ids, name = version } = listAt(asked.push(path) - 1);
      const offset = Number(/&offset=(\d+)/.exec(path)?.[1] ?? 0);
      const entries = ids.slice(offset, offset + kPage).map((id) => ({ id, name }) as Entry);
      return Promise.resolve({ data: { total: ids.length, entries }, tag: `${version} ${path}` } as Tagged<T>);
    },
  };
  return { client, asked };
}

const ids = ({ entries }: { entries: Entry[] }) => entries.map(({ id }) => id);
const versions = ({ entries }: { entries: Entry[] }) => [...new Set(entries.map(({ name }) => name))];

describe("every entry", () => {
  it("is read page by page", async () => {
    const { client, asked } = clientOf(() => ({ version: "1", ids: ["a", "b", "c", "d", "e"] }));
    const read = await everyEntry(client, "/top?x");
    expect(ids(read)).toEqual(["a", "b", "c", "d", "e"]);
    expect(read.mixed).toBe(false);
    expect(asked).toEqual(["/top?x", "/top?x&offset=2", "/top?x&offset=4", "/top?x"]);
  });

  it("is of one version of the data: read anew where the order changed in between", async () => {
    // From the second question on, c has overtaken b: pages of both versions have b twice and lack c.
    const { client } = clientOf((question) => (question < 1 ? { version: "1", ids: ["a", "b", "c", "d"] } : { version: "2", ids: ["a", "c", "b", "d"] }));
    const read = await everyEntry(client, "/top?x");
    expect(ids(read)).toEqual(["a", "c", "b", "d"]);
    expect(versions(read)).toEqual(["2"]);
    expect(read.mixed).toBe(false);
  });

  it("has each once where the data changes all the time, and says that it is mixed", async () => {
    const { client, asked } = clientOf((question) => ({ version: String(question), ids: ["a", "b", "c"] }));
    const read = await everyEntry(client, "/top?x");
    expect(ids(read)).toEqual(["a", "b", "c"]);
    expect(read.mixed).toBe(true);
    expect(asked).toHaveLength(15);
  });

  it("is not mixed where only other data changes all the time", async () => {
    const { client, asked } = clientOf((question) => ({ version: String(question), ids: ["a", "b", "c"], name: "same" }));
    const read = await everyEntry(client, "/top?x");
    expect(ids(read)).toEqual(["a", "b", "c"]);
    expect(read.mixed).toBe(false);
    expect(asked).toHaveLength(6);
  });

  it("is an error where none of the attempts was complete", async () => {
    const { client } = clientOf((question) => ({ version: String(question), ids: question % 3 === 0 ? ["a", "b", "c"] : ["a", "c", "b"] }));
    await expect(everyEntry(client, "/top?x")).rejects.toThrow("change faster");
  });

  it("passes on what is wrong with an answer", async () => {
    const client: TaggedClient = { getTagged: () => Promise.reject(new Error("Too busy")) };
    await expect(everyEntry(client, "/top?x")).rejects.toThrow("Too busy");
  });
});
