// The questions that the visible view asks, asked again together whenever the data changes.

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { Problem, type ApiClient } from "./api";

export interface Answer<T> {
  /** With an `error`, an older answer to this question. */
  data: T | null;
  error: Problem | null;
  /** `data` answers the question before, for as long as this one is under way: to be shown as such. */
  outdated: boolean;
}

export interface Result {
  path: string;
  data: unknown;
  error: Problem | null;
}

type Listener = (result: Result) => void;

interface Question {
  listeners: Set<Listener>;
  abort: AbortController | null;
  failed: boolean;
  refused: boolean;
}

/** By the server, as the question stands: asking the same again brings the same. */
export function isRefusal({ status }: Problem): boolean {
  // A token may come, a crowd may go.
  return status >= 400 && status < 500 && ![401, 408, 429].includes(status);
}

const kRetry_ms = 4_000;

export class QueryHub {
  private readonly questions = new Map<string, Question>();

  constructor(
    readonly client: ApiClient,
    private readonly onAnswer: () => void = () => {},
  ) {
    setInterval(() => void this.retry(), kRetry_ms);
  }

  watch(path: string, listener: Listener): () => void {
    let question = this.questions.get(path);
    if (!question) {
      question = { listeners: new Set(), abort: null, failed: false, refused: false };
      this.questions.set(path, question);
    }
    question.listeners.add(listener);
    void this.ask(path, question);
    const watched = question;
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size > 0) return;
      watched.abort?.abort();
      this.questions.delete(path);
    };
  }

  refresh(): Promise<unknown> {
    return this.askAll((question) => !question.refused);
  }

  /** Every few seconds by itself; at once when a person wants it. */
  retry(): Promise<unknown> {
    return this.askAll((question) => question.failed && !question.refused);
  }

  private askAll(wanted: (question: Question) => boolean): Promise<unknown> {
    return Promise.all([...this.questions].filter(([, question]) => wanted(question)).map(([path, question]) => this.ask(path, question)));
  }

  private async ask(path: string, question: Question): Promise<void> {
    question.abort?.abort();
    const abort = new AbortController();
    question.abort = abort;
    let result: Result;
    try {
      result = { path, data: await this.client.get(path, abort.signal), error: null };
    } catch (error) {
      if (abort.signal.aborted) return;
      const problem = error instanceof Problem ? error : new Problem(0, "The answer makes no sense", String(error));
      result = { path, data: null, error: problem };
    }
    if (question.abort !== abort) return;
    question.abort = null;
    question.failed = result.error !== null;
    question.refused = result.error !== null && isRefusal(result.error);
    if (!question.failed) this.onAnswer();
    for (const listener of question.listeners) listener(result);
  }
}

/** The last result of a view's question, with what may still be shown of the results before. */
export interface Shown<T> {
  path: string | null;
  data: T | null;
  error: Problem | null;
}

export const kNothingShown = { path: null, data: null, error: null };

/** Figures outlive a failed refresh of their own question, never the failure of another. */
export function shownAfter<T>(before: Shown<T>, { path, data, error }: Result): Shown<T> {
  const asked = before.path === path;
  const kept = error ? (asked ? before.data : null) : (data as T);
  const unchanged = asked && before.data === kept && before.error?.message === error?.message;
  return unchanged ? before : { path, data: kept, error };
}

export function answerTo<T>(path: string | null, shown: Shown<T>): Answer<T> {
  if (path === null) return { data: null, error: null, outdated: false };
  const answered = shown.path === path;
  return { data: shown.data, error: answered ? shown.error : null, outdated: !answered && shown.data !== null };
}

export const HubContext = createContext<QueryHub | null>(null);

export function useQuery<T>(path: string | null): Answer<T> {
  const hub = useContext(HubContext);
  const [shown, setShown] = useState<Shown<T>>(kNothingShown);
  useEffect(() => {
    if (!hub || path === null) return undefined;
    return hub.watch(path, (result) => setShown((before) => shownAfter(before, result)));
  }, [hub, path]);
  return answerTo(path, shown);
}
