// A series as a line of 100 by 24 units that stretches with its place; gaps where there is no value.

export function sparklinePath(values: (number | null)[], width = 100, height = 24): string {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return "";
  const low = Math.min(0, ...known);
  const high = Math.max(...known);
  const scale = high > low ? (height - 3) / (high - low) : 0;
  let path = "";
  let pen = false;
  values.forEach((value, i) => {
    if (value === null) {
      pen = false;
      return;
    }
    const x = (i / (values.length - 1)) * width;
    const y = height - 1.5 - (value - low) * scale;
    path += `${pen ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`;
    pen = true;
  });
  return path;
}

export function Sparkline({ values }: { values: (number | null)[] }) {
  const path = sparklinePath(values);
  return (
    <svg class="sparkline" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      {path && <path d={path} />}
    </svg>
  );
}
