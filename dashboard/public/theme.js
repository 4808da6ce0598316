// Light or dark, as chosen before or as the system says, before anything is painted. The rest is in src/theme.ts.
(function () {
  let chosen = null;
  try {
    chosen = localStorage.getItem("hirestream.theme");
  } catch {
    // Without storage the system decides.
  }
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
