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
  /** Of the asking that is under way. */
  answered: Promise<void> | null;
  /** In a row. */
  failures: number;
  refused: boolean;
  /** After a failure: not before, whatever changes; and by itself not before. */
  held_ms: number;
  due_ms: number;
}

/** By the server, as the question stands: asking the same again brings the same. */
export function isRefusal({ status }: Problem): boolean {
  // A token may come, a crowd may go.
  return status >= 400 && status < 500 && ![401, 408, 429].includes(status);
}

const kTick_ms = 1_000;
/** Doubled by each failure in a row, up to the second. */
const kRetry_ms = 2_000;
const kRetryMax_ms = 30_000;
/** Longer than a server takes for any answer: a connection that has broken off unnoticed is given up. */
const kPatience_ms = 90_000;

function noteOutcome(question: Question, error: Problem | null): void {
  question.failures = error ? question.failures + 1 : 0;
  question.refused = error !== null && isRefusal(error);
  question.held_ms = error ? Date.now() + Math.max(kRetry_ms, error.retryAfter_ms) : 0;
  const backoff_ms = Math.min(kRetry_ms * 2 ** (question.failures - 1), kRetryMax_ms);
  question.due_ms = error ? Math.max(Date.now() + backoff_ms, question.held_ms) : 0;
}

function problemOfError(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(0, "The answer makes no sense", String(error));
}

export class QueryHub {
  private readonly questions = new Map<string, Question>();

  constructor(
    readonly client: ApiClient,
    private readonly onAnswer: () => void = () => {},
  ) {
    setInterval(() => void this.retryDue(), kTick_ms);
  }

  watch(path: string, listener: Listener): () => void {
    let question = this.questions.get(path);
    if (!question) {
      question = { listeners: new Set(), abort: null, answered: null, failures: 0, refused: false, held_ms: 0, due_ms: 0 };
      this.questions.set(path, question);
    }
    question.listeners.add(listener);
    void this.join(path, question);
    const watched = question;
    return () => {
      watched.listeners.delete(listener);
      if (watched.listeners.size > 0) return;
      watched.abort?.abort();
      this.questions.delete(path);
    };
  }

  /** The data has changed: an answer that is under way may be of the data before, and what has failed may have an answer now. */
  refresh(): Promise<unknown> {
    const now_ms = Date.now();
    return this.each(({ refused, held_ms }) => !refused && now_ms >= held_ms, (path, question) => this.ask(path, question));
  }

  /** What has failed, at once, since a person wants it. */
  retry(): Promise<unknown> {
    return this.each(({ failures, refused }) => failures > 0 && !refused, (path, question) => this.join(path, question));
  }

  /** Everything, at once, since who asks is another. */
  askAnew(): Promise<unknown> {
    return this.each(() => true, (path, question) => this.ask(path, question));
  }

  private retryDue(): Promise<unknown> {
    const now_ms = Date.now();
    return this.each(
      ({ failures, refused, due_ms }) => failures > 0 && !refused && now_ms >= due_ms,
      (path, question) => this.join(path, question),
    );
  }

  private each(wanted: (question: Question) => boolean, act: (path: string, question: Question) => Promise<void>): Promise<unknown> {
    return Promise.all([...this.questions].filter(([, question]) => wanted(question)).map(([path, question]) => act(path, question)));
  }

  /** The answer that is under way, or else a new one. */
  private join(path: string, question: Question): Promise<void> {
    return question.answered ?? this.ask(path, question);
  }

  private ask(path: string, question: Question): Promise<void> {
    question.abort?.abort();
    const abort = new AbortController();
    question.abort = abort;
    question.answered = this.answer(path, question, abort);
    return question.answered;
  }

  private async answer(path: string, question: Question, abort: AbortController): Promise<void> {
    const result = await this.resultOf(path, abort);
    if (!result || question.abort !== abort) return;
    question.abort = null;
    question.answered = null;
    noteOutcome(question, result.error);
    if (!result.error) this.onAnswer();
    for (const listener of question.listeners) listener(result);
  }

  /** Null: nobody waits for it any more. */
  private async resultOf(path: string, abort: AbortController): Promise<Result | null> {
    const patience = setTimeout(() => abort.abort(new Problem(0, "No answer", "The server takes too long.")), kPatience_ms);
    try {
      return { path, data: await this.client.get(path, abort.signal), error: null };
    } catch (error) {
      if (!abort.signal.aborted) return { path, data: null, error: problemOfError(error) };
      const reason: unknown = abort.signal.reason;
      return reason instanceof Problem ? { path, data: null, error: reason } : null;
    } finally {
      clearTimeout(patience);
    }
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
