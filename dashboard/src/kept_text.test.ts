import { describe, expect, it } from "vitest";
import { KeptText } from "./kept_text";

const refuse = () => {
  throw new DOMException("blocked", "SecurityError");
};

function storageOf(texts: Map<string, string>, setItem: Storage["setItem"] = (key, text) => void texts.set(key, text)): Storage {
  return { getItem: (key: string) => texts.get(key) ?? null, setItem, removeItem: (key: string) => void texts.delete(key) } as Storage;
}

const kBlocked: [string, () => Storage | null][] = [
  ["is refused", refuse],
  ["is null", () => null],
  ["refuses to read and to write", () => ({ getItem: refuse, setItem: refuse, removeItem: refuse }) as unknown as Storage],
  ["is full", () => storageOf(new Map(), refuse)],
];

describe("a kept text", () => {
  it.each(kBlocked)("lasts as long as the page where the storage %s", (_, storage) => {
    const kept = new KeptText("name", storage);
    expect(kept.read()).toBe("");
    kept.write("text");
    expect(kept.read()).toBe("text");
    kept.write("");
    expect(kept.read()).toBe("");
  });

  it("outlives the page where there is a storage", () => {
    const texts = new Map<string, string>();
    const storage = () => storageOf(texts);
    new KeptText("name", storage).write("text");
    expect(new KeptText("name", storage).read()).toBe("text");
    expect(new KeptText("other", storage).read()).toBe("");
  });

  it("leaves nothing behind when it is taken away", () => {
    const texts = new Map<string, string>([["name", "text"]]);
    new KeptText("name", () => storageOf(texts)).write("");
    expect([...texts]).toEqual([]);
  });

  it("leaves no older text behind when the storage takes no new one", () => {
    const texts = new Map<string, string>([["name", "older"]]);
    const full = () => storageOf(texts, refuse);
    new KeptText("name", full).write("newer");
    expect(new KeptText("name", full).read()).toBe("");
  });
});
