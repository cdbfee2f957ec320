// Cards of the videos: drawn when they come near the window, emptied when they are far away again.

const cards = new Map();
const nearby = new Set();
let printing = false;

const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const index = Number(entry.target.dataset.index);
    if (entry.isIntersecting) {
      nearby.add(index);
      drawCard(index);
    } else if (!printing) {
      nearby.delete(index);
      emptyCard(index);
    }
  }
}, { rootMargin: "800px 0px" });

function shownRuns(video) {
  return [...state.runs].sort((a, b) => a - b).filter((series) => video.runs[series]);
}

function scoresOf(video) {
  return shownRuns(video).map((series) => video.runs[series].scores[state.score]);
}

function cardOf(index) {
  if (!cards.has(index)) {
    const video = data.videos[index];
    const title = element("h3", {}, element("span", {}, video.id), element("small"));
    const strips = element("div", { class: "strips", tabindex: 0, role: "group" });
    const card = element("article", { class: "video", "data-index": index, "data-video": video.id }, title, strips);
    cards.set(index, { card, strips, small: title.lastChild, rows: null });
  }
  return cards.get(index);
}

function describeCard(index) {
  const video = data.videos[index];
  const { strips, small } = cardOf(index);
  const score = mean(scoresOf(video));
  const parts = [data.splits.length > 1 ? video.split : null, duration(video.frames)];
  parts.push(`${data.metrics[state.score]} ${number(score)}${scoresOf(video).length > 1 ? " on average" : ""}`);
  small.textContent = parts.filter(Boolean).join(" · ");
  strips.setAttribute("aria-label", `Timelines of ${video.id}. Arrow keys go from segment to segment and from line to line.`);
  // Keeps the place of what is not drawn, so that the page does not jump.
  if (!cards.get(index).rows) strips.style.minHeight = `${28 * (shownRuns(video).length + 1) + 24}px`;
}

function drawCard(index) {
  const video = data.videos[index];
  const entry = cardOf(index);
  const truth = runsOf(video.true);
  entry.rows = [{ name: "ground truth", runs: truth, score: null, truth: true }];
  for (const series of shownRuns(video)) {
    const run = video.runs[series];
    entry.rows.push({ name: seriesName(data.series[series]), runs: runsOf(run.segments), score: run.scores[state.score] });
  }
  const width = state.scale ? `${(100 * video.frames) / data.longest}%` : "100%";
  entry.strips.replaceChildren(...entry.rows.map((row, place) => drawRow(row, place, truth, video, width)));
  entry.strips.append(drawAxis(video.frames, width));
  entry.strips.style.minHeight = "";
}

function emptyCard(index) {
  const entry = cardOf(index);
  if (!entry.rows || entry.strips === document.activeElement) return;
  entry.strips.style.minHeight = `${entry.strips.offsetHeight}px`;
  entry.strips.replaceChildren();
  entry.rows = null;
}

function drawRow(row, place, truth, video, width) {
  const picture = shape("svg", { class: "strip", role: "img", "aria-label": `${row.name}, ${plural(row.runs.length, "segment")}` });
  const percent = (frames) => `${((100 * frames) / video.frames).toFixed(4)}%`;
  const counts = (label) => !state.classes.size || state.classes.has(label);
  for (const run of row.runs) {
    const dim = !counts(run.label);
    const attributes = { x: percent(run.start), width: percent(run.end - run.start), height: "100%", fill: fillOf(run.label) };
    picture.append(shape("rect", { ...attributes, "data-class": run.label, ...(dim ? { class: "dim" } : {}) }));
  }
  if (state.errors && !row.truth) {
    for (const error of errorsOf(truth, row.runs, counts)) {
      const attributes = { x: percent(error.start), width: percent(error.end - error.start), y: "17", height: "6" };
      picture.append(shape("rect", { ...attributes, class: "error" }));
    }
  }
  const length = element("div", { class: "length", style: `width:${width}` }, picture);
  const score = element("span", { class: "score" }, row.truth ? "" : number(row.score));
  return element("div", { class: row.truth ? "row truth" : "row", "data-row": place },
    labelOf(row.name), element("div", { class: "track" }, length), score);
}

// The name of a row; where it is too long it is cut before the seed.
function labelOf(name) {
  const [group, ...seed] = name.split(SEED);
  const end = seed.length ? element("span", { class: "seed" }, `${SEED}${seed.join(SEED)}`) : null;
  return element("span", { class: "label", title: name }, element("span", { class: "group" }, group), end);
}

