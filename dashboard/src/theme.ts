// Dark, light, or what the system says.

import { useEffect, useState } from "preact/hooks";

export const kThemes = ["auto", "light", "dark"] as const;
export type Theme = (typeof kThemes)[number];

const kKey = "hirestream.theme";
const kChanged = "hirestream:theme";

export function currentTheme(): Theme {
  try {
    return kThemes.find((theme) => theme === localStorage.getItem(kKey)) ?? "auto";
  } catch {
    return "auto";
  }
}

export function applyTheme(theme: Theme): void {
  document.documentElement.dataset["theme"] = theme;
  try {
    localStorage.setItem(kKey, theme);
  } catch {
    // Without storage it lasts as long as the page.
  }
  window.dispatchEvent(new Event(kChanged));
}

export function isDark(): boolean {
  const theme = document.documentElement.dataset["theme"];
  return theme === "dark" || (theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
}

/** Draws anew what draws with colours by hand (canvas). */
export function useDark(): boolean {
  const [dark, setDark] = useState(isDark);
  useEffect(() => {
    const look = () => setDark(isDark());
    const media = matchMedia("(prefers-color-scheme: dark)");
    media.addEventListener("change", look);
    window.addEventListener(kChanged, look);
    return () => {
      media.removeEventListener("change", look);
      window.removeEventListener(kChanged, look);
    };
  }, []);
  return dark;
}

export function colorOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
