// Controls, the table of classes, and what follows when something is chosen.

// From this many classes on, there is a field to find one.
const MANY_CLASSES = 30;
const classTable = { score: 0, by: "name", descending: false, all: false };

function chip(text, picture, toggle) {
  const made = element("button", { type: "button", class: "chip", "aria-pressed": "false" }, picture, element("span", {}, text));
  made.addEventListener("click", toggle);
  return made;
}

function toggleClass(label) {
  if (!state.classes.delete(label)) state.classes.add(label);
  update();
}

function toggleRun(series) {
  if (!state.runs.delete(series)) state.runs.add(series);
  if (!state.runs.size) state.runs = new Set(data.series.keys());
  update();
}

function makeControls() {
  const tick = () => element("span", { class: "tick", "aria-hidden": "true" }, "✓");
  for (const label of seenClasses()) {
    const made = chip(data.classes[label].name, swatch(label), () => toggleClass(label));
    made.dataset.label = label;
    byId("class-chips").append(made);
  }
  byId("class-find").hidden = byId("class-chips").children.length < MANY_CLASSES;
  byId("class-find").addEventListener("input", ({ target }) => {
    const words = target.value.trim().toLowerCase();
    for (const made of byId("class-chips").children) made.hidden = !made.textContent.toLowerCase().includes(words);
  });
  for (const [index, series] of data.series.entries()) {
    byId("run-chips").append(chip(seriesName(series), tick(), () => toggleRun(index)));
  }
  byId("run-choice").hidden = data.series.length < 2;
  byId("sort").querySelector("[value=difference]").hidden = data.series.length < 2;
  byId("score").append(...data.metrics.map((name, index) => element("option", { value: index }, name)));
  byId("class-score").append(...data.classColumns.map((name, index) => element("option", { value: index }, name)));
  classTable.score = data.classColumns.length - 1;
  byId("class-score").value = classTable.score;
  byId("class-choice").open = matchMedia("(min-width: 46rem)").matches;
  const listen = (id, event, apply) => byId(id).addEventListener(event, (happened) => { apply(happened.target); update(); });
  listen("sort", "change", (control) => { state.sort = control.value; });
  listen("score", "change", (control) => { state.score = Number(control.value); });
  listen("find", "input", (control) => { state.find = control.value; });
  listen("errors", "change", (control) => { state.errors = control.checked; });
  listen("scale", "change", (control) => { state.scale = control.checked; });
  listen("clear", "click", () => { state.classes.clear(); });
  byId("class-score").addEventListener("change", ({ target }) => { classTable.score = Number(target.value); drawClassTable(); });
  byId("class-all").addEventListener("change", ({ target }) => { classTable.all = target.checked; drawClassTable(); });
}

// Classes that occur in a video, by truth or by prediction.
function seenClasses() {
  const seen = new Set();
  const add = (flat) => flat.forEach((label, place) => { if (place % 2 === 0) seen.add(label); });
  for (const video of data.videos) {
    add(video.true);
    Object.values(video.runs).forEach((run) => add(run.segments));
  }
  return [...seen].sort((a, b) => a - b);
}

function showState() {
  byId("sort").value = state.sort;
  byId("score").value = state.score;
  if (byId("find").value !== state.find) byId("find").value = state.find;
  byId("errors").checked = state.errors;
  byId("scale").checked = state.scale;
  byId("clear").hidden = !state.classes.size;
  const known = byId("class-chips").children.length;
  byId("class-count").textContent = state.classes.size ? `(${state.classes.size} of ${known} chosen)` : `(${known})`;
  for (const made of document.querySelectorAll("[data-label]")) {
    made.setAttribute("aria-pressed", state.classes.has(Number(made.dataset.label)));
  }
  [...byId("run-chips").children].forEach((made, index) => made.setAttribute("aria-pressed", state.runs.has(index)));
}

// Numbers of the videos to show, in order.
function chosenVideos() {
  const words = state.find.trim().toLowerCase();
  const holds = (flat) => flat.some((label, place) => place % 2 === 0 && state.classes.has(label));
  const shown = [...data.videos.keys()].filter((index) => {
    const video = data.videos[index];
    const runs = shownRuns(video);
    if (!runs.length || !video.id.toLowerCase().includes(words)) return false;
    return !state.classes.size || holds(video.true) || runs.some((series) => holds(video.runs[series].segments));
  });
  const key = (index) => {
    const video = data.videos[index];
    const scores = scoresOf(video).filter((score) => score !== null);
    if (state.sort === "longest") return -video.frames;
    if (state.sort === "name" || !scores.length) return state.sort === "name" ? 0 : Infinity;
    if (state.sort === "difference") return Math.min(...scores) - Math.max(...scores);
    return state.sort === "worst" ? mean(scores) : -mean(scores);
  };
  const keys = new Map(shown.map((index) => [index, key(index)]));
  // The videos lie in order of name; equal keys keep it.
  return shown.sort((a, b) => (keys.get(a) === keys.get(b) ? a - b : keys.get(a) - keys.get(b)));
}

