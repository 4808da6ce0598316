// Dark, light, or what the system says. <html data-theme> is what is shown: public/theme.js sets it before anything is painted, this
// module whenever it changes.

import { useEffect, useState } from "preact/hooks";
import { KeptText } from "./kept_text";

export const kThemes = ["auto", "light", "dark"] as const;
export type Theme = (typeof kThemes)[number];

const kChanged = "hirestream:theme";

const kept = new KeptText("hirestream.theme", () => localStorage);

export function currentTheme(): Theme {
  return kThemes.find((theme) => theme === kept.read()) ?? "auto";
}

const darkSystem = () => matchMedia("(prefers-color-scheme: dark)");

function show(): void {
  const theme = currentTheme();
  const dark = theme === "dark" || (theme === "auto" && darkSystem().matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  window.dispatchEvent(new Event(kChanged));
}

export function applyTheme(theme: Theme): void {
  kept.write(theme);
  show();
}

/** Once: the page changes with the system. */
export function followSystem(): void {
  darkSystem().addEventListener("change", show);
}

function isDark(): boolean {
  return document.documentElement.dataset["theme"] === "dark";
}

/** Draws anew what draws with colours by hand (canvas). */
export function useDark(): boolean {
  const [dark, setDark] = useState(isDark);
  useEffect(() => {
    const look = () => setDark(isDark());
    window.addEventListener(kChanged, look);
    return () => window.removeEventListener(kChanged, look);
  }, []);
  return dark;
}

export function colorOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
