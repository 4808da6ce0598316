// What every part of the page may need: where it is, how to go elsewhere, and the reporting zone.

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Meta } from "./api";
import { kDefaultState, type UrlState } from "./url_state";

export interface Page {
  state: UrlState;
  /** Goes to another state; `replace` leaves no trace for the back button. */
  go: (state: UrlState, replace?: boolean) => void;
  meta: Meta | null;
  zone: string;
}

export const PageContext = createContext<Page>({ state: kDefaultState, go: () => {}, meta: null, zone: "UTC" });

export const usePage = () => useContext(PageContext);
