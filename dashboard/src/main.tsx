import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./styles.css";
import { App } from "./app";
import { applyTheme, currentTheme } from "./theme";

applyTheme(currentTheme());
const place = document.getElementById("app");
if (place) {
  place.replaceChildren();
  render(<App />, place);
}
