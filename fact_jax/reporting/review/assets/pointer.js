// Pointer on the timeline: hovering names, a click goes there and chooses, dragging an edge moves it.

// Pixels around an edge in which it is taken: a finger covers more than a mouse.
const [NEAR_MOUSE, NEAR_FINGER] = [6, 18];
let dragged = null;

function placeOf(event, canvas) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

const trackAt = (y) => layout.tracks.find((track) => y >= track.top - 2 && y <= track.top + track.height + 2) || null;

function segmentAt(track, x, y) {
  if (!track || !track.segments) return null;
  const time = timeOf(x);
  const near = seen(track.segments, Boolean(track.lanes)).filter((one) => one.start <= time && time < one.end);
  return near.find((one) => {
    const box = boxOf(track, one);
    return box && (!track.lanes || (y >= box[0] - 1 && y <= box[0] + box[1] + 1));
  }) || null;
}

// {id, side} of the edge near a place of the track that can be corrected; the chosen segment comes first.
function edgeAt(x, y, reach) {
  const track = trackAt(y);
  if (!track || track.kind !== "own") return null;
  const edges = [];
  for (const one of seen(track.segments, Boolean(track.lanes))) {
    const box = boxOf(track, one);
    if (!box || (track.lanes && (y < box[0] - 2 || y > box[0] + box[1] + 2))) continue;
    for (const side of ["start", "end"]) {
      const away = Math.abs(xOf(one[side]) - x) - (one.id === state.selected ? 0.5 : 0);
      if (away <= reach) edges.push({ id: one.id, side, away, width: xOf(one.end) - xOf(one.start) });
    }
  }
  edges.sort((a, b) => a.away - b.away);
  // The middle of a narrow segment chooses it, so that it can be chosen at all.
  const best = edges[0];
  return best && best.away <= Math.max(best.width / 3, 2) + (reach === NEAR_FINGER ? 4 : 0) ? best : null;
}

const reachOf = (event) => (event.pointerType === "mouse" ? NEAR_MOUSE : NEAR_FINGER);

function onDown(event) {
  if (event.button) return;
  const canvas = byId("tracks");
  const [x, y] = placeOf(event, canvas);
  canvas.setPointerCapture(event.pointerId);
  hideTip();
  pause();
  const edge = data.videos[state.video].seconds ? edgeAt(x, y, reachOf(event)) : null;
  if (edge) {
    choose(edge.id, { go: false });
    dragged = { ...edge, from: work().segments, moved: null };
    canvas.style.cursor = "ew-resize";
    return;
  }
  dragged = { scrub: true };
  const track = trackAt(y);
  if (track && track.kind === "own") {
    const segment = segmentAt(track, x, y);
    if (segment) choose(segment.id, { go: false });
  }
  goTo(timeOf(x));
}

function onMove(event) {
  const [x, y] = placeOf(event, byId("tracks"));
  if (!dragged) {
    hover(event, x, y);
    return;
  }
  if (dragged.scrub) {
    goTo(timeOf(x));
    return;
  }
  const { overlapping } = data.videos[state.video];
  const edit = movedEdge(dragged.from, dragged.id, dragged.side, timeOf(x), frames(), overlapping);
  dragged.moved = edit;
  work().segments = edit ? edit.segments : dragged.from;
  const edge = selected()[dragged.side];
  // What is seen is the first frame behind the edge.
  goTo(insideOf(frames(), Math.min(frameFrom(frames(), edge), frames().times.length - 1)));
  showPanel();
  redraw();
}

function onUp(event) {
  const last = dragged;
  dragged = null;
  byId("tracks").style.cursor = "";
  if (!last || last.scrub) return;
  work().segments = last.from;
  if (last.moved && event.type !== "pointercancel") apply(last.moved, `${last.side} moved to ${clock(last.moved.segments.find((one) => one.id === last.id)[last.side], 3)}`);
  else refresh();
}

function hover(event, x, y) {
  if (event.pointerType !== "mouse") return;
  const track = trackAt(y);
  byId("tracks").style.cursor = data.videos[state.video].seconds && edgeAt(x, y, NEAR_MOUSE) ? "ew-resize" : "";
  const segment = segmentAt(track, x, y);
  if (!segment) {
    hideTip();
    return;
  }
  showTip(track, segment, event);
}

function showTip(track, segment, event) {
  const lines = [`${clock(segment.start, 3)} – ${clock(segment.end, 3)} (${clock(segment.end - segment.start, 3)})`];
  if (segment.score !== null) lines.push(`${track.lanes ? "score" : "confidence"} ${percent(segment.score)}`);
  if (segment.own) lines.push("corrected here");
  const tip = byId("tip");
  tip.replaceChildren(
    element("strong", {}, swatch(segment.label), element("span", {}, nameOf(segment.label))),
    ...lines.map((line) => element("div", {}, line)),
    element("div", { class: "what" }, track.name));
  tip.hidden = false;
  const left = clamp(event.clientX - tip.offsetWidth / 2, 8, document.documentElement.clientWidth - tip.offsetWidth - 8);
  const above = event.clientY - tip.offsetHeight - 18;
  tip.style.left = `${left}px`;
  tip.style.top = `${above >= 4 ? above : event.clientY + 24}px`;
}

function hideTip() {
  byId("tip").hidden = true;
}

function onWheel(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    event.preventDefault();
    zoom(Math.exp(clamp(event.deltaY, -200, 200) * 0.003), timeOf(placeOf(event, byId("tracks"))[0]));
  } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    event.preventDefault();
    pan(((event.deltaX || event.deltaY) / timelineWidth()) * (state.to - state.from));
  }
}

function onOverview(event) {
  if (event.type === "pointermove" && !event.buttons) return;
  const canvas = byId("overview");
  canvas.setPointerCapture(event.pointerId);
  const time = (placeOf(event, canvas)[0] / canvas.clientWidth) * frames().end;
  const span = state.to - state.from;
  if (event.type === "pointerdown") goTo(time);
  setView(time - span / 2, time + span / 2);
}
