// The questions that the visible view asks, asked again together whenever the data changes.

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { Problem, type ApiClient } from "./api";

export interface Answer<T> {
  /** The newest answer; while a new question is under way, still the one before. */
  data: T | null;
  error: Problem | null;
  /** No answer to this very question has come yet. */
  pending: boolean;
}

interface Result {
  path: string;
  data: unknown;
  error: Problem | null;
}

type Listener = (result: Result) => void;

interface Question {
  listeners: Set<Listener>;
  abort: AbortController | null;
  failed: boolean;
  /** By the server, as it stands: asking the same again brings the same. */
  refused: boolean;
}

function isRefusal({ status }: Problem): boolean {
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
    setInterval(() => void this.retryFailed(), kRetry_ms);
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

  private retryFailed(): Promise<unknown> {
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

export const HubContext = createContext<QueryHub | null>(null);

export function useQuery<T>(path: string | null): Answer<T> {
  const hub = useContext(HubContext);
  const [state, setState] = useState<{ path: string | null; data: T | null; error: Problem | null }>({ path: null, data: null, error: null });
  useEffect(() => {
    if (!hub || path === null) return undefined;
    return hub.watch(path, (result) =>
      setState((before) => {
        const data = result.error ? before.data : (result.data as T);
        const same = before.path === path && before.data === data && before.error?.message === result.error?.message;
        return same ? before : { path, data, error: result.error };
      }),
    );
  }, [hub, path]);
  return { data: state.data, error: state.path === path ? state.error : null, pending: state.path !== path };
}
