// Which part of the video the timeline shows: from `state.from` to `state.to` seconds.

// Pixels that a frame may take at most.
const WIDEST_FRAME = 60;

function setView(from, to) {
  const all = frames();
  const [begin, length] = [Math.min(all.times[0], 0), all.end - Math.min(all.times[0], 0)];
  const shortest = Math.min(length, (length / all.times.length) * Math.max(timelineWidth() / WIDEST_FRAME, 1));
  const span = clamp(to - from, shortest, length);
  const middle = (from + to) / 2;
  state.from = clamp(middle - span / 2, begin, begin + length - span);
  state.to = state.from + span;
  redraw();
}

const fitAll = () => setView(0, frames().end);

// Makes the shown part `factor` times as long; the time `at` stays where it is.
function zoom(factor, at = now()) {
  const place = clamp(at, state.from, state.to);
  setView(place - (place - state.from) * factor, place + (state.to - place) * factor);
}

function pan(seconds) {
  setView(state.from + seconds, state.to + seconds);
}

// Turns the page of the timeline where the video runs out of it.
function follow() {
  const span = state.to - state.from;
  if (now() > state.to - 0.02 * span || now() < state.from) setView(now() - 0.1 * span, now() + 0.9 * span);
}

function showSegment(segment) {
  const span = state.to - state.from;
  if (segment.end - segment.start > span) setView(segment.start - span * 0.1, segment.end + span * 0.1);
  else if (segment.start < state.from || segment.end > state.to) {
    const middle = (segment.start + segment.end) / 2;
    setView(middle - span / 2, middle + span / 2);
  }
}

const timelineWidth = () => byId("tracks").clientWidth || 1;
const xOf = (time) => ((time - state.from) / (state.to - state.from)) * timelineWidth();
const timeOf = (x) => state.from + (x / timelineWidth()) * (state.to - state.from);
