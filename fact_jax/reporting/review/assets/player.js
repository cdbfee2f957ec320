// The video, or a clock where there is none: where it is, and how it gets elsewhere.

// Not called "screen": that is the window's.
const picture = byId("video");
const player = { time: 0, wanted: null, playing: false, stopAt: null, rate: 1, hasVideo: false, lastTick: 0 };

const now = () => player.time;
const frames = () => framesOf(state.video);

function openVideo(index) {
  const video = data.videos[index];
  pause();
  player.hasVideo = Boolean(video.src);
  player.time = edgeOf(framesOf(index), 0);
  player.wanted = null;
  byId("other-frame").hidden = true;
  picture.hidden = !video.src;
  if (video.src) picture.src = video.src;
  else picture.removeAttribute("src");
  tellNotes(video.notes, video.src ? "" : "This video is not shown: the page knows no file of it that can be played.");
  if (video.src) goTo(insideOf(framesOf(index), 0));
}

function tellNotes(notes, message) {
  byId("message").hidden = !message;
  byId("message").parentNode.classList.toggle("empty", Boolean(message));
  byId("message-text").textContent = message;
  byId("notes").replaceChildren(...notes.map((note) => element("li", {}, note)));
  byId("notes").hidden = !notes.length;
}

function onBroken() {
  if (!picture.getAttribute("src")) return;
  player.hasVideo = false;
  picture.hidden = true;
  const file = decodeURIComponent(data.videos[state.video].src);
  const reason = picture.error && picture.error.code === 4 ? "this browser finds no file there, or cannot play it" : "it is damaged";
  tellNotes(data.videos[state.video].notes, `${file} is not shown: ${reason}. --page_videos transcode writes videos that every browser plays.`);
}

// Goes to a time; while the browser still looks for an earlier one, only the last is kept.
function goTo(time) {
  const all = frames();
  player.time = clamp(time, all.times[0], all.end);
  if (player.hasVideo) {
    const target = insideOf(all, frameAt(all, player.time));
    if (picture.seeking || picture.readyState < 1) player.wanted = target;
    else picture.currentTime = target;
  }
  showTime();
}

function onSeeked() {
  if (player.wanted === null) return;
  const target = player.wanted;
  player.wanted = null;
  picture.currentTime = target;
}

// Browsers tell which frame they show. Where frames refer to later ones and the rate varies, Chromium may show the next
// key frame instead of the one before it: who corrects labels has to know.
function watchShown() {
  if (!picture.requestVideoFrameCallback) return;
  picture.requestVideoFrameCallback((_, { mediaTime }) => {
    watchShown();
    if (!player.hasVideo || player.playing || picture.seeking || player.wanted !== null) return;
    const [wanted, found] = [frameAt(frames(), now()), frameAt(frames(), mediaTime + INSIDE)];
    byId("other-frame").hidden = wanted === found;
    byId("other-frame").textContent = `This browser shows frame ${found} here, not ${wanted}: --page_videos transcode writes a copy of which every frame is found.`;
  });
}

function goToFrame(frame) {
  pause();
  goTo(insideOf(frames(), clamp(frame, 0, frames().times.length - 1)));
  follow();
}

const stepFrames = (count) => goToFrame(frameAt(frames(), now()) + count);

function play(stopAt = null) {
  if (now() >= insideOf(frames(), frames().times.length - 1)) goTo(edgeOf(frames(), 0));
  player.stopAt = stopAt;
  player.playing = true;
  player.lastTick = performance.now();
  if (player.hasVideo) picture.play().catch(() => pause());
  showPlaying();
  requestAnimationFrame(tick);
}

function pause() {
  player.playing = false;
  if (!picture.paused) picture.pause();
  showPlaying();
}

const toggle = () => (player.playing ? pause() : play());

function playSegment() {
  const segment = selected();
  if (!segment) return;
  goTo(insideOf(frames(), frameFrom(frames(), segment.start)));
  play(segment.end);
}

function setRate(rate) {
  player.rate = rate;
  picture.playbackRate = rate;
  byId("rate").value = String(rate);
}

function tick() {
  if (!player.playing) return;
  const moment = performance.now();
  if (!player.hasVideo) player.time += ((moment - player.lastTick) / 1000) * player.rate;
  else if (!picture.seeking && player.wanted === null) player.time = picture.currentTime;
  player.lastTick = moment;
  const end = player.stopAt === null ? frames().end : player.stopAt;
  if (now() >= end - EXACT || (player.hasVideo && picture.ended)) {
    pause();
    // The frame that is shown last belongs to what was played.
    goTo(insideOf(frames(), Math.max(frameFrom(frames(), Math.min(end, frames().end)) - 1, 0)));
  } else requestAnimationFrame(tick);
  follow();
  showTime();
}

function showPlaying() {
  byId("play").textContent = player.playing ? "Pause" : "Play";
  byId("play").setAttribute("aria-pressed", String(player.playing));
}

// Everything that says where the video is; the tracks themselves are not drawn again.
function showTime() {
  const frame = frameAt(frames(), now());
  byId("time").textContent = `${clock(edgeOf(frames(), frame), 3)} · frame ${frame}`;
  const here = segmentsAt(work().segments, now());
  const truth = work().truth ? segmentsAt(work().truth, now()) : [];
  byId("here").replaceChildren(...namesOf(here, "shown"), ...(truth.length ? namesOf(truth, "ground truth") : []));
  const slider = byId("timeline");
  slider.setAttribute("aria-valuenow", now().toFixed(3));
  slider.setAttribute("aria-valuetext", `${clock(now())}, ${here.map((one) => nameOf(one.label)).join(", ") || "nothing"}`);
  movePlayhead();
}

function namesOf(segments, what) {
  const chips = segments.slice(0, 3).map((one) => element("span", { class: "named" }, swatch(one.label), nameOf(one.label)));
  return [element("span", { class: "what" }, what === "shown" ? "now" : what), ...chips, ...(chips.length ? [] : ["–"])];
}

// Segments that hold the frame of a time.
function segmentsAt(segments, time) {
  const began = edgeOf(frames(), frameAt(frames(), time));
  return segments.filter((one) => one.start <= began + EXACT && one.end > began + EXACT && isShown(one));
}
