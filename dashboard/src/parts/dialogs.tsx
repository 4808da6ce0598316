// The two dialogs: what the keys do, and the token.

import { useEffect, useRef, useState } from "preact/hooks";
import { isToken, storeToken } from "../api";

function useModal() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return dialog;
}

const kKeys: [string, string][] = [
  ["/", "search the breakdown"],
  ["r", "choose the range"],
  ["f", "filters"],
  ["1 2 3", "Performance, Data quality, Pipeline"],
  ["c", "compare with the previous period, or not"],
  ["t", "theme: auto, light, dark"],
  ["↑ ↓ ← →", "move in tables, charts and the slice map"],
  ["Esc", "close, or leave a field"],
  ["?", "this help"],
];

export function HelpDialog({ onClose }: { onClose: () => void }) {
  const dialog = useModal();
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="help-title" onClose={onClose}>
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {kKeys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">Drag over a chart to zoom; click a row to go deeper; the address always leads back to what is shown.</p>
      <button type="button" class="button primary" onClick={() => dialog.current?.close()}>
        Close
      </button>
    </dialog>
  );
}

export function TokenDialog({ rejected, onToken }: { rejected: boolean; onToken: () => void }) {
  const dialog = useModal();
  const [token, setToken] = useState("");
  const typed = token.trim();
  const unsendable = typed !== "" && !isToken(typed);
  const submit = (event: Event) => {
    event.preventDefault();
    if (!isToken(typed)) return;
    storeToken(typed);
    dialog.current?.close();
    onToken();
  };
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="token-title" onCancel={(event) => event.preventDefault()}>
      <form onSubmit={submit}>
        <h2 id="token-title">Token</h2>
        <p>{rejected ? "That token was not accepted." : "This server shows its figures only with a token."} It was set where the server was started.</p>
        <input
          type="password"
          autocomplete="current-password"
          aria-label="Token"
          aria-invalid={unsendable}
          aria-describedby="token-problem"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <p id="token-problem" class="ink-bad" role="alert">
          {unsendable &&
            "A token is of visible ASCII characters only. This one holds something else, perhaps a space or an invisible character: copy it again, or type it."}
        </p>
        <p class="quiet">Kept in this tab only, at most until it is closed.</p>
        <button type="submit" class="button primary" disabled={!isToken(typed)}>
          Continue
        </button>
      </form>
    </dialog>
  );
}
