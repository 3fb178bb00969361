// The table of docs/benchmarks.md. A line: { what, unit, muster, mosquitto, floor, goal, lower, reached }; what is undefined is left out.

const format = (value) => {
  if (value === undefined || value === null || Number.isNaN(value)) return '–';
  if (typeof value === 'string') return value;
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  if (Math.abs(value) >= 100) return value.toFixed(0);
  if (Math.abs(value) >= 10) return value.toFixed(1);
  return value.toFixed(2);
};
const withUnit = (value, unit) => (typeof value === 'number' && unit ? `${format(value)} ${unit}` : format(value));
const ratio = (a, b) => (typeof a === 'number' && typeof b === 'number' && b > 0 ? (a / b).toFixed(2) : '–');

export const header = `| what | Muster | Mosquitto | ratio | floor | Muster / floor | to reach |
|---|---|---|---|---|---|---|
`;

export const render = (lines) => lines.map(({ what, unit = '', muster, mosquitto, floor, goal = '' }) =>
  `| ${what} | ${withUnit(muster, unit)} | ${withUnit(mosquitto, unit)} | ${ratio(muster, mosquitto)} | ${withUnit(floor, unit)} | ${ratio(muster, floor)} | ${goal} |`).join('\n') + (lines.length ? '\n' : '');

/** What went wrong in these runs, for a line of its own; [] when nothing did. */
export function faults(what, results) {
  const names = { lost: 'lost', duplicates: 'doubled', out_of_order: 'out of order', refused: 'refused', unacknowledged: 'never acknowledged', disconnected: 'connections lost', failed: 'failed' };
  const tell = (result) => Object.entries(names)
    .map(([key, name]) => [result?.runs.reduce((sum, one) => sum + (one[key] ?? 0), 0), name])
    .filter(([sum]) => sum > 0).map(([sum, name]) => `${name} ${sum.toLocaleString('en-US')}`).join(', ');
  const texts = results.map((result) => (result ? tell(result) || 'none' : undefined));
  return texts.some((text) => text !== undefined && text !== 'none')
    ? [{ what: `— ${what}: lost or doubled, all runs`, muster: texts[0], mosquitto: texts[1], floor: texts[2] }] : [];
}
