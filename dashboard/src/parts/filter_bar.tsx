// Filters as chips, and the panel that sets them.

import { useState } from "preact/hooks";
import type { NamedId } from "../api";
import { usePage } from "../context";
import { nameOf } from "../format";
import { useQuery } from "../query_hub";
import { kDefaultState, kDimensions, type Dimension } from "../url_state";
import { Popover } from "./popover";
import { Skeleton } from "./states";

interface Names {
  names: NamedId[];
}

const titled = (dimension: Dimension) => dimension.charAt(0).toUpperCase() + dimension.slice(1);

function useSetFilter() {
  const { state, go } = usePage();
  return (dimension: Dimension, ids: string[]) => go({ ...state, filters: { ...state.filters, [dimension]: ids }, page: 1 });
}

function Chips({ dimension }: { dimension: Dimension }) {
  const { state } = usePage();
  const set = useSetFilter();
  const ids = state.filters[dimension];
  const { data } = useQuery<Names>(ids.length > 0 ? `/api/v1/names/${dimension}?id=${ids.join(",")}&limit=${ids.length}` : null);
  const nameOfId = (id: string) => nameOf({ id, name: data?.names.find((entry) => entry.id === id)?.name ?? "" }, dimension);
  const many = ids.length > 3;
  const chips = many ? [{ key: "all", text: `${ids.length} chosen`, left: [] as string[] }] : ids.map((id) => ({ key: id, text: nameOfId(id), left: ids.filter((other) => other !== id) }));
  return (
    <>
      {chips.map(({ key, text, left }) => (
        <li key={key} class="chip" data-dimension={dimension}>
          <span class="chip-dimension">{titled(dimension)}</span>
          <span class="chip-name">{text}</span>
          <button type="button" aria-label={`Remove filter ${titled(dimension)} ${text}`} onClick={() => set(dimension, left)}>
            ×
          </button>
        </li>
      ))}
    </>
  );
}

function Choices({ dimension, search }: { dimension: Dimension; search: string }) {
  const { state } = usePage();
  const set = useSetFilter();
  const { data, error, outdated } = useQuery<Names>(`/api/v1/names/${dimension}?search=${encodeURIComponent(search)}&limit=50`);
  if (error) return <p class="quiet">{error.detail}</p>;
  if (!data) return <Skeleton height={180} />;
  const chosen = state.filters[dimension];
  return (
    <ul class={`choices ${outdated ? "outdated" : ""}`}>
      {data.names.map((entry) => {
        const { id } = entry;
        const on = chosen.includes(id);
        return (
          <li key={id}>
            <label>
              <input type="checkbox" checked={on} onChange={() => set(dimension, on ? chosen.filter((other) => other !== id) : [...chosen, id])} />
              <span>{nameOf(entry, dimension)}</span>
              <span class="quiet">{id}</span>
            </label>
          </li>
        );
      })}
      {data.names.length === 0 && <li class="quiet pad">Nothing matches.</li>}
    </ul>
  );
}

function FilterPanel() {
  const [dimension, setDimension] = useState<Dimension>("company");
  const [search, setSearch] = useState("");
  return (
    <div class="filter-panel">
      <div class="segments" role="group" aria-label="Filter by">
        {kDimensions.map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={name === dimension}
            onClick={() => {
              setDimension(name);
              setSearch("");
            }}
          >
            {titled(name)}
          </button>
        ))}
      </div>
      <input
        type="search"
        value={search}
        placeholder={`Name or number of a ${dimension}`}
        aria-label={`Search for a ${dimension}`}
        onInput={(event) => setSearch(event.currentTarget.value)}
      />
      <Choices key={dimension} dimension={dimension} search={search} />
    </div>
  );
}

export function FilterBar() {
  const { state, go } = usePage();
  const [open, setOpen] = useState(false);
  const any = kDimensions.some((dimension) => state.filters[dimension].length > 0);
  return (
    <div class="filters">
      <Popover label="+ Filter" name="Filters" open={open} onOpen={setOpen}>
        <FilterPanel />
      </Popover>
      {any && (
        <ul class="chips" aria-label="Filters">
          {kDimensions.map((dimension) => (
            <Chips key={dimension} dimension={dimension} />
          ))}
          <li>
            <button type="button" class="link" onClick={() => go({ ...state, filters: kDefaultState.filters, page: 1 })}>
              Clear
            </button>
          </li>
        </ul>
      )}
    </div>
  );
}
