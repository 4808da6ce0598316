// The shell: header, address, keys, and the view in between.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiClient, storedToken, storeToken, type Meta } from "./api";
import { PageContext, type Page } from "./context";
import { Refresher } from "./refresher";
import { kNoPulse, LiveStream, type Pulse } from "./live_stream";
import { HelpDialog, TokenDialog } from "./parts/dialogs";
import { FilterBar } from "./parts/filter_bar";
import { Freshness, SettledLine, UnreadBanner } from "./parts/freshness";
import { RangePicker } from "./parts/range_picker";
import { EmptyWarehouse, ProblemCard, Skeleton } from "./parts/states";
import { HubContext, QueryHub, useQuery } from "./query_hub";
import { applyTheme, currentTheme, kThemes, type Theme } from "./theme";
import { formatState, kViews, parseState, type UrlState, type View } from "./url_state";
import { PerformanceView } from "./views/performance";
import { PipelineView } from "./views/pipeline";
import { QualityView } from "./views/quality";

const kViewNames: Record<View, string> = { performance: "Performance", quality: "Data quality", pipeline: "Pipeline" };

function useAddress(): [UrlState, Page["go"]] {
  const [state, setState] = useState(() => parseState(location.search));
  useEffect(() => {
    const back = () => setState(parseState(location.search));
    window.addEventListener("popstate", back);
    return () => window.removeEventListener("popstate", back);
  }, []);
  const go = useCallback((next: UrlState, replace = false) => {
    const address = location.pathname + formatState(next);
    if (address !== location.pathname + location.search) {
      if (replace) history.replaceState(null, "", address);
      else history.pushState(null, "", address);
    }
    setState(next);
  }, []);
  return [state, go];
}

function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState<Theme>(currentTheme);
  useEffect(() => applyTheme(theme), [theme]);
  const next = useCallback(() => setTheme((now) => kThemes[(kThemes.indexOf(now) + 1) % kThemes.length] ?? "auto"), []);
  return [theme, next];
}

interface Keys {
  page: () => Page;
  nextTheme: () => void;
  help: () => void;
}

function useKeys(keys: Keys): void {
  const newest = useRef(keys);
  newest.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { target } = event;
      const typing = target instanceof HTMLInputElement && target.type !== "checkbox";
      if (typing && event.key === "Escape") target.blur();
      if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const { page, nextTheme, help } = newest.current;
      const { state, go } = page();
      const focus = (selector: string) => document.querySelector<HTMLElement>(selector)?.focus();
      const actions: Record<string, () => void> = {
        "/": () => focus("#search"),
        r: () => focus("#range [aria-pressed=true], #range button"),
        f: () => document.querySelector<HTMLElement>(".filters > .popover-root > button")?.click(),
        c: () => go({ ...state, compare: !state.compare }),
        t: nextTheme,
        "?": help,
      };
      kViews.forEach((view, i) => (actions[String(i + 1)] = () => go({ ...state, view })));
      const action = actions[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" />
      <path d="M6 21c4 0 4-10 8-10s4 10 8 10c2 0 3-2.5 4-5" />
      <circle cx="26" cy="10" r="2.6" />
    </svg>
  );
}

function Header({ pulse, theme, nextTheme, help }: { pulse: Pulse; theme: Theme; nextTheme: () => void; help: () => void }) {
  const link = (view: View, state: UrlState) => formatState({ ...state, view }) || "?";
  return (
    <PageContext.Consumer>
      {({ state, go }) => (
        <header class="top">
          <a class="brand" href="?" aria-label="hirestream, start">
            <Logo />
            <span>hirestream</span>
          </a>
          <nav class="views" aria-label="Views">
            {kViews.map((view) => (
              <a
                key={view}
                href={link(view, state)}
                aria-current={state.view === view ? "page" : undefined}
                onClick={(event) => {
                  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                  event.preventDefault();
                  go({ ...state, view });
                }}
              >
                {kViewNames[view]}
              </a>
            ))}
          </nav>
          <div class="status">
            <SettledLine />
            <Freshness pulse={pulse} />
          </div>
          <div class="tools">
            <button type="button" class="icon" title={`Theme: ${theme} (t)`} aria-label={`Theme: ${theme}`} onClick={nextTheme}>
              <span aria-hidden="true">{{ auto: "◐", light: "☀", dark: "☾" }[theme]}</span>
            </button>
            <button type="button" class="icon" title="Keys (?)" aria-label="Keys" onClick={help}>
              <span aria-hidden="true">?</span>
            </button>
          </div>
        </header>
      )}
    </PageContext.Consumer>
  );
}

