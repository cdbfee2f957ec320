// Draws the timeline and, above it, the whole video with the part that the timeline shows.

let layout = { tracks: [], height: 0 };
let isWaiting = false;

function redraw() {
  if (isWaiting) return;
  isWaiting = true;
  requestAnimationFrame(() => {
    isWaiting = false;
    drawTimeline();
    drawOverview();
    movePlayhead();
  });
}

// A context of a canvas that is as large as it is shown, in pixels of the page.
function contextOf(canvas, height) {
  const scale = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';
  context.textBaseline = "middle";
  return context;
}

function drawTimeline() {
  layout = layTracks();
  const canvas = byId("tracks");
  const context = contextOf(canvas, layout.height);
  const width = canvas.clientWidth;
  drawAxis(context, width);
  for (const track of layout.tracks) {
    context.fillStyle = inkOf("muted");
    context.fillText(track.name, 2, track.top - NAME_HEIGHT / 2 + 1);
    context.fillStyle = inkOf("soft");
    context.fillRect(0, track.top, width, track.height);
    if (track.kind === "curve") drawCurve(context, track);
    else drawSegments(context, track);
  }
  drawSelected(context);
}

function drawSegments(context, track) {
  const { overlapping } = data.videos[state.video];
  let covered = -1;
  for (const segment of seen(track.segments, overlapping)) {
    const box = boxOf(track, segment);
    if (!box) continue;
    const [left, right] = [Math.max(xOf(segment.start), -2), Math.min(xOf(segment.end), timelineWidth() + 2)];
    // Thousands of segments that are narrower than a pixel: one of each column is enough.
    if (!overlapping && right <= covered) continue;
    covered = Math.ceil(right);
    const wide = Math.max(right - left, overlapping ? 2 : 0.75);
    context.globalAlpha = overlapping && segment.score !== null ? 0.3 + 0.7 * clamp(segment.score, 0, 1) : 1;
    context.fillStyle = fillOf(context, segment.label);
    context.fillRect(left, box[0], wide, box[1]);
    context.globalAlpha = 1;
    if (wide > 3) {
      context.strokeStyle = inkOf("card");
      context.lineWidth = 1;
      context.strokeRect(left + 0.5, box[0] + 0.5, wide - 1, box[1] - 1);
    }
    if (wide > 26) drawName(context, segment, left, wide, box);
  }
}

function drawName(context, segment, left, wide, [top, height]) {
  const text = fitted(context, nameOf(segment.label), wide - 10);
  if (!text) return;
  // A faint detection is as light as the page below it.
  const faint = data.videos[state.video].overlapping && segment.score !== null && segment.score < 0.45;
  const patterned = data.classes[segment.label].hatch;
  const at = Math.max(left, 0) + 5;
  if (patterned) {
    context.fillStyle = plainFill(segment.label);
    context.fillRect(at - 2, top + height / 2 - 8, context.measureText(text).width + 4, 16);
  }
  context.fillStyle = faint && !patterned ? inkOf("ink") : textOn(segment.label);
  context.fillText(text, at, top + height / 2 + 0.5);
}

// A text that is cut to a width; "" where not even three letters fit.
function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  const count = firstWhereNot(text.length, (length) => context.measureText(`${text.slice(0, length + 1)}…`).width <= width);
  return count >= 3 ? `${text.slice(0, count)}…` : "";
}

function drawSelected(context) {
  const segment = selected();
  const track = layout.tracks.find((one) => one.kind === "own");
  const box = segment && track && boxOf(track, segment);
  if (!box || !isShown(segment)) return;
  const [left, right] = [xOf(segment.start), xOf(segment.end)];
  for (const [color, thick] of [["card", 5], ["accent", 3]]) {
    context.strokeStyle = inkOf(color);
    context.lineWidth = thick;
    context.strokeRect(left, box[0] - 1, Math.max(right - left, 2), box[1] + 2);
  }
  context.fillStyle = inkOf("accent");
  for (const x of [left, right]) context.fillRect(x - 4, box[0] + box[1] / 2 - 8, 8, 16);
}

function drawAxis(context, width) {
  const span = state.to - state.from;
  const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];
  const step = steps.find((one) => (one / span) * width >= 78) || 14400;
  const digits = step < 0.01 ? 3 : step < 0.1 ? 2 : step < 1 ? 1 : 0;
  context.fillStyle = inkOf("muted");
  context.strokeStyle = inkOf("line");
  context.lineWidth = 1;
  for (let tick = Math.ceil(state.from / step); tick * step < state.to; tick += 1) {
    const x = Math.round(xOf(tick * step)) + 0.5;
    context.beginPath();
    context.moveTo(x, AXIS_HEIGHT - 5);
    context.lineTo(x, AXIS_HEIGHT);
    context.stroke();
    if (x < width - 44) context.fillText(clock(tick * step, digits), x + 3, AXIS_HEIGHT / 2 - 1);
  }
}

// How sure the network was: of every frame where that is known, else of every segment.
function drawCurve(context, { top, height }) {
  const width = timelineWidth();
  context.beginPath();
  context.moveTo(0, top + height);
  for (let x = 0; x <= width; x += 1) context.lineTo(x, top + height * (1 - sureness(timeOf(x))));
  context.lineTo(width, top + height);
  context.fillStyle = inkOf("curve");
  context.fill();
  context.strokeStyle = inkOf("muted");
  context.setLineDash([2, 3]);
  context.beginPath();
  context.moveTo(0, top + height / 2 + 0.5);
  context.lineTo(width, top + height / 2 + 0.5);
  context.stroke();
  context.setLineDash([]);
}

function sureness(time) {
  const { curve } = data.videos[state.video];
  if (curve) {
    const count = frames().times.length;
    const point = Math.ceil(((frameAt(frames(), time) + 1) * curve.length) / count) - 1;
    return curve[clamp(point, 0, curve.length - 1)] / 100;
  }
  const list = work().predicted;
  const place = firstWhereNot(list.length, (one) => list[one].end <= time);
  return list[place] ? list[place].score || 0 : 0;
}

function drawOverview() {
  const canvas = byId("overview");
  const context = contextOf(canvas, 26);
  const width = canvas.clientWidth;
  const scale = width / frames().end;
  context.fillStyle = inkOf("soft");
  context.fillRect(0, 4, width, 18);
  let covered = -1;
  for (const segment of work().segments) {
    const right = segment.end * scale;
    if ((!data.videos[state.video].overlapping && right <= covered) || !isShown(segment)) continue;
    covered = Math.ceil(right);
    context.fillStyle = fillOf(context, segment.label);
    context.fillRect(segment.start * scale, 4, Math.max(right - segment.start * scale, 0.75), 18);
  }
  context.strokeStyle = inkOf("ink");
  context.lineWidth = 2;
  context.strokeRect(state.from * scale + 1, 2, Math.max((state.to - state.from) * scale - 2, 4), 22);
}

function movePlayhead() {
  const x = xOf(now());
  const line = byId("playhead");
  line.hidden = x < -1 || x > timelineWidth() + 1;
  line.style.transform = `translateX(${x.toFixed(1)}px)`;
  const whole = byId("overview-playhead");
  whole.style.transform = `translateX(${((now() / frames().end) * byId("overview").clientWidth).toFixed(1)}px)`;
}