function drawAxis(frames, width) {
  const unit = data.fps > 0 ? data.fps : 1;
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
  const plain = [1, 2, 5].flatMap((first) => [...Array(9).keys()].map((power) => first * 10 ** power)).sort((a, b) => a - b);
  const enough = (step) => frames / unit / step <= (state.scale ? 3 : 6);
  const step = (data.fps > 0 ? steps : plain).find(enough) || frames / unit / 5;
  const length = element("div", { class: "length", style: `width:${width}` });
  for (let tick = 0; tick * step <= (frames / unit) * 0.97; tick += 1) {
    const text = data.fps > 0 ? clock(tick * step, step < 1 ? 1 : 0) : String(tick * step);
    length.append(element("span", { style: `left:${(100 * tick * step * unit) / frames}%` }, text));
  }
  return element("div", { class: "row axis-row", "aria-hidden": "true" },
    element("span"), element("div", { class: "track" }, length), element("span"));
}

// What a pointer or the arrow keys are on.
const pointed = { index: null, row: 0, frame: 0 };

function pointAt(index, row, frame, place) {
  const entry = cardOf(index);
  if (!entry.rows) drawCard(index);
  const video = data.videos[index];
  const chosen = entry.rows[row].runs[runAt(entry.rows[row].runs, frame)];
  Object.assign(pointed, { index, row, frame });
  entry.strips.querySelectorAll(".here").forEach((old) => old.classList.remove("here"));
  entry.strips.querySelectorAll(".strip")[row].parentNode.classList.add("here");
  markTime(entry, frame, video.frames);
  const className = data.classes[chosen.label].name;
  const others = entry.rows.flatMap((other) => {
    const label = other.runs[runAt(other.runs, frame)].label;
    return [element("span", {}, other.name), element("span", {}, swatch(label), data.classes[label].name)];
  });
  byId("tip").replaceChildren(
    element("strong", {}, swatch(chosen.label), element("span", {}, className)),
    element("div", { class: "when" }, when(chosen)),
    element("div", { class: "also" }, ...others));
  byId("tip").hidden = false;
  placeTip(place);
  return `${entry.rows[row].name}: ${className}, ${when(chosen)}`;
}

function markTime(entry, frame, frames) {
  document.querySelectorAll(".cursor").forEach((old) => old.remove());
  entry.strips.querySelectorAll(".row:not(.axis-row) .length").forEach((length) => {
    length.append(element("div", { class: "cursor", style: `left:${(100 * (frame + 0.5)) / frames}%` }));
  });
}

function placeTip({ x, y }) {
  const tip = byId("tip");
  const [width, height] = [tip.offsetWidth, tip.offsetHeight];
  const left = Math.min(Math.max(8, x - width / 2), document.documentElement.clientWidth - width - 8);
  const above = y - height - 22;
  tip.style.left = `${left}px`;
  tip.style.top = `${above >= 8 ? above : Math.min(y + 34, innerHeight - height - 8)}px`;
}

function hideTip() {
  byId("tip").hidden = true;
  document.querySelectorAll(".here").forEach((old) => old.classList.remove("here"));
  document.querySelectorAll(".cursor").forEach((old) => old.remove());
}

function onPointer(event) {
  const strip = event.target.closest ? event.target.closest(".strip") : null;
  if (!strip) {
    hideTip();
    return;
  }
  const index = Number(strip.closest(".video").dataset.index);
  const box = strip.getBoundingClientRect();
  const frames = data.videos[index].frames;
  const frame = Math.min(frames - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * frames)));
  pointAt(index, Number(strip.closest(".row").dataset.row), frame, { x: event.clientX, y: box.top });
}

function onArrow(event) {
  const strips = event.target.closest(".strips");
  if (!strips || !["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
  event.preventDefault();
  const index = Number(strips.closest(".video").dataset.index);
  const rows = cardOf(index).rows;
  const fresh = pointed.index !== index || byId("tip").hidden;
  let { row, frame } = fresh ? { row: 0, frame: 0 } : pointed;
  row = Math.min(row, rows.length - 1);
  const vertical = { ArrowUp: -1, ArrowDown: 1 }[event.key] || 0;
  if (!fresh) row = Math.min(rows.length - 1, Math.max(0, row + vertical));
  const runs = rows[row].runs;
  if (!fresh && !vertical) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -runs.length, End: runs.length }[event.key];
    const next = Math.min(runs.length - 1, Math.max(0, runAt(runs, frame) + step));
    frame = Math.floor((runs[next].start + runs[next].end - 1) / 2);
  }
  const box = strips.querySelectorAll(".strip")[row].getBoundingClientRect();
  const x = box.left + (box.width * (frame + 0.5)) / data.videos[index].frames;
  byId("announce").textContent = pointAt(index, row, frame, { x, y: box.top });
}