function ConnectionBanner({ pulse, onRetry }: { pulse: Pulse; onRetry: () => void }) {
  if (pulse.connection === "polling") {
    return (
      <div class="banner warn" role="status" data-test="polling">
        <strong>Not live.</strong> As many pages follow the server as it allows. This one asks for the figures every ten seconds instead, and goes
        live by itself when there is room.
      </div>
    );
  }
  if (pulse.connection !== "lost") return null;
  return (
    <div class="banner bad" role="status" data-test="disconnected">
      <strong>Disconnected.</strong> What is shown is as of the last answer; the page connects again by itself.{" "}
      <button type="button" class="link" onClick={onRetry}>
        Try now
      </button>
    </div>
  );
}

function Content({ page }: { page: Page }) {
  const { state, go } = page;
  if (page.meta && page.meta.first_hour === null && state.view === "performance") return <EmptyWarehouse />;
  if (state.view === "quality") return <QualityView />;
  if (state.view === "pipeline") return <PipelineView />;
  return (
    <>
      <div class="toolbar">
        <RangePicker />
        <label class="toggle">
          <input type="checkbox" checked={state.compare} onChange={() => go({ ...state, compare: !state.compare })} /> Compare
        </label>
        <FilterBar />
        <span class="zone quiet">Times in {page.zone}</span>
      </div>
      <PerformanceView />
    </>
  );
}

function Shell({ pulse, retry, go, state }: { pulse: Pulse; retry: () => void; go: Page["go"]; state: UrlState }) {
  const { data: meta, error } = useQuery<Meta>("/api/v1/meta");
  const [theme, nextTheme] = useTheme();
  const [help, setHelp] = useState(false);
  const zone = meta?.timezone ?? "UTC";
  const page = useMemo((): Page => ({ state, go, meta, zone }), [state, go, meta, zone]);
  useKeys({ page: () => page, nextTheme, help: () => setHelp(true) });
  useEffect(() => {
    document.title = `${kViewNames[state.view]} · hirestream`;
  }, [state.view]);
  return (
    <PageContext.Provider value={page}>
      <a class="skip" href="#content">
        Skip to content
      </a>
      <Header pulse={pulse} theme={theme} nextTheme={nextTheme} help={() => setHelp(true)} />
      <main id="content" tabIndex={-1}>
        <ConnectionBanner pulse={pulse} onRetry={retry} />
        <UnreadBanner pulse={pulse} />
        <h1 class="hidden">{kViewNames[state.view]}</h1>
        {meta ? <Content page={page} /> : error ? error.status !== 401 && <ProblemCard problem={error} /> : <Skeleton height={480} />}
      </main>
      <footer class="bottom quiet">{meta && `hirestream ${meta.version}, ${meta.warehouse}, times in ${zone}`}</footer>
      {help && <HelpDialog onClose={() => setHelp(false)} />}
    </PageContext.Provider>
  );
}

export function App() {
  const [state, go] = useAddress();
  const [pulse, setPulse] = useState<Pulse>(kNoPulse);
  const [asking, setAsking] = useState<"no" | "first" | "again">("no");
  const hub = useMemo(
    () =>
      new QueryHub(
        new ApiClient(() => {
          const tried = storedToken() !== "";
          storeToken("");
          setAsking((now) => (now === "no" ? (tried ? "again" : "first") : now));
        }),
      ),
    [],
  );
  const refresher = useMemo(() => new Refresher(() => hub.refresh()), [hub]);
  const stream = useMemo(() => new LiveStream(setPulse, () => refresher.request()), [refresher]);
  useEffect(() => {
    stream.start();
    const seen = () => refresher.plan();
    document.addEventListener("visibilitychange", seen);
    // Without any change the last hours still move on.
    const clock = setInterval(() => refresher.request(), 60_000);
    return () => {
      clearInterval(clock);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [stream, refresher]);
  const isLive = pulse.connection === "live";
  useEffect(() => {
    // A server that is back: what has failed meanwhile need not wait.
    if (isLive) void hub.retry();
  }, [hub, isLive]);
  const onToken = () => {
    setAsking("no");
    hub.client.forget();
    stream.start();
    void hub.askAnew();
  };
  return (
    <HubContext.Provider value={hub}>
      <Shell pulse={pulse} retry={() => stream.start()} go={go} state={state} />
      {asking !== "no" && <TokenDialog rejected={asking === "again"} onToken={onToken} />}
    </HubContext.Provider>
  );
}
