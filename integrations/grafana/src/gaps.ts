// Where nothing was noted there is no row, and a line would be drawn across. Grafana's own fill ($__timeGroup(…, NULL)) sets its points to
// whole intervals of UTC, where civil days of other zones do not begin; so the query gives a point of NULL behind each one that the next
// does not follow within a step.

// `points`: a query with the columns `moment` (epoch seconds), those of `axes`, and `names`. A gap is one on every axis: the hour that
// summer time leaves out is none, nor is the day that lasts 25 hours.
export function brokenAtGaps(points: string, names: string[], step: string, axes: string[] = []): string {
  const all = ["moment", ...axes];
  const next = all.map((axis) => `LEAD(t.${axis}) OVER (ORDER BY t.moment) AS next_${axis}`);
  const gap = all.map((axis) => `p.next_${axis} - p.${axis} > ${step}`);
  const values = names.map((name) => `IF(g.n = 0, p.\`${name}\`, NULL) AS \`${name}\``);
  return `SELECT p.moment + g.n * ${step} AS \`time\`,
  ${values.join(",\n  ")}
FROM (
SELECT t.*, ${next.join(", ")}
FROM (
${points}) t) p
JOIN (SELECT 0 AS n UNION ALL SELECT 1) g ON g.n = 0 OR (${gap.join(" AND ")})
ORDER BY \`time\``;
}
