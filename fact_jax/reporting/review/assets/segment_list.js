// The list of segments: only the rows that can be seen are in the page, so that thousands cost nothing.

const ROW_HEIGHT = 34;
let listedFrom = null;
let shownList = [];

// Segments in the order of the list.
function listed() {
  const { segments, truth } = work();
  const key = [segments, state.sort, state.threshold];
  if (listedFrom && key.every((part, place) => part === listedFrom[place])) return shownList;
  listedFrom = key;
  const list = segments.filter((one) => isShown(one));
  const sure = (one) => (one.score === null ? 2 : one.score);
  if (state.sort === "sure") list.sort((a, b) => sure(a) - sure(b) || byTime(a, b));
  if (state.sort === "truth" && truth) {
    const right = new Map(list.map((one) => [one.id, agreement(one, truth)]));
    list.sort((a, b) => right.get(a.id) - right.get(b.id) || byTime(a, b));
  }
  if (state.sort === "short") list.sort((a, b) => a.end - a.start - (b.end - b.start) || byTime(a, b));
  shownList = list;
  return list;
}

// How much of a segment the ground truth agrees with, in [0, 1]; of overlapping ones the best overlap with one.
function agreement(segment, truth) {
  const { overlapping } = data.videos[state.video];
  let [sum, best] = [0, 0];
  const first = overlapping ? 0 : firstWhereNot(truth.length, (place) => truth[place].end <= segment.start);
  for (let place = first; place < truth.length && truth[place].start < segment.end; place += 1) {
    const one = truth[place];
    const shared = Math.min(one.end, segment.end) - Math.max(one.start, segment.start);
    if (one.label !== segment.label || shared <= 0) continue;
    sum += shared;
    best = Math.max(best, shared / (one.end - one.start + segment.end - segment.start - shared));
  }
  return overlapping ? best : sum / (segment.end - segment.start);
}

function showList() {
  const list = listed();
  const box = byId("segments");
  const rows = byId("segment-rows");
  rows.style.height = `${list.length * ROW_HEIGHT}px`;
  const place = list.findIndex((one) => one.id === state.selected);
  if (place >= 0) bringIntoView(box, place);
  drawRows();
  byId("segment-count").textContent = countText(list.length);
}

function countText(count) {
  const hidden = work().segments.length - count;
  return `${plural(count, "segment")}${hidden ? `, ${hidden} below the least score` : ""}`;
}

function bringIntoView(box, place) {
  const top = place * ROW_HEIGHT;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + ROW_HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW_HEIGHT - box.clientHeight;
}

function drawRows() {
  const list = listed();
  const box = byId("segments");
  const first = Math.max(Math.floor(box.scrollTop / ROW_HEIGHT) - 4, 0);
  const last = Math.min(Math.ceil((box.scrollTop + box.clientHeight) / ROW_HEIGHT) + 4, list.length);
  byId("segment-rows").replaceChildren(...list.slice(first, last).map((one, offset) => rowOf(one, first + offset, list.length)));
  const active = list.some((one) => one.id === state.selected) ? `segment-${state.selected}` : "";
  box.setAttribute("aria-activedescendant", active);
}

function rowOf(segment, place, count) {
  const chosen = segment.id === state.selected;
  const compared = state.sort === "truth" && work().truth ? `${Math.round(100 * agreement(segment, work().truth))} % right` : percent(segment.score);
  const told = segment.own ? "corrected" : compared;
  const unsure = !segment.own && segment.score !== null && segment.score < 0.5;
  return element(
    "div",
    {
      class: "row", role: "option", id: `segment-${segment.id}`, "data-id": segment.id, "aria-selected": String(chosen),
      "aria-setsize": count, "aria-posinset": place + 1, style: `top:${place * ROW_HEIGHT}px;height:${ROW_HEIGHT}px`,
    },
    swatch(segment.label),
    element("span", { class: "name", title: nameOf(segment.label) }, nameOf(segment.label)),
    element("span", { class: "when" }, `${clock(segment.start)} – ${clock(segment.end)}`),
    element("span", { class: unsure ? "score unsure" : "score" }, told));
}

function onListClick(event) {
  const row = event.target.closest("[data-id]");
  if (row) choose(Number(row.dataset.id));
}

function onListKey(event) {
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -1e9, End: 1e9 };
  if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  const list = listed();
  const place = list.findIndex((one) => one.id === state.selected);
  const next = list[clamp(place < 0 ? 0 : place + steps[event.key], 0, list.length - 1)];
  if (next) choose(next.id);
}

function showSorts() {
  const scored = work().predicted.some((one) => one.score !== null);
  const offers = [["time", "in order of time"], ["short", "shortest first"]];
  if (scored) offers.unshift(["sure", "least sure first"]);
  if (work().truth) offers.push(["truth", "least like the ground truth first"]);
  // Without confidence the ground truth tells where to look first.
  if (!offers.some(([value]) => value === state.sort)) state.sort = work().truth ? "truth" : "time";
  byId("sort").replaceChildren(...offers.map(([value, text]) => element("option", { value, selected: value === state.sort }, text)));
}
