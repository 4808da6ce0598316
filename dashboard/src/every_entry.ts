// All entries of a top list, which the API gives in pages: of one version of the data, or at least each once.

import type { Entry, Tagged, Top } from "./api";

/** What is asked: an ApiClient. */
export interface TaggedClient {
  getTagged<T>(path: string): Promise<Tagged<T>>;
}

export interface EveryEntry {
  entries: Entry[];
  /** The figures changed at each attempt: entries are of versions some moments apart. */
  mixed: boolean;
}

const kAttempts = 5;

interface Attempt {
  entries: Map<string, Entry>;
  /** Of one version of the data. */
  settled: boolean;
  /** No entry twice, none missing. */
  complete: boolean;
}

async function attempt(client: TaggedClient, path: string): Promise<Attempt> {
  const first = await client.getTagged<Top>(path);
  const { total } = first.data;
  const entries = new Map(first.data.entries.map((entry) => [entry.id, entry]));
  let read = first.data.entries.length;
  let sameTotal = true;
  while (read < total) {
    const { data } = await client.getTagged<Top>(`${path}&offset=${read}`);
    if (data.entries.length === 0) break;
    for (const entry of data.entries) entries.set(entry.id, entry);
    read += data.entries.length;
    sameTotal &&= data.total === total;
  }
  // An answer may be newer than its tag, never older: where the first tag still holds, all were of its version.
  const again = await client.getTagged<Top>(path);
  const complete = sameTotal && read === total && entries.size === total;
  return { entries, complete, settled: complete && first.tag !== null && again.tag === first.tag };
}

/** Throws a Problem where an answer is one, and an Error where no attempt was complete. */
export async function everyEntry(client: TaggedClient, path: string): Promise<EveryEntry> {
  let entries: Entry[] | null = null;
  for (let i = 0; i < kAttempts; ++i) {
    const made = await attempt(client, path);
    if (!made.complete) continue;
    const before = entries;
    entries = [...made.entries.values()];
    // Data outside the question makes a new version, too: what is read twice alike has stood still.
    if (made.settled || isSame(before, entries)) return { entries, mixed: false };
  }
  if (!entries) throw new Error("The figures change faster than they can be read.");
  return { entries, mixed: true };
}

const isSame = (a: Entry[] | null, b: Entry[]) => JSON.stringify(a) === JSON.stringify(b);
