// Data of the report, small helpers, and the state that the address of the page carries.

const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

const byId = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function shape(tag, attributes = {}) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// [class, frames, class, frames, ...] as {label, start, end}, end not included.
function runsOf(flat) {
  const runs = [];
  let start = 0;
  for (let place = 0; place < flat.length; place += 2) {
    runs.push({ label: flat[place], start, end: start + flat[place + 1] });
    start += flat[place + 1];
  }
  return runs;
}

// Index of the run that holds a frame.
function runAt(runs, frame) {
  let low = 0;
  let high = runs.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[middle].end > frame) high = middle;
    else low = middle + 1;
  }
  return low;
}

// Frames [start, end) where two segmentations of one video disagree about classes that `counts` accepts.
function errorsOf(truth, predicted, counts) {
  const found = [];
  let t = 0;
  let p = 0;
  let start = 0;
  while (t < truth.length && p < predicted.length) {
    const [first, second] = [truth[t], predicted[p]];
    const end = Math.min(first.end, second.end);
    if (first.label !== second.label && (counts(first.label) || counts(second.label))) {
      const last = found[found.length - 1];
      if (last && last.end === start) last.end = end;
      else found.push({ start, end });
    }
    if (first.end === end) t += 1;
    if (second.end === end) p += 1;
    start = end;
  }
  return found;
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

function clock(seconds, digits) {
  if (seconds < 60) return `${seconds.toFixed(digits)} s`;
  const rounded = Number(seconds.toFixed(digits));
  const rest = rounded % 60;
  return `${Math.floor(rounded / 60)}:${rest < 10 ? "0" : ""}${rest.toFixed(digits)}`;
}

function duration(frames) {
  return data.fps > 0 ? clock(frames / data.fps, frames / data.fps < 60 ? 1 : 0) : plural(frames, "frame");
}

function when(run) {
  const frames = run.end - run.start;
  if (data.fps > 0) {
    const [start, end] = [run.start / data.fps, run.end / data.fps];
    return `${clock(start, 1)} – ${clock(end, 1)} (${(end - start).toFixed(1)} s)`;
  }
  return `frames ${run.start} – ${run.end - 1} (${frames})`;
}

const number = (value) => (value === null ? "–" : value.toFixed(1));

function mean(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

// Class colours; further classes, and further background classes, have a hatch as well.
function fillOf(label) {
  const style = data.classes[label];
  return style.hatch ? `url(#hatch-${label})` : plainFillOf(style);
}

function plainFillOf(style) {
  return style.background ? "var(--background-class)" : style.color;
}

function makePatterns() {
  const marks = {
    "//": "M-2 2L2 -2M0 8L8 0M6 10L10 6", "\\\\": "M-2 6L2 10M0 0L8 8M6 -2L10 2", xx: "M0 0L8 8M0 8L8 0",
    "--": "M0 4H8", "||": "M4 0V8", "++": "M0 4H8M4 0V8", "..": "M3 4a1 1 0 1 0 2 0a1 1 0 1 0 -2 0", oo: "M2 4a2 2 0 1 0 4 0a2 2 0 1 0 -4 0",
  };
  data.classes.forEach((style, label) => {
    if (!style.hatch) return;
    // Four letters are the denser form of two.
    const dense = style.hatch.length > 2 ? { patternTransform: "scale(.6)" } : {};
    const pattern = shape("pattern", { id: `hatch-${label}`, width: 8, height: 8, patternUnits: "userSpaceOnUse", ...dense });
    pattern.append(shape("rect", { width: 8, height: 8, fill: plainFillOf(style) }));
    const stroke = style.background ? "var(--muted)" : style.text;
    pattern.append(shape("path", { d: marks[style.hatch.slice(0, 2)], stroke, "stroke-width": 1.2, fill: "none" }));
    byId("patterns").append(pattern);
  });
}

function swatch(label) {
  const picture = shape("svg", { class: "swatch", "aria-hidden": "true", width: 14, height: 14 });
  picture.append(shape("rect", { width: 14, height: 14, fill: fillOf(label) }));
  return picture;
}

const SEED = " · seed ";

// Name of a run in the lists: as short as it can be told apart.
function seriesName(series) {
  const group = data.groups[series.group];
  if (data.groups.length === 1) return `seed ${series.seed}`;
  const alone = data.series.filter((other) => other.group === series.group).length === 1;
  return alone ? group : `${group}${SEED}${series.seed}`;
}

const SORTS = ["worst", "best", "difference", "name", "longest"];
const state = {};

// The part of the address after "#" holds what was chosen, so that a view can be kept and passed on.
function readState() {
  const given = new URLSearchParams(location.hash.replace(/^#/, ""));
  const list = (name, size) => {
    const entries = (given.get(name) || "").split(",").filter(Boolean).map(Number);
    return new Set(entries.filter((entry) => Number.isInteger(entry) && entry >= 0 && entry < size));
  };
  const runs = list("runs", data.series.length);
  state.sort = SORTS.includes(given.get("sort")) ? given.get("sort") : "worst";
  state.score = Math.max(0, data.metrics.indexOf(given.get("score") || data.select));
  state.find = given.get("find") || "";
  state.errors = given.get("errors") === "1";
  state.scale = given.get("scale") === "1";
  state.classes = list("classes", data.classes.length);
  state.runs = runs.size ? runs : new Set(data.series.keys());
}

function writeState() {
  const kept = new URLSearchParams();
  if (state.sort !== "worst") kept.set("sort", state.sort);
  if (data.metrics[state.score] !== data.select) kept.set("score", data.metrics[state.score]);
  if (state.find) kept.set("find", state.find);
  if (state.errors) kept.set("errors", "1");
  if (state.scale) kept.set("scale", "1");
  if (state.classes.size) kept.set("classes", [...state.classes].join(","));
  if (state.runs.size < data.series.length) kept.set("runs", [...state.runs].join(","));
  history.replaceState(null, "", `#${kept}`);
}
