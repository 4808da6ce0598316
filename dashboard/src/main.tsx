import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./styles.css";
import { App } from "./app";
import { followSystem } from "./theme";

followSystem();
const place = document.getElementById("app");
if (place) {
  place.replaceChildren();
  render(<App />, place);
}
