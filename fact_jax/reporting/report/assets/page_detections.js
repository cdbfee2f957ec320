// Segments that may overlap, instead of a class for every frame. The functions here take the place of those with the
// same names in page_basics.js and page_timelines.js; all others work on both. A frame is a second.

// Pixels of a lane, with the gap below it.
const LANE = 17;

// [class, [start, end, lane, score, right], ...] as objects in order of time; true segments have no score.
function runsOf(flat) {
  const runs = [];
  for (let place = 0; place < flat.length; place += 2) {
    const [start, end, lane, score, right] = flat[place + 1];
    runs.push({ label: flat[place], start, end, lane, score, right });
  }
  return runs.sort((a, b) => a.start - b.start || a.lane - b.lane);
}

function drawRow(row, place, truth, video, width) {
  const lanes = row.runs.reduce((most, run) => Math.max(most, run.lane + 1), 1);
  const told = `${row.name}, ${plural(row.runs.length, row.truth ? "segment" : "detection")}`;
  const picture = shape("svg", { class: "strip lanes", role: "img", "aria-label": told, style: `height:${LANE * lanes + 3}px` });
  const percent = (seconds) => `${((100 * seconds) / video.frames).toFixed(4)}%`;
  row.runs.forEach((run, item) => {
    const dim = state.classes.size && !state.classes.has(run.label);
    const seconds = Math.max(run.end - run.start, 0.002 * video.frames);
    const strength = row.truth ? 1 : 0.15 + 0.85 * Math.min(Math.max(run.score, 0), 1);
    const bar = { x: percent(run.start), width: percent(seconds), y: LANE * run.lane + 2, height: LANE - 2 };
    const looks = { fill: fillOf(run.label), "fill-opacity": strength.toFixed(3), "data-class": run.label, "data-item": item };
    picture.append(shape("rect", { ...bar, ...looks, ...(dim ? { class: "dim" } : {}) }));
    if (state.errors && run.right === 0 && !dim) {
      picture.append(shape("rect", { ...bar, y: bar.y + bar.height - 5, height: 5, class: "error" }));
    }
  });
  const length = element("div", { class: "length", style: `width:${width}` }, picture);
  const score = element("span", { class: "score" }, row.truth ? "" : number(row.score));
  return element("div", { class: row.truth ? "row truth" : "row", "data-row": place },
    labelOf(row.name), element("div", { class: "track" }, length), score);
}

function overlapOf(first, second) {
  const both = Math.min(first.end, second.end) - Math.max(first.start, second.start);
  return both > 0 ? both / (first.end - first.start + second.end - second.start - both) : 0;
}

// What a row has of the class of a segment, where it overlaps it most: {run, overlap}, or null.
function matchIn(row, chosen) {
  const found = row.runs.filter((run) => run.label === chosen.label).map((run) => ({ run, overlap: overlapOf(run, chosen) }));
  const best = found.reduce((most, one) => (!most || one.overlap > most.overlap ? one : most), null);
  return best && best.overlap > 0 ? best : null;
}

function judgement(run) {
  if (run.score === undefined) return "";
  return `score ${run.score.toFixed(2)}, ${run.right ? "right" : "wrong"} at tIoU ${data.right}`;
}

function pointAt(index, row, item, place) {
  const entry = cardOf(index);
  if (!entry.rows) drawCard(index);
  const chosen = entry.rows[row].runs[item];
  hideTip();
  Object.assign(pointed, { index, row, item });
  entry.strips.querySelectorAll(".strip")[row].querySelector(`[data-item="${item}"]`).classList.add("here");
  for (const second of [chosen.start, chosen.end]) {
    entry.strips.querySelectorAll(".row:not(.axis-row) .length").forEach((length) => {
      length.append(element("div", { class: "cursor", style: `left:${(100 * second) / data.videos[index].frames}%` }));
    });
  }
  const others = entry.rows.filter((other) => other !== entry.rows[row]).flatMap((other) => {
    const match = matchIn(other, chosen);
    const score = match && match.run.score !== undefined ? `score ${match.run.score.toFixed(2)}, ` : "";
    return [element("span", {}, other.name), element("span", {}, match ? `${score}tIoU ${match.overlap.toFixed(2)}` : "–")];
  });
  const className = data.classes[chosen.label].name;
  byId("tip").replaceChildren(
    element("strong", {}, swatch(chosen.label), element("span", {}, className)),
    element("div", { class: "when" }, [when(chosen), judgement(chosen)].filter(Boolean).join(" · ")),
    element("div", { class: "also" }, ...others));
  byId("tip").hidden = false;
  placeTip(place);
  return [`${entry.rows[row].name}: ${className}, ${when(chosen)}`, judgement(chosen)].filter(Boolean).join(", ");
}

function onPointer(event) {
  const bar = event.target.closest ? event.target.closest("[data-item]") : null;
  if (!bar) {
    hideTip();
    return;
  }
  const index = Number(bar.closest(".video").dataset.index);
  const place = { x: event.clientX, y: bar.getBoundingClientRect().top };
  pointAt(index, Number(bar.closest(".row").dataset.row), Number(bar.dataset.item), place);
}

function onArrow(event) {
  const strips = event.target.closest(".strips");
  if (!strips || !["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
  event.preventDefault();
  const index = Number(strips.closest(".video").dataset.index);
  const rows = cardOf(index).rows.map((row) => row.runs);
  const fresh = pointed.index !== index || byId("tip").hidden;
  let { row, item } = fresh ? { row: rows.findIndex((runs) => runs.length), item: 0 } : pointed;
  if (row < 0) return;
  const vertical = fresh ? 0 : { ArrowUp: -1, ArrowDown: 1 }[event.key] || 0;
  if (vertical) {
    const from = rows[row][item];
    let next = row + vertical;
    while (rows[next] && !rows[next].length) next += vertical;
    if (rows[next]) {
      row = next;
      const far = (run) => Math.abs(run.start + run.end - from.start - from.end);
      item = rows[row].reduce((best, run, place) => (far(run) < far(rows[row][best]) ? place : best), 0);
    }
  } else if (!fresh) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -rows[row].length, End: rows[row].length }[event.key] || 0;
    item = Math.min(rows[row].length - 1, Math.max(0, item + step));
  }
  const box = strips.querySelectorAll(".strip")[row].querySelector(`[data-item="${item}"]`).getBoundingClientRect();
  byId("announce").textContent = pointAt(index, row, item, { x: box.left + box.width / 2, y: box.top });
}