function update() {
  hideTip();
  showState();
  writeState();
  const shown = chosenVideos();
  const all = data.videos.length;
  let text = shown.length === all ? plural(all, data.item) : `${shown.length} of ${plural(all, data.item)}`;
  if (state.classes.size) {
    text += ` with ${[...state.classes].map((label) => data.classes[label].name).join(", ")}; the other classes are dimmed`;
  }
  byId("status").textContent = shown.length ? `${text}.` : `No ${data.item} fits what was chosen.`;
  shown.forEach(describeCard);
  byId("videos").replaceChildren(...shown.map((index) => cardOf(index).card));
  watcher.disconnect();
  // Those in the window are drawn at once, so that nothing flickers.
  shown.forEach((index) => { if (nearby.has(index)) drawCard(index); });
  nearby.clear();
  shown.forEach((index) => watcher.observe(cardOf(index).card));
}

// "action2" before "action10".
const natural = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

// Columns of the table of classes: {key, title, value(class)}.
function classColumns() {
  const scores = (label) => data.classScores.map((table) => table[label].scores[classTable.score]);
  const columns = [{ key: "name", title: "Class", value: (label) => data.classes[label].name }];
  data.groups.forEach((group, index) => {
    const title = data.groups.length === 1 ? data.classColumns[classTable.score] : group;
    columns.push({ key: `score${index}`, title, value: (label) => scores(label)[index], bar: true });
  });
  if (data.groups.length === 2) {
    const value = (label) => (scores(label).includes(null) ? null : scores(label)[1] - scores(label)[0]);
    columns.push({ key: "difference", title: "Difference", value, signed: true });
  }
  columns.push({ key: "segments", title: data.counted, value: (label) => data.classScores[0][label].segments });
  return columns;
}

function drawClassTable() {
  const columns = classColumns();
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : null;
  const by = columns.find((column) => column.key === classTable.by) || columns[0];
  const empty = (value) => value === null || value === undefined;
  const labels = [...data.classes.keys()].filter(
    (label) => classTable.all || columns.some((column) => column.bar && !empty(column.value(label))));
  labels.sort((a, b) => {
    const [first, second] = [by.value(a), by.value(b)];
    if (empty(first) || empty(second)) return empty(first) - empty(second) || a - b;
    const order = by.key === "name" ? natural.compare(first, second) : first - second;
    return (classTable.descending ? -order : order) || a - b;
  });
  const head = columns.map((column) => {
    const button = element("button", { type: "button", class: "sort", "data-key": `sort-${column.key}` }, column.title);
    button.addEventListener("click", () => {
      classTable.descending = classTable.by === column.key ? !classTable.descending : Boolean(column.signed);
      classTable.by = column.key;
      drawClassTable();
    });
    const order = classTable.descending ? "descending" : "ascending";
    const kind = column.bar ? "number" : "number narrow";
    const attributes = { scope: "col", class: column.key === "name" ? "" : kind };
    return element("th", { ...attributes, "aria-sort": column === by ? order : null }, button);
  });
  const rows = labels.map((label) => element("tr", {}, ...columns.map((column) => classCell(column, label))));
  byId("class-table").style.setProperty("--columns", columns.length - 1);
  byId("class-table").style.setProperty("--abreast", Math.min(columns.length - 1, 4));
  byId("class-table").replaceChildren(
    element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
  if (focused) byId("class-table").querySelector(`[data-key="${focused}"]`)?.focus();
}

function classCell(column, label) {
  if (column.key === "name") {
    const made = chip(data.classes[label].name, swatch(label), () => toggleClass(label));
    made.dataset.label = label;
    made.setAttribute("aria-pressed", state.classes.has(label));
    return element("th", { scope: "row" }, made);
  }
  const value = column.value(label);
  if (column.key === "segments") return element("td", { class: "number" }, value === null ? "–" : String(Number(value.toFixed(1))));
  if (column.signed) {
    const sign = value > 0 ? "+" : value < 0 ? "−" : "";
    return element("td", { class: "number" }, value === null ? "–" : `${sign}${Math.abs(value).toFixed(1)}`);
  }
  return element("td", { class: "number bar", style: `--share:${value === null ? 0 : value / 100}` }, number(value));
}

makePatterns();
readState();
makeControls();
drawClassTable();
update();
addEventListener("hashchange", () => {
  // Links within the page also change this part of the address.
  if (location.hash && !location.hash.includes("=")) return;
  readState();
  update();
});
document.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") onPointer(event); });
document.addEventListener("click", onPointer);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); else onArrow(event); });
document.addEventListener("focusout", hideTip);
document.documentElement.addEventListener("pointerleave", hideTip);
addEventListener("scroll", hideTip, { passive: true });
addEventListener("beforeprint", () => {
  printing = true;
  byId("class-choice").open = true;
  chosenVideos().forEach((index) => { if (!cardOf(index).rows) drawCard(index); });
});
addEventListener("afterprint", () => { printing = false; });
